"""`kitchenvision models shadow`, `promote`, `drop`: another model for a running edge service, tried first."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kitchenvision.errors import MissingExtra, ModelError, SettingsError

if TYPE_CHECKING:
    from kitchenvision.edge.settings import EdgeSettings
    from kitchenvision.edge.settings_file import SettingsFile
    from kitchenvision.wire_box import ShadowRule

ConfigOption = Annotated[
    Path, typer.Option("--config", help="The settings, edge.toml.", envvar="KITCHENVISION_EDGE", dir_okay=False)
]
EDGE_TOML = Path("edge.toml")


def shadow(
    model: Annotated[
        str,
        typer.Argument(help="Name in the folder of models, or the path of its own folder; none: how it stands."),
    ] = "",
    config: ConfigOption = EDGE_TOML,
) -> None:
    """Let another model look along with the one that accuses, without accusing; or say what differed so far.

    A running service takes it over within seconds; its page, its metrics and the regulator show what differs.
    """
    settings = _settings(config)
    if not model:
        _tell(settings)
        return
    named = _named(model, settings)
    _file(config).change(lambda document: document.update({"shadow": named}))
    Console().print(f"{named} looks along from now on; it accuses nobody", highlight=False, markup=False)


def promote(config: ConfigOption = EDGE_TOML) -> None:
    """Let the model that looked along accuse from now on; cameras stay connected, what is open ends."""
    settings = _settings(config)
    if settings.shadow is None:
        raise SettingsError(str(config), "shadow", "no model looks along: kitchenvision models shadow MODEL first")
    _tell(settings)

    def edit(document: "dict[str, object]") -> None:
        document["model"] = document.pop("shadow")

    _file(config).change(edit)
    Console().print(f"{settings.shadow} accuses from now on", highlight=False, markup=False)


def drop(config: ConfigOption = EDGE_TOML) -> None:
    """End the looking along; the model that accuses stays."""
    settings = _settings(config)
    if settings.shadow is None:
        raise SettingsError(str(config), "shadow", "no model looks along")
    _tell(settings)
    _file(config).change(lambda document: document.pop("shadow") and None)
    Console().print(f"{settings.shadow} looks along no more", highlight=False, markup=False)


def _named(model: str, settings: "EdgeSettings") -> str:
    """As it goes into the file, once it has shown that it can look."""
    from kitchenvision.build import model_place
    from kitchenvision.commands.models import self_test
    from kitchenvision.detect.model_card import default_name

    if "/" in model or (Path(model) / "model.toml").is_file():
        model = str(Path(model).resolve())
    folder, name = model_place(settings.models, model)
    row = self_test(folder, name or default_name(folder))
    if not row["good"]:
        raise ModelError(f"{model}: {row['result']}")
    return model


def _settings(config: Path) -> "EdgeSettings":
    from kitchenvision.build import chosen_rules
    from kitchenvision.edge.settings import read_edge_settings

    return read_edge_settings(config, tuple(chosen_rules(None)))


def _file(config: Path) -> "SettingsFile":
    from kitchenvision.build import chosen_rules

    try:
        from kitchenvision.edge.settings_file import SettingsFile
    except ImportError as error:
        raise MissingExtra("edge", "changing edge.toml") from error
    return SettingsFile(config, tuple(chosen_rules(None)), secrets=False)


def _tell(settings: "EdgeSettings") -> None:
    """What has differed so far."""
    from kitchenvision.edge.shadow_report import REPORT, read_report

    console, report = Console(), read_report(settings.data / REPORT)
    if settings.shadow is None:
        console.print("no model looks along", highlight=False)
        return
    if report is None:
        console.print(f"{settings.shadow} has not looked along yet", highlight=False, markup=False)
        return
    found, old = report.shadow, report.old
    text = f"{found.model.name} {found.model.version} beside {old.name} {old.version} "
    text += f"since {found.since:%Y-%m-%d %H:%M} UTC: {found.looked} frames, "
    text += f"{found.left_out} left out, {found.errors} errors"
    console.print(text, highlight=False, markup=False)
    for rule in found.rules:
        console.print(f"- {_line(rule)}", highlight=False, markup=False)


def _line(rule: "ShadowRule") -> str:
    share = f" ({rule.opposite / rule.both:.1%})" if rule.both else ""
    return (
        f"{rule.rule_id}: judged by both {rule.both} times, {rule.opposite} opposite{share}; "
        f"by the old alone {rule.only_old}, the new alone {rule.only_new}. "
        f"Would have reported: both {rule.confirmed_both}, the old alone {rule.confirmed_old}, "
        f"the new alone {rule.confirmed_new}."
    )
