"""`kitchenvision regulator`, more commands: what is kept how long, backups, and whether all is there."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from kitchenvision.commands.exits import PARTIAL
from kitchenvision.commands.regulator import DataOption, app, regulator_settings

__all__ = ["app"]  # with these commands in it


@app.command("retain")
def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and touch nothing.")] = False,
    data: DataOption = Path("regulator-data"),
) -> None:
    """Drop pictures, clips and traces whose time is over (`retention.toml`); decisions and cases stay."""
    settings = regulator_settings(data)
    from kitchenvision.regulator.retention import remove, would_remove
    from kitchenvision.regulator.retention_policy import read_retention
    from kitchenvision.regulator.setup import opened
    from kitchenvision.regulator.storage import open_blobs

    policy, now = read_retention(data), datetime.now(UTC)
    with opened(settings) as database:
        if dry_run:
            with database.reading() as session:
                told = would_remove(session, policy, now)
        else:
            told = remove(database, open_blobs(settings, tidy=False), policy, now)
    word = "would go" if dry_run else "gone"
    line = f"{told.blobs} blob(s) of {told.violations} violation(s), {told.size / 1e6:.1f} MB: {word}\n"
    sys.stdout.write(line if policy.shortest else "no retention.toml, so everything is kept\n")


@app.command("hold")
def hold(
    violation_id: Annotated[str, typer.Argument(help="Which violation; its whole incident is held.")],
    why: Annotated[str, typer.Option("--why", help="Kept for good, such as the number of a court's file.")],
    release: Annotated[bool, typer.Option("--release", help="End a hold.")] = False,
    data: DataOption = Path("regulator-data"),
) -> None:
    """Keep an incident's pictures whatever the policy says, until the hold is released."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import retention
    from kitchenvision.regulator.setup import opened

    with opened(settings) as database, database.writing() as session:
        retention.hold(session, violation_id, not release, why, datetime.now(UTC))


@app.command("backup")
def backup(
    archive: Annotated[Path, typer.Argument(help="New file, such as regulator-2026-11-28.tar.")],
    data: DataOption = Path("regulator-data"),
) -> None:
    """Write database, pictures and settings of a folder into one archive, also while the service runs."""
    settings = regulator_settings(data)
    from kitchenvision.regulator.backup import back_up

    count = back_up(settings, archive, datetime.now(UTC))
    sys.stdout.write(f"{archive}: the database and {count} blob(s)\n")


@app.command("restore")
def restore(
    archive: Annotated[Path, typer.Argument(help="What `backup` wrote.")],
    data: Annotated[Path, typer.Option("--data", help="New folder.")],
) -> None:
    """Put a backup into a new folder, after every hash has been checked."""
    regulator_settings(data)
    from kitchenvision.regulator.backup import restore as unpack

    sys.stdout.write(f"{data}: the database and {unpack(archive, data)} blob(s)\n")


@app.command("check")
def check(
    hashes: Annotated[bool, typer.Option("--hashes", help="Read every blob and compare its hash.")] = False,
    data: DataOption = Path("regulator-data"),
) -> None:
    """Look up every picture that the database names, in folder or bucket; ends with 3 when one is missing."""
    settings = regulator_settings(data)
    from kitchenvision.regulator import backup as stores
    from kitchenvision.regulator.setup import opened
    from kitchenvision.regulator.storage import open_blobs

    with opened(settings) as database, database.reading() as session:
        told = stores.check(session, open_blobs(settings, tidy=False), hashes)
    for word, names in (("missing", told.missing), ("damaged", told.damaged)):
        sys.stdout.writelines(f"{word}: {name}\n" for name in names)
    sys.stdout.write(f"{told.named} blob(s) named, {len(told.missing)} missing, {len(told.damaged)} damaged\n")
    if told.missing or told.damaged:
        raise typer.Exit(PARTIAL)
