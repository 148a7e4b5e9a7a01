"""Pages: the templates, the language of a request, and how instants are written."""

from datetime import datetime
from functools import cache
from importlib.resources import files
from math import ceil
from typing import Any, cast
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from kitchenvision.regulator.messages import CATALOGUE, text
from kitchenvision.regulator.parts import Parts, now
from kitchenvision.regulator.refusal_words import in_chinese
from kitchenvision.regulator.settings import LANGUAGES, Language
from kitchenvision.wire import Problem

LANGUAGE_COOKIE = "kitchenvision_language"
_YEAR_S = 365 * 24 * 3600
_STEPS = ((60, "seconds", 1), (3600, "minutes", 60), (86400, "hours", 3600), (86400 * 30, "days", 86400))


class Words:
    """One request's language: called with a key and values it gives a message in it."""

    def __init__(self, language: Language, timezone: str) -> None:
        self.language = language
        self._zone = ZoneInfo(timezone)

    def __call__(self, key: str, **values: object) -> str:
        return text(self.language, key, **values)

    def named(self, group: str, name: str) -> str:
        """A name such as a rule's, or the bare word when the catalogue has none."""
        key = f"{group}.{name}"
        return self(key) if key in CATALOGUE[self.language] else name

    def why(self, reason: str) -> str:
        """The reason of a refusal, which the code says in English."""
        return in_chinese(reason) if self.language == "zh" else reason

    def age(self, at: datetime) -> str:
        """How long ago, such as ``3 min ago``."""
        seconds = max((now() - at).total_seconds(), 0.0)
        for below, unit, size in _STEPS:
            if seconds < below:
                n = int(seconds // size)
                return self(f"age.{unit}_one" if n == 1 else f"age.{unit}", n=n)
        return self.day(at)

    def span(self, seconds: float) -> str:
        """A length of time, rounded up to a whole unit, such as ``3 min``."""
        size, unit = 86400, "days"
        for below, each, of_it in _STEPS:
            if seconds < below:
                size, unit = of_it, each
                break
        return self(f"span.{unit}", n=ceil(max(seconds, 0.0) / size))

    def instant(self, at: datetime) -> str:
        """Date, time with seconds, and zone."""
        local = at.astimezone(self._zone)
        offset = local.strftime("%z")
        return f"{local:%Y-%m-%d %H:%M:%S} {offset[:3]}:{offset[3:]}"

    def day(self, at: datetime) -> str:
        """Date and time to the minute."""
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"


def words_of(request: Request) -> Words:
    """The language that the address, the cookie, the browser or the settings ask for, in this order."""
    parts = cast(Parts, request.app.state.parts)
    asked = [request.query_params.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, "")]
    accepted = request.headers.get("accept-language", "")
    asked += [item.split(";")[0].strip()[:2].lower() for item in accepted.split(",")]
    for word in asked:
        for language in LANGUAGES:
            if word == language:
                return Words(language, parts.settings.timezone)
    return Words(parts.settings.language, parts.settings.timezone)


def render(request: Request, name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from a template; remembers a language that the address asked for."""
    words = words_of(request)
    other = next(language for language in LANGUAGES if language != words.language)
    turned = request.url.include_query_params(lang=other)
    html = (
        _environment()
        .get_template(name)
        .render(
            t=words,
            other_language=other,
            turned=f"{turned.path}?{turned.query}",
            provider_name=_provider_name(request, words),
            **values,
        )
    )
    answer = HTMLResponse(html, status)
    if request.query_params.get("lang") in LANGUAGES:
        answer.set_cookie(
            LANGUAGE_COOKIE, words.language, max_age=_YEAR_S, samesite="lax", secure=request.url.scheme == "https"
        )
    return answer


def _provider_name(request: Request, words: Words) -> str:
    """What the office calls its own log-ins; empty where there are none."""
    oidc = cast(Parts, request.app.state.parts).settings.oidc
    return "" if oidc is None else oidc.name or words("oidc.name")


def template(name: str) -> Template:
    """A template that is rendered without a request, as for a mail."""
    return _environment().get_template(name)


def error_page(request: Request, problem: Problem, headers: dict[str, str] | None = None) -> HTMLResponse:
    """A page that says what went wrong and the next step."""
    words = words_of(request)
    kinds = (problem.type, str(problem.status), "other")
    key = next(f"error.{kind}" for kind in kinds if f"error.{kind}.title" in CATALOGUE[words.language])
    answer = render(
        request,
        "error.html",
        problem.status,
        code=problem.status,
        title=words(f"{key}.title"),
        detail=words(f"{key}.detail"),
        # What a field is called, and what is allowed, is known in English only.
        exact=problem.detail or "" if problem.status == 422 and words.language == "en" else "",
    )
    answer.headers.update(headers or {})
    return answer


@cache
def _environment() -> Environment:
    package = files("kitchenvision")
    folders = [str(package / "web" / "templates"), str(package / "regulator" / "pages")]
    return Environment(
        loader=FileSystemLoader(folders),
        auto_reload=False,  # a template changes with the package only
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
