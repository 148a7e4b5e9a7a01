"""Pages of the edge service: templates, the reader's language, and headers that let nothing in from elsewhere."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kitchenvision.edge.words import Language, Words

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; form-action 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def language_of(request: Request, default: Language) -> Language:
    """As asked in the address, else remembered, else the settings'."""
    asked = request.query_params.get("lang") or request.cookies.get("lang") or default
    return "en" if asked == "en" else "zh"


def render(request: Request, default: Language, name: str, values: Mapping[str, Any]) -> HTMLResponse:
    """A template with its words as ``t``; an asked language is remembered."""
    words = Words(language_of(request, default))
    html = environment().get_template(name).render(t=words, **values)
    response = HTMLResponse(html)
    if "lang" in request.query_params:
        response.set_cookie("lang", words.language, max_age=31_536_000, samesite="lax")
    return response


@cache
def environment() -> Environment:
    """Of all pages."""
    package = files("kitchenvision")
    folders = [str(package / "web" / "templates"), str(package / "edge" / "pages")]
    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
