"""`kitchenvision outbox`: what waits for the regulator, and what a person can do about it."""

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kitchenvision.commands.exits import DONE, NOTHING, PARTIAL
from kitchenvision.commands.options import JsonOption
from kitchenvision.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kitchenvision.outbox import Item, Outbox

_LONGEST = timedelta(days=36_500)

app = typer.Typer(help="Reports that wait for the regulator.", no_args_is_help=True)

FolderOption = Annotated[
    Path, typer.Option("--outbox", envvar="KITCHENVISION_OUTBOX", help="The outbox's folder.", file_okay=False)
]


@app.command("list")
def list_(
    outbox: FolderOption,
    status: Annotated[
        list[str] | None, typer.Option("--status", help="pending, leased, delivered or dead; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the reports; without --status those that are not delivered."""
    from kitchenvision.outbox import Status

    undelivered = [each for each in Status if each is not Status.DELIVERED]
    with _open(outbox) as box:
        items = box.list(*([_status(text) for text in status] if status else undelivered))
        counts = box.counts()
    if as_json:
        _print_json({"counts": _counts(counts), "reports": [_row(item) for item in items]})
        return
    console = Console()
    if items:
        console.print(_table(items))
        for reason, keys in _reasons(items).items():
            shown = keys[0] if len(keys) == 1 else f"{len(keys)} reports"
            console.print(f"{shown}: {reason}", highlight=False, markup=False)
    console.print(
        f"{counts.pending} pending ({counts.blocked} behind a dead one), {counts.leased} on their way, "
        f"{counts.dead} dead, {counts.delivered} delivered",
        highlight=False,
    )


@app.command("retry")
def retry(
    outbox: FolderOption,
    keys: Annotated[list[str] | None, typer.Argument(help="Reports as VIOLATION/SEQ.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are dead or wait.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make dead and waiting reports due at once; exit code 3 when some of the named ones could not be."""
    if bool(keys) == everything:
        raise SettingsError("outbox retry", "", "name reports as VIOLATION/SEQ, or give --all (not both)")
    with _open(outbox) as box:
        changed = box.retry(None if everything else keys)
    left = sorted(set(keys or ()) - set(changed))
    if as_json:
        _print_json({"due": list(changed), "not_changed": left})
    else:
        Console().print(f"{len(changed)} report(s) are due now", highlight=False)
        for key in left:
            text = f"{key} is unknown, delivered, or on its way"
            Console(stderr=True).print(text, style="red", highlight=False, markup=False)
    raise typer.Exit((PARTIAL if changed else NOTHING) if left else DONE)


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="The ZIP to write; it must not exist.", dir_okay=False)],
    outbox: FolderOption,
    everything: Annotated[bool, typer.Option("--all", help="Delivered ones too, if not pruned.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write undelivered reports with their pictures into a ZIP that a person can carry; they stay here too."""
    with _open(outbox) as box:
        count = box.export(file, everything=everything)
    size = file.stat().st_size
    if as_json:
        _print_json({"file": str(file), "reports": count, "bytes": size})
    else:
        Console().print(f"{count} report(s), {size / 1e6:.1f} MB in {file}", highlight=False)


@app.command("deliver")
def deliver(
    outbox: FolderOption,
    to: Annotated[str, typer.Option("--to", help="Address of the regulator, such as https://regulator.example.")],
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="File with the canteen's token; default: KITCHENVISION_TOKEN."),
    ] = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Send token and pictures unencrypted to another machine.")
    ] = False,
    seconds: Annotated[float, typer.Option("--for", min=1, help="Try for so many seconds at most.")] = 300.0,
    as_json: JsonOption = False,
) -> None:
    """Deliver what waits; exit code 3 when some reports are left, 4 when nothing could be delivered."""
    from kitchenvision.delivery import Sender, make_client
    from kitchenvision.outbox.queue import utc_now

    token = _token(token_file)
    errors = Console(stderr=True)
    with (
        _open(outbox) as box,
        make_client(to, token, allow_http=allow_http) as client,
        errors.status("delivering", spinner="line") as status,
    ):

        def sleep(pause_s: float) -> None:
            status.update(f"waiting: {escape(sender.last_error)}" if sender.last_error else "waiting")
            time.sleep(pause_s)

        sender = Sender(box, client, sleep=sleep)
        done = sender.run_until_empty(utc_now() + _span(seconds, "seconds", "--for"))
    left = done.left.undelivered
    if as_json:
        _print_json(
            {
                "delivered": done.delivered,
                "failed_attempts": done.failed,
                "newly_dead": done.dead,
                "counts": _counts(done.left),
                "last_error": done.last_error,
            }
        )
    else:
        Console().print(
            f"{done.delivered} report(s) delivered, {left} left ({done.left.dead} dead)", highlight=False
        )
        if left and done.last_error:
            errors.print(done.last_error, style="red", highlight=False, markup=False)
    raise typer.Exit((PARTIAL if done.delivered else NOTHING) if left else DONE)


@app.command("prune")
def prune(
    outbox: FolderOption,
    older_than_days: Annotated[float, typer.Option("--older-than", min=0, help="Days since the delivery.")] = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Delete the contents of what was delivered long ago; what is not delivered is never touched."""
    from kitchenvision.outbox.queue import utc_now

    with _open(outbox) as box:
        freed = box.prune(utc_now() - _span(older_than_days, "days", "--older-than"))
    if as_json:
        _print_json({"freed_bytes": freed})
    else:
        Console().print(f"{freed / 1e6:.1f} MB freed", highlight=False)


def _open(folder: Path) -> "Outbox":
    from kitchenvision.outbox import Outbox

    return Outbox(folder, create=False)


def _span(value: float, unit: str, option: str) -> timedelta:
    """A span of time that leads to no moment outside the calendar."""
    try:
        span = timedelta(**{unit: value})
    except (OverflowError, ValueError):  # also what is no number
        span = timedelta.max
    if span > _LONGEST:
        raise SettingsError(option, "", f"expected at most {_LONGEST.days} days, got {value:g} {unit}")
    return span


def _status(text: str) -> Any:
    from kitchenvision.outbox import Status

    try:
        return Status(text)
    except ValueError:
        allowed = ", ".join(Status)
        raise SettingsError("--status", "", f"expected one of {allowed}, got {text!r}") from None


def _token(file: Path | None) -> str:
    if file is None:
        token = os.environ.get("KITCHENVISION_TOKEN", "").strip()
        if not token:
            raise SettingsError("KITCHENVISION_TOKEN", "", "set it to the canteen's token, or use --token-file")
        return token
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError("--token-file", "", f"{file} cannot be read: {error}") from error


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def _counts(counts: Any) -> dict[str, int]:
    names = ("pending", "leased", "delivered", "dead", "blocked", "undelivered")
    return {name: getattr(counts, name) for name in names}


def _row(item: "Item") -> dict[str, object]:
    """An item for a program; instants in ISO 8601, null where there is none."""
    return {
        "idempotency_key": item.idempotency_key,
        "kind": item.kind,
        "canteen_id": item.canteen_id,
        "camera_id": item.camera_id,
        "status": item.status.value,
        "failures": item.failures,
        "claims": item.claims,
        "put_at": item.put_at.isoformat(),
        "next_attempt_at": item.next_attempt_at.isoformat() if item.next_attempt_at.year > 1970 else None,
        "leased_until": item.leased_until.isoformat() if item.leased_until else None,
        "delivered_at": item.delivered_at.isoformat() if item.delivered_at else None,
        "last_error": item.last_error,
        "waits_for": item.waits_for,
        "blocked": item.blocked,
        "sha256": item.sha256,
        "bytes": len(item.body) + sum(ref.size for ref in item.blobs),
    }


def _table(items: "Sequence[Item]") -> Table:
    """One line a report also on a narrow terminal: the key must stay whole, since `retry` wants it."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("report", "kind", "status", "tries", "next"):
        table.add_column(name, no_wrap=True)
    table.add_column("camera", overflow="fold")
    for item in items:
        due = item.next_attempt_at.astimezone()
        when = f"{due:%H:%M:%S}" if item.status.value == "pending" and due.year > 1970 else ""
        table.add_row(
            item.idempotency_key, item.kind, _standing(item), str(item.failures), when, escape(item.camera_id)
        )
    return table


def _standing(item: "Item") -> str:
    if item.status.value == "dead":
        return "[red]dead[/]"
    if item.blocked:
        return "[yellow]blocked[/]"
    return "waits" if item.waits_for else item.status.value


def _reasons(items: "Sequence[Item]") -> dict[str, list[str]]:
    """Each reason once, with the reports that it holds up."""
    found: dict[str, list[str]] = {}
    for item in items:
        reason = item.last_error
        if item.waits_for and not reason:
            reason = f"{'blocked by' if item.blocked else 'waits for'} {item.waits_for}"
        if reason:
            found.setdefault(reason, []).append(item.idempotency_key)
    return found
