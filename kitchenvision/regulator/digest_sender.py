"""Sends weekly digests by mail. Of several processes one does it; what was sent stands in the database."""

import logging
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from kitchenvision.regulator import digest, digest_mail, digest_store
from kitchenvision.regulator.cockpit_wall import tiles
from kitchenvision.regulator.digest import Digest, Week
from kitchenvision.regulator.digest_store import Claim
from kitchenvision.regulator.district_view import places
from kitchenvision.regulator.jobs import Job
from kitchenvision.regulator.mail_settings import MailSettings
from kitchenvision.regulator.parts import Parts, now
from kitchenvision.regulator.people import person_scope
from kitchenvision.regulator.rendering import Words
from kitchenvision.regulator.tables import Person

LOG = logging.getLogger(__name__)
EVERY_S = 60.0
TIMEOUT_S = 20.0


def send(settings: MailSettings, mail: EmailMessage) -> str:
    """Hand a mail to the server; returns why it was not taken, empty when it was. Never holds a password."""
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, settings.port, timeout=TIMEOUT_S, context=context
            )
        else:
            server = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_S)
        with server:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.username:
                server.login(settings.username, settings.password)
            server.send_message(mail)
    except smtplib.SMTPAuthenticationError as error:
        return f"the server does not take user and password: {error.smtp_code}"
    except smtplib.SMTPRecipientsRefused as error:
        codes = ", ".join(str(code) for code, _ in error.recipients.values())
        return f"the server does not take the address: {codes}"
    except smtplib.SMTPResponseException as error:
        return f"the server refused: {error.smtp_code}"
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return f"the server cannot be reached: {type(error).__name__}"
    return ""


def due_week(settings: MailSettings, at: datetime) -> Week | None:
    """The week whose digest goes at `at`, local and aware; None before its day and hour."""
    begun = (at.isoweekday(), at.hour) >= (settings.weekday, settings.hour)
    return digest.last_week(at) if begun else None


def made_for(parts: Parts, person_id: int, week: Week, at: datetime) -> Digest:
    """The digest of what that person sees; `at` local and aware."""
    with parts.database.reading() as session:
        scope = person_scope(session, session.get_one(Person, person_id))
        known = {place.canteen_id for place in places(session, scope)}
    return digest.made(parts.database, scope, week, tiles(parts.wall.known(known), at), at)


class Postman:
    """Looks each minute whether digests are due, until it is stopped."""

    def __init__(self, parts: Parts, settings: MailSettings) -> None:
        self._parts, self._settings = parts, settings
        self._job = Job(parts.database, "digests", lambda: self.round(now()), EVERY_S, 2 * TIMEOUT_S)

    def start(self) -> None:
        """Begin; the first look is after `EVERY_S` seconds."""
        self._job.start()

    def stop(self) -> None:
        """End, after the mail that is under way."""
        self._job.stop()

    def round(self, at: datetime) -> int:
        """Send what is due at that instant; returns the tries."""
        local = at.astimezone(ZoneInfo(self._parts.settings.timezone))
        week = due_week(self._settings, local)
        if week is None:
            return 0
        with self._parts.database.reading() as session:
            persons = digest_store.waiting(session, week.key, at)
        for tries, person_id in enumerate(persons):
            if self._job.stopping:
                return tries
            self._one(person_id, week, local)
        return len(persons)

    def _one(self, person_id: int, week: Week, local: datetime) -> None:
        told = made_for(self._parts, person_id, week, local)
        with self._parts.database.writing(digest_store.LANE) as session:
            claimed = digest_store.claim(session, person_id, week.key, local)
        if claimed is None:
            return
        problem = send(self._settings, self._mail(told, claimed))
        with self._parts.database.writing(digest_store.LANE) as session:
            digest_store.report(session, claimed, problem, local)
        if problem:
            LOG.warning("the digest %s of person %s was not sent: %s", week.key, person_id, problem)

    def _mail(self, told: Digest, claimed: Claim) -> EmailMessage:
        words = Words(claimed.wish.language, self._parts.settings.timezone)
        return digest_mail.message(words, told, claimed, self._settings)
