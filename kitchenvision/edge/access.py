"""Who may change something on the status page: one password, sessions in memory, forms that nobody can forge."""

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_LASTS_S = 12 * 3600.0
_MOST_SESSIONS = 100
_TRIES, _TRIES_WITHIN_S = 5, 300.0


@dataclass(frozen=True)
class Session:
    """Somebody who gave the password. token: of the cookie. csrf: what each change must carry."""

    token: str
    csrf: str
    until_s: float


class TooManyTries(Exception):
    """The password was wrong too often; `wait_s` seconds until it may be tried again."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"wait {wait_s:.0f} s")
        self.wait_s = wait_s


class Access:
    """The lock of the page; a restart of the service ends all sessions.

    Args:
        password: what opens it; empty: nothing does. steady: seconds that never go back.
    """

    def __init__(self, password: str, steady: Callable[[], float] = time.monotonic) -> None:
        self._password, self._steady = password.encode(), steady
        self._sessions: dict[str, Session] = {}
        self._wrong_s: list[float] = []
        self._lock = threading.Lock()

    @property
    def possible(self) -> bool:
        """Whether there is a password at all."""
        return bool(self._password)

    def enter(self, password: str) -> Session | None:
        """A session for the right password, None for a wrong one.

        Raises:
            TooManyTries: right or wrong, after five wrong ones within five minutes.
        """
        now_s = self._steady()
        with self._lock:
            self._wrong_s = [at_s for at_s in self._wrong_s if now_s - at_s < _TRIES_WITHIN_S]
            if len(self._wrong_s) >= _TRIES:
                raise TooManyTries(self._wrong_s[0] + _TRIES_WITHIN_S - now_s)
            if not self._password or not hmac.compare_digest(password.encode(), self._password):
                self._wrong_s.append(now_s)
                return None
            self._sessions = {k: s for k, s in self._sessions.items() if s.until_s > now_s}
            while len(self._sessions) >= _MOST_SESSIONS:
                del self._sessions[next(iter(self._sessions))]
            session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32), now_s + _LASTS_S)
            self._sessions[session.token] = session
            return session

    def session(self, token: str) -> Session | None:
        """The session of a cookie, if it is one and not over."""
        with self._lock:
            found = self._sessions.get(token)
        return found if found is not None and found.until_s > self._steady() else None

    def leave(self, token: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(token, None)
