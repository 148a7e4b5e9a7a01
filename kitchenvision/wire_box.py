"""What an edge box says of itself to the regulator: software, model, since when it runs, how right its clock is.

PUT /api/v1/box with the canteen's token: a `BoxState`; 204. The latest is kept. It is of the moment: what cannot be
delivered is not tried again; evidence names the model and the software by itself.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kitchenvision.wire import ClockState, ModelRef, Name, Sha256, canonical_json, content_hash

Count = Annotated[int, Field(ge=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a later edge may say more


class BoxModel(_Frozen):
    """A model by its name, its version, and the hash of the hashes of its files."""

    name: Name
    version: Name
    sha256: Sha256


class BoxCamera(_Frozen):
    """One camera: which model looks at it; None while its worker loads one. `live`: frames come."""

    camera_id: Name
    live: bool
    model: BoxModel | None = None


class ShadowRule(_Frozen):
    """One rule of a model that looks along: how often the two models' verdicts on one person in one frame agree.

    Attributes:
        both, only_old, only_new: judged by both models, by one alone. opposite: of `both`, with opposite verdicts.
        confirmed_both, confirmed_old, confirmed_new: violations that both would have confirmed, or one alone.
    """

    rule_id: Name
    both: Count = 0
    only_old: Count = 0
    only_new: Count = 0
    opposite: Count = 0
    confirmed_both: Count = 0
    confirmed_old: Count = 0
    confirmed_new: Count = 0


class BoxShadow(_Frozen):
    """A model that looks along and accuses nobody. looked, left_out: frames; errors: of it. since: it began."""

    model: BoxModel
    since: AwareDatetime
    looked: Count
    left_out: Count
    errors: Count
    rules: tuple[ShadowRule, ...] = ()


class BoxState(_Frozen):
    """One box, now.

    Attributes:
        started_at: of the service. told_at: now, by the box's clock. software_version: of this package.
        profile: of the looks, such as ``fast``. cameras: all of its settings.
    """

    wire_version: Literal[1] = 1
    kind: Literal["box"] = "box"
    canteen_id: Name
    started_at: AwareDatetime
    told_at: AwareDatetime
    software_version: Name
    profile: Name
    cameras: Annotated[tuple[BoxCamera, ...], Field(max_length=256)] = ()
    clock: ClockState | None = None
    shadow: BoxShadow | None = None


def box_model(model: ModelRef) -> BoxModel:
    """A model as boxes name it."""
    return BoxModel(name=model.name, version=model.version, sha256=content_hash(canonical_json(model.files)))


def box_bytes(state: BoxState) -> bytes:
    """As it is sent and kept: canonical JSON."""
    return canonical_json(state.model_dump(mode="json"))
