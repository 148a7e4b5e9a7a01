"""A digest as people read it: the values of its templates, plain text, and the mail with both."""

from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

from kitchenvision.regulator.digest import LISTED, Digest
from kitchenvision.regulator.digest_store import Claim
from kitchenvision.regulator.district_view import SHAPES
from kitchenvision.regulator.mail_settings import MailSettings
from kitchenvision.regulator.rendering import Words, template
from kitchenvision.regulator.scoring import Colour

Line = tuple[str, str]
List = tuple[str, str, int, list[Line]]


def values(words: Words, told: Digest, base: str, mail: bool) -> dict[str, Any]:
    """What the templates of a digest need.

    Args:
        base: put before links, empty on our own pages. mail: with styles at each element.
    """
    days = {"monday": f"{told.week.monday:%Y-%m-%d}", "sunday": f"{told.week.sunday:%Y-%m-%d}"}
    place = "、".join(told.towns) if words.language == "zh" else ", ".join(told.towns)
    counts = {"waiting": told.waiting, "open": told.open_cases, "overdue": len(told.overdue)}
    return {
        "t": words,
        "told": told,
        "mail": mail,
        "base": base,
        "subject": words("digest.subject", **days),
        "lead": words("digest.lead", place=place or words("digest.whole"), canteens=told.canteens, **days),
        "now_line": words("digest.now", **counts),
        "lists": _lists(words, told),
        "difference": difference,
    }


def plain(words: Words, told: Digest, base: str) -> str:
    """The same as text, one thing a line."""
    made = values(words, told, base, mail=True)
    lines = [made["subject"], "", made["lead"], ""]
    for name, now, last in told.rows:
        lines.append(f"{words(f'digest.{name}')}: {now} ({words('digest.last')} {last}, {difference(now, last)})")
    lines += ["", made["now_line"]]
    for title, none, count, rows in made["lists"]:
        lines += ["", title, *([f"- {text}" for text, _ in rows] or [none])]
        if count > len(rows):
            lines.append(words("digest.more", n=count - len(rows)))
    return "\n".join([*lines, "", f"{words('digest.open')}: {base}/district", words("digest.why"), ""])


def message(words: Words, told: Digest, claimed: Claim, settings: MailSettings) -> EmailMessage:
    """The mail, in text and HTML."""
    made = values(words, told, settings.address, mail=True)
    mail = EmailMessage()
    mail["From"], mail["To"] = settings.sender, claimed.wish.email
    mail["Subject"], mail["Date"] = made["subject"], format_datetime(claimed.at)
    mail["Message-ID"] = make_msgid(f"{claimed.week}.{claimed.person_id}", settings.sender.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(plain(words, told, settings.address))
    mail.add_alternative(template("digest_mail.html").render(**made), subtype="html")
    return mail


def difference(now: int, last: int) -> str:
    """How much more or less it is, with a sign."""
    return "±0" if now == last else f"{now - last:+d}".replace("-", "−")


def _lists(words: Words, told: Digest) -> list[List]:
    overdue = [
        (
            words(
                "digest.overdue_row",
                number=one.number,
                canteen=one.canteen,
                rule=words.named("rule", one.rule_id),
                days=one.days,
            ),
            f"/cases/{one.case_id}",
        )
        for one in told.overdue[:LISTED]
    ]
    changes = [
        (
            f"{one.place.name}: {_colour(words, one.before)} → {_colour(words, one.after)}",
            f"/canteens/{one.place.canteen_id}",
        )
        for one in told.changes[:LISTED]
    ]
    blind = [(f"{one.canteen} · {one.camera_id}: {one.reason}", "") for one in told.blind]
    return [
        (words("digest.overdue"), words("digest.overdue_none"), len(told.overdue), overdue),
        (words("digest.changes"), words("digest.changes_none"), len(told.changes), changes),
        (words("digest.blind"), words("digest.blind_none"), len(told.blind), blind[:LISTED]),
    ]


def _colour(words: Words, colour: Colour) -> str:
    return f"{SHAPES[colour]} {words(f'colour_short.{colour}')}"
