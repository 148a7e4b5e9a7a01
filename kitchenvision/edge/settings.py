"""edge.toml becomes frozen settings; secrets come from the environment or from files, and are never settings.

canteen_id = "canteen-1"
timezone = "Asia/Shanghai"
data = "/var/lib/kitchenvision"
[regulator]
url = "https://regulator.example"
token_file = "/etc/kitchenvision/token"
[[cameras]]
id = "cooking-1"
url = "rtsp://192.0.2.10:554/Streaming/Channels/102"
username = "viewer"
password_env = "CAMERA_PASSWORD"
[[cameras.zones]]
name = "cooking"
rules = ["no_hat"]
"""

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from kitchenvision.config import NotBool, Positive, RuleSection, Settings, ZoneSection, minutes_of, timezone_of
from kitchenvision.edge.lifecycle import Limits
from kitchenvision.edge.mutes import MuteSection
from kitchenvision.edge.notify_settings import NotifySection
from kitchenvision.edge.section import Section, from_environment, from_file
from kitchenvision.errors import SettingsError
from kitchenvision.frames.dialing import LIVE_SCHEMES, is_live, with_credentials
from kitchenvision.frames.hardware import Decoder

TOKEN_ENV = "KITCHENVISION_TOKEN"
_SHORTEST_PASSWORD = 8
Fps = Annotated[float, NotBool, Field(gt=0, le=30)]


class CameraSection(Section):
    """One ``[[cameras]]`` entry.

    Attributes:
        id: letters, digits, ``-`` and ``_``: it names folders. name: shown to people.
        url: without user and password. main_url: of the main stream, for clips, where url is the sub-stream.
        username; password_env or password_file: where the password is.
        transport: of RTSP. key_frames_only: decode nothing else. zones: as in a scan; none = whole picture.
        decoder: software, a device, or auto for the first device that there is.
        probation: it looks, keeps what it finds on this box, and accuses nobody.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$")]
    name: str = ""
    url: str
    main_url: str = ""
    username: str = ""
    password_env: str = ""
    password_file: Path | None = None
    transport: Literal["tcp", "udp"] = "tcp"
    key_frames_only: bool = False
    decoder: Decoder = "software"
    probation: bool = False
    zones: tuple[ZoneSection, ...] = ()

    @field_validator("url", "main_url")
    @classmethod
    def _a_stream_without_secrets(cls, url: str, info: ValidationInfo) -> str:
        if info.field_name == "main_url" and not url:
            return url
        if not is_live(url):
            raise ValueError(f"expected an address that begins with one of {', '.join(LIVE_SCHEMES)} and ://")
        if not url.partition("://")[2].partition("/")[0]:
            raise ValueError("expected a name or an IP address after ://")
        if "@" in url:
            raise ValueError("no user or password in the address: use username and password_env or password_file")
        return url

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password_env and self.password_file:
            raise ValueError("give password_env or password_file, not both")
        if (self.password_env or self.password_file) and not self.username:
            raise ValueError("a password needs its username")
        return self

    def address(self, environment: Mapping[str, str], where: str) -> str:
        """The address with its credentials; keep it out of every log.

        Raises:
            SettingsError: the password is not where it should be.
        """
        if not self.username:
            return self.url
        key, password = f"cameras.{self.id}", ""
        if self.password_env:
            password = from_environment(environment, self.password_env, where, f"{key}.password_env")
        elif self.password_file:
            password = from_file(self.password_file, where, f"{key}.password_file")
        return with_credentials(self.url, self.username, password)


class RegulatorSection(Section):
    """Where reports go. token_file: else the environment's KITCHENVISION_TOKEN."""

    url: str
    token_file: Path | None = None
    allow_http: bool = False


class PageSection(Section):
    """The status page; to look needs no log-in, so it listens on this machine only unless it is told otherwise.

    Attributes:
        password_env, password_file: where the password is that opens what can be changed; without one nothing can.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, NotBool, Field(ge=0, le=65535)] = 8610
    language: Literal["zh", "en"] = "zh"
    password_env: str = ""
    password_file: Path | None = None

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password_env and self.password_file:
            raise ValueError("give password_env or password_file, not both")
        return self

    def password(self, environment: Mapping[str, str], where: str) -> str:
        """Empty when none is set.

        Raises:
            SettingsError: it is not where it should be, or anybody would guess it.
        """
        password = ""
        if self.password_env:
            password = from_environment(environment, self.password_env, where, "page.password_env")
        elif self.password_file:
            password = from_file(self.password_file, where, "page.password_file")
        else:
            return ""
        if len(password) < _SHORTEST_PASSWORD:
            problem = f"a password of at least {_SHORTEST_PASSWORD} characters is expected"
            raise SettingsError(where, "page.password_env" if self.password_env else "page.password_file", problem)
        return password


class LiveSection(Section):
    """Small pictures for the regulator's wall.

    Attributes:
        enabled: whether any leave the canteen; what violates is reported either way.
        width: of a picture, pixels. kbit_s: of the line, on average. least_s: seconds between two batches.
    """

    enabled: bool = True
    width: Annotated[int, NotBool, Field(ge=64, le=640)] = 320
    kbit_s: Annotated[float, NotBool, Field(ge=8, le=100_000)] = 512.0
    least_s: Annotated[float, NotBool, Field(ge=0.5, le=60)] = 2.0


class UploadSection(Section):
    """The line to the regulator.

    Attributes:
        kbit_s: on average, 0 = no limit; evidence goes at once all the same, and clips wait the longer.
        clip_hours: local hours in which clips go; none = at all hours.
    """

    kbit_s: Annotated[float, NotBool, Field(ge=0, le=10_000_000)] = 0.0
    clip_hours: tuple[str, ...] = ()

    @field_validator("clip_hours")
    @classmethod
    def _readable_hours(cls, hours: tuple[str, ...]) -> tuple[str, ...]:
        for text in hours:
            minutes_of(text)
        return hours


class DiskSection(Section):
    """keep_days: of evidence that was delivered. least_free_mb: below it, the oldest delivered goes at once."""

    keep_days: Annotated[float, NotBool, Field(ge=0, le=3650)] = 30.0
    least_free_mb: Annotated[float, NotBool, Field(ge=0)] = 500.0


class TimesSection(Section):
    """Seconds of a connection; see `lifecycle.Limits`."""

    open_s: Positive = 10.0
    stall_s: Positive = 20.0
    first_backoff_s: Positive = 1.0
    longest_backoff_s: Positive = 60.0

    def limits(self) -> Limits:
        """As the state machine wants them."""
        return Limits(self.open_s, self.stall_s, self.first_backoff_s, self.longest_backoff_s, self.open_s)


class EdgeSettings(Section):
    """Everything the service is told.

    Attributes:
        health: watch the cameras themselves.
        observed_minutes: length of the periods in which observed time is told; a divisor of 15, so that none
            crosses an hour in any time zone.
        model: the one that accuses, by its name in `models`, or the path of its own folder; None = the default.
        shadow: one that looks along and accuses nobody, in the same way.
        workers: 0 = one for each core, at most one a camera. mutes: when which cameras are not watched.
        notify: who of the canteen is told what.
    """

    canteen_id: Annotated[str, Field(min_length=1, max_length=200)]
    timezone: str = "UTC"
    data: Path
    analysis_fps: Fps = 5.0
    calm_fps: Fps = 1.0
    health: bool = True
    observed_minutes: Literal[1, 3, 5, 15] = 15
    workers: Annotated[int, NotBool, Field(ge=0, le=64)] = 0
    models: Path | None = None
    model: str | None = None
    shadow: str | None = None
    provider: Literal["auto", "cpu", "cuda"] = "auto"
    cameras: Annotated[tuple[CameraSection, ...], Field(min_length=1, max_length=256)]
    rules: dict[str, RuleSection] = Field(default_factory=dict)
    mutes: tuple[MuteSection, ...] = ()
    notify: tuple[NotifySection, ...] = ()
    regulator: RegulatorSection | None = None
    live: LiveSection = LiveSection()
    upload: UploadSection = UploadSection()
    page: PageSection = PageSection()
    disk: DiskSection = DiskSection()
    times: TimesSection = TimesSection()

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        timezone_of(name, "timezone")
        return name

    @field_validator("cameras")
    @classmethod
    def _each_once(cls, cameras: tuple[CameraSection, ...]) -> tuple[CameraSection, ...]:
        ids = [camera.id for camera in cameras]
        if twice := sorted({one for one in ids if ids.count(one) > 1}):
            raise ValueError(f"each id may stand once; twice: {', '.join(twice)}")
        return cameras

    @model_validator(mode="after")
    def _known_cameras(self) -> Self:
        known = {camera.id for camera in self.cameras}
        named = [(f"mutes.{i}", mute.cameras) for i, mute in enumerate(self.mutes)]
        named += [(f"notify.{reader.name}", reader.cameras) for reader in self.notify]
        for key, cameras in named:
            if strangers := sorted(set(cameras) - known):
                raise ValueError(f"{key}.cameras: no such camera: {', '.join(strangers)}")
        names = [reader.name for reader in self.notify]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"notify: each name may stand once; twice: {', '.join(twice)}")
        return self

    def of_camera(self, camera: CameraSection) -> Settings:
        """What `build` wants to know of one camera."""
        return Settings(
            canteen_id=self.canteen_id,
            timezone=self.timezone,
            analysis_fps=self.analysis_fps,
            zones=camera.zones,
            rules=self.rules,
        )

    def token(self, environment: Mapping[str, str], where: str) -> str:
        """The canteen's token.

        Raises:
            SettingsError: it is neither in its file nor in the environment.
        """
        file = self.regulator.token_file if self.regulator else None
        if file is not None:
            return from_file(file, where, "regulator.token_file")
        return from_environment(environment, TOKEN_ENV, where, "regulator")


def read_edge_settings(path: Path, known_rules: Sequence[str]) -> EdgeSettings:
    """Read edge.toml; relative paths in it are relative to it.

    Raises:
        SettingsError: no such file, not TOML, an unknown key, a value out of range, an unknown rule. Values are not
            repeated: one of them may be a password that stands in the wrong place.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError(str(path), "", f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(path), "", f"not TOML: {error}") from error
    try:
        settings = EdgeSettings.model_validate(_with_absolute_paths(values, path.resolve().parent))
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        message = (
            "unknown key" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
        )
        raise SettingsError(str(path), key, message) from None
    named = [(f"rules.{rule}", rule) for rule in settings.rules]
    for camera in settings.cameras:
        named += [(f"cameras.{camera.id}.zones", rule) for zone in camera.zones for rule in zone.rules]
    for key, rule in named:
        if rule not in known_rules:
            raise SettingsError(str(path), key, f"no such rule {rule!r}; there are {', '.join(known_rules)}")
    return settings


def addresses(settings: EdgeSettings, where: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Address with credentials by camera id.

    Raises:
        SettingsError: a password is not where it should be.
    """
    known = os.environ if environment is None else environment
    return {camera.id: camera.address(known, where) for camera in settings.cameras}


def _with_absolute_paths(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    def absolute(table: Any, *keys: str) -> Any:
        if not isinstance(table, dict):
            return table
        return {k: str(folder / v) if k in keys and isinstance(v, str) else v for k, v in table.items()}

    out: dict[str, Any] = absolute(values, "data", "models")
    for key in ("model", "shadow"):
        if "/" in str(out.get(key, "")):
            out = absolute(out, key)
    if isinstance(out.get("cameras"), list):
        out["cameras"] = [absolute(camera, "password_file") for camera in out["cameras"]]
    if isinstance(out.get("notify"), list):
        out["notify"] = [absolute(reader, "address_file", "secret_file") for reader in out["notify"]]
    for section, key in (("regulator", "token_file"), ("page", "password_file")):
        if section in out:
            out[section] = absolute(out[section], key)
    return out
