"""Who of the canteen is told what, and how; the address and its secrets are elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kitchenvision.config import NotBool
from kitchenvision.edge.section import Section, from_environment, from_file

EventKind = Literal["violation", "blind", "back", "disk"]
EVENTS: tuple[EventKind, ...] = ("violation", "blind", "back", "disk")


class NotifySection(Section):
    """One ``[[notify]]`` entry: a reader, or a group that reads together.

    Attributes:
        name: of the reader; it keeps what still waits over a restart. way: ``webhook``, or ``apprise``.
        address_env, address_file: where the address is; it often carries a token.
        secret_env, secret_file: what a webhook is signed with. events: which. cameras: ids; none = all.
        language, pictures: of the messages. group_s: events of so many seconds are one message.
        most_per_hour: messages; what is more waits for the next one. blind_after_s: shorter ones are not told.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    way: Literal["webhook", "apprise"]
    address_env: str = ""
    address_file: Path | None = None
    secret_env: str = ""
    secret_file: Path | None = None
    events: tuple[EventKind, ...] = EVENTS
    cameras: tuple[str, ...] = ()
    language: Literal["zh", "en"] = "zh"
    pictures: bool = False
    group_s: Annotated[float, NotBool, Field(ge=0, le=86400)] = 60.0
    most_per_hour: Annotated[int, NotBool, Field(ge=1, le=3600)] = 12
    blind_after_s: Annotated[float, NotBool, Field(ge=0, le=86400)] = 120.0

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if bool(self.address_env) == bool(self.address_file):
            raise ValueError("give address_env or address_file")
        if self.secret_env and self.secret_file:
            raise ValueError("give secret_env or secret_file, not both")
        if (self.secret_env or self.secret_file) and self.way != "webhook":
            raise ValueError("only a webhook is signed with a secret")
        return self

    def target(self, environment: Mapping[str, str], where: str) -> "Target":
        """Address and secret; keep them out of every log.

        Raises:
            SettingsError: one of them is not where it should be.
        """
        key = f"notify.{self.name}"
        if self.address_file is not None:
            address = from_file(self.address_file, where, f"{key}.address_file")
        else:
            address = from_environment(environment, self.address_env, where, f"{key}.address_env")
        secret = ""
        if self.secret_file is not None:
            secret = from_file(self.secret_file, where, f"{key}.secret_file")
        elif self.secret_env:
            secret = from_environment(environment, self.secret_env, where, f"{key}.secret_env")
        return Target(self.way, address, secret)


@dataclass(frozen=True)
class Target:
    """Where the messages of one reader go."""

    way: Literal["webhook", "apprise"]
    address: str = field(repr=False)
    secret: str = field(repr=False)
