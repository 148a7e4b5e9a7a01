"""What one worker process is told to watch."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.edge.shadow_link import Way

# Settings that no camera's line is made of: they may change under it.
_ELSEWHERE = ("page", "disk", "live", "upload", "regulator", "mutes", "notify", "model", "shadow")


@dataclass(frozen=True)
class Job:
    """What one worker is to watch. addresses: with credentials, by camera id. shadow: where one listens, if any."""

    settings: EdgeSettings
    addresses: Mapping[str, str] = field(repr=False)
    camera_ids: tuple[str, ...]
    shadow: Way | None = None

    def section(self, camera_id: str) -> CameraSection:
        """Of one of its cameras."""
        return next(camera for camera in self.settings.cameras if camera.id == camera_id)

    def line_of(self, camera_id: str) -> tuple[EdgeSettings, str]:
        """All that one camera's line is made of: what else is in the settings may change under it."""
        others = {key: EdgeSettings.model_fields[key].default for key in _ELSEWHERE}
        settings = self.settings.model_copy(update={**others, "cameras": (self.section(camera_id),)})
        return settings, self.addresses[camera_id]
