"""What a worker tells the supervisor, once a second."""

from dataclasses import dataclass, field
from datetime import datetime

from kitchenvision.wire_box import BoxModel


@dataclass(frozen=True)
class RuleTime:
    """Seconds since the start in which a rule was watched in a zone, and in which it was due there."""

    zone: str
    rule_id: str
    observed_s: float
    due_s: float


@dataclass(frozen=True)
class CameraState:
    """One camera, as people and metrics want to know it.

    Attributes:
        camera_id, name, address: which; the address without credentials.
        state: of `lifecycle.State`. cause: of `causes.Cause`, empty while there is a picture. problem: in words.
        blind_s: seconds without a frame; 0 while live. next_try_s: seconds until the next call.
        reconnects: failures by cause. abandoned: stuck readers.
        fps: analysed frames a second over the last seconds. analysed, skipped, dropped: frames since the start.
        lag_s: from arrival to the end of the analysis, latest frame.
        width, height, codec: of the stream; 0 and empty before the first picture.
        decoder: a device or ``software``. notes: on the stream, such as why a wanted device is not used.
        violations, last_rule, last_at: findings. unsaved: steps that wait for the disk.
        looks, cannot_judge: looks of rules, and how many of them could not be judged.
        main_looks: looks for which the main stream's picture was asked for, by `types.MainUse`.
        troubles: of `health.Trouble`. observed_s, unseen_s: seconds in which the camera could see, and could not.
        rule_times: by zone and rule, of the running worker.
        clock_jumps: steps of the system's clock. picture, picture_at: a small JPEG and when it was taken.
        probation: what it finds stays on this box. muted: nobody is judged now, with the reason and until when.
        model: that looks at it; None while it is being loaded.
        thumbnail: the same picture, smaller still, for the regulator's wall; empty when that is switched off.
    """

    camera_id: str
    name: str
    address: str
    state: str = "backing off"
    cause: str = ""
    problem: str = ""
    blind_s: float = 0.0
    next_try_s: float = 0.0
    reconnects: dict[str, int] = field(default_factory=dict)
    abandoned: int = 0
    fps: float = 0.0
    analysed: int = 0
    skipped: int = 0
    dropped: int = 0
    lag_s: float = 0.0
    width: int = 0
    height: int = 0
    codec: str = ""
    decoder: str = ""
    notes: tuple[str, ...] = ()
    violations: int = 0
    last_rule: str = ""
    last_at: datetime | None = None
    unsaved: int = 0
    looks: int = 0
    cannot_judge: int = 0
    main_looks: dict[str, int] = field(default_factory=dict)
    clock_jumps: int = 0
    troubles: tuple[str, ...] = ()
    observed_s: float = 0.0
    unseen_s: float = 0.0
    rule_times: tuple[RuleTime, ...] = ()
    probation: bool = False
    muted: bool = False
    mute_reason: str = ""
    muted_until: datetime | None = None
    model: BoxModel | None = None
    picture: bytes = field(default=b"", repr=False)
    picture_at: datetime | None = None
    thumbnail: bytes = field(default=b"", repr=False)

    @property
    def has_picture_now(self) -> bool:
        """Frames come."""
        return self.state == "live"
