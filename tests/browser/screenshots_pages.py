"""Every page that a person can open, and how it comes to be full, empty, in error and dark."""

from dataclasses import dataclass

from browser import screenshots_acts as acts
from browser.screenshots_acts import Act, send
from browser.screenshots_sheet import BIG, BOTH_SCHEMES, Look, four


@dataclass(frozen=True)
class Shot:
    """One state of a page.

    Attributes:
        path: below the world's home, with ``{names}`` of its ids. who: is logged in; empty = nobody.
        world: whose. act: done before the picture. looks: how it is looked at. live: with pictures of this moment.
    """

    path: str
    who: str = "admin"
    world: str = "full"
    act: Act | None = None
    looks: tuple[Look, ...] = four()
    live: bool = False


@dataclass(frozen=True)
class Shown:
    """A page. `what`: for the list of all. `states`: full, empty, error, dark."""

    name: str
    what: str
    states: dict[str, Shot]


def _page(name: str, what: str, **states: Shot) -> Shown:
    return Shown(name, what, states)


def _fresh(path: str, who: str = "admin", act: Act | None = None) -> Shot:
    return Shot(path, who, "fresh", act)


def _dark(path: str, who: str = "admin") -> Shot:
    return Shot(path, who, looks=four("dark"))


def _big(path: str, live: bool = True) -> Shot:
    return Shot(path, looks=BIG, live=live)


def _box(path: str, world: str = "box", who: str = "cook", act: Act | None = None) -> Shot:
    return Shot(path, who, world, act)


def _scan(name: str) -> Shot:
    return Shot(f"/{name}/index.html", "", "reports", looks=BOTH_SCHEMES)


LOGIN = (
    _page("login", "Log-in; a wrong password", full=Shot("/login", ""), empty=_fresh("/login", ""),
          error=Shot("/login", "", act=send("/login", username="somebody", password="wrong"))),
    _page("login-office", "Log-in by the office's accounts, out of reach", error=Shot("/login/oidc", "")),
    _page("login-code", "The second step; too late", full=Shot("/login/code", ""),
          error=Shot("/login/code", "", act=send("/login/code", code="000000"))),
    _page("login-once", "A one-time link that was used", error=Shot("/login/once/used", "")),
    _page("not-there", "An address that is none", error=Shot("/nowhere")),
    _page("not-allowed", "A page for other roles", error=Shot("/people", "wang")),
)  # fmt: skip
DESK = (
    _page("review", "The desk of inspectors; a violation that is not there", full=Shot("/review", "wang"),
          empty=_fresh("/review"), error=Shot("/review/0123456789abcdef"), dark=_dark("/review", "wang")),
    _page("review-decided", "What is decided; the service gone at a decision",
          full=Shot("/review/{decided}?state=decided", "wang"), empty=_fresh("/review?state=decided"),
          error=Shot("/review", "wang", act=acts.undeliverable)),
    _page("review-second", "Second looks", full=Shot("/review?state=second"), empty=_fresh("/review?state=second")),
    _page("review-keys", "The keys of the desk",
          full=Shot("/review", "wang", act=acts.clicks("#help-open", "#help[open]"), looks=four()[:2])),
    _page("review-auditor", "The desk for an auditor, who decides nothing", full=Shot("/review", "zhao")),
    _page("agreement", "How often two people agree", full=Shot("/agreement"), empty=_fresh("/agreement"),
          error=Shot("/agreement", "chef")),
    _page("cases", "Cases; none of that number", full=Shot("/cases", "wang"), empty=_fresh("/cases"),
          error=Shot("/cases?number=1999-00001", "wang")),
    _page("case", "One case; a ruling without words", full=Shot("/cases/{case}", "wang"),
          error=Shot("/cases/{case}", "wang", act=acts.refused_step("returned"))),
    _page("my-cases", "Cases, for a canteen's people", full=Shot("/cases", "chef"), empty=_fresh("/cases", "chef"),
          error=Shot("/cases/99999", "chef")),
    _page("my-case", "One case for them; an answer without a photo", full=Shot("/cases/{mine}", "chef"),
          error=Shot("/cases/{mine}", "chef", act=acts.refused_step("answered"))),
)  # fmt: skip
DISTRICT = (
    _page("district", "All canteens with their colours", full=Shot("/district"),
          empty=Shot("/district", world="bare"),
          error=Shot("/district", "office"), dark=_dark("/district")),
    _page("canteen", "One canteen: points, history, cameras; one without data; one that is not there",
          full=Shot("/canteens/{red}"), empty=Shot("/canteens/{grey}"), error=Shot("/canteens/nowhere"),
          dark=_dark("/canteens/{red}")),
    _page("policies", "The policy of colours; one that cannot be", full=Shot("/policies"),
          empty=_fresh("/policies"),
          error=Shot("/policies", act=send("/policies/try", text="{}"))),
    _page("policies-try", "The district under another policy", full=Shot("/policies", act=acts.another_policy)),
    _page("calendar", "School days; a period that ends before it begins", full=Shot("/calendar"),
          empty=_fresh("/calendar"),
          error=Shot("/calendar", act=send("/calendar", first="2026-12-05", last="2026-12-01"))),
    _page("public", "What a QR code opens; a canteen without data; none", full=Shot("/public/{red}", ""),
          empty=_fresh("/public/{canteen}", ""), error=Shot("/public/nowhere", "")),
    _page("wall", "Nine live pictures; none; the service gone", full=Shot("/cockpit?tiles=9", live=True),
          empty=_fresh("/cockpit"), error=Shot("/cockpit?tiles=9", act=acts.service_gone, live=True),
          dark=_big("/cockpit?tiles=9")),
    _page("wall-1", "One picture", full=_big("/cockpit?tiles=1")),
    _page("wall-36", "Thirty-six pictures", full=_big("/cockpit?tiles=36")),
    _page("wall-link", "A link to a wall; one that was revoked", full=Shot("/wall/{wall}", "", live=True),
          error=Shot("/wall/revoked", "")),
    _page("map", "The map and the ranking; outlines that cannot be read", full=Shot("/cockpit/map"),
          empty=_fresh("/cockpit/map"), error=Shot("/cockpit/map", world="bare"), dark=_big("/cockpit/map", False)),
    _page("digest", "The weekly mail; an address that is none", full=Shot("/digest"), empty=_fresh("/digest"),
          error=Shot("/digest", "wang", act=send("/digest", email="nobody"))),
)  # fmt: skip
OFFICE = (
    _page("people", "Who may see what; a name that is taken", full=Shot("/people"), empty=_fresh("/people"),
          error=Shot("/people", "office", act=send("/people", username="wang"))),
    _page("person", "One person; nobody", full=Shot("/people/4", "office"), error=Shot("/people/99999", "office")),
    _page("devices", "Edge boxes and their tokens; a canteen that is there", full=Shot("/devices"),
          empty=Shot("/devices", world="bare"),
          error=Shot("/devices", "office", act=send("/devices", canteen_id="seed-001"))),
    _page("import", "A table with flaws, looked through; a file that is no table",
          full=Shot("/devices/import", act=acts.check_table), empty=_fresh("/devices/import"),
          error=Shot("/devices/import", act=acts.check_nonsense)),
    _page("webhooks", "Who is told of what happens; an address that is not allowed", full=Shot("/webhooks"),
          empty=_fresh("/webhooks"), error=Shot("/webhooks", act=send("/webhooks", url="http://192.168.1.1/x"))),
    _page("webhook", "One of them with its deliveries; none", full=Shot("/webhooks/1"),
          error=Shot("/webhooks/99999")),
    _page("walls", "Links to walls; a name too many", full=Shot("/walls"), empty=_fresh("/walls"),
          error=Shot("/walls", act=send("/walls", name=" "))),
    _page("account", "My account; a wrong password", full=Shot("/account"), empty=_fresh("/account"),
          error=Shot("/account", act=send("/account/password", old="wrong", new="long enough, it is"))),
)  # fmt: skip
BOX = (
    _page("box", "The edge box's cameras; the first minute; all in need", full=_box("/"),
          empty=_box("/", "box-empty"),
          error=_box("/", "box-error"), dark=Shot("/", "cook", "box", looks=four("dark"))),
    _page("box-login", "Log-in of the box; one without a password; a wrong one", full=_box("/login", who=""),
          empty=_box("/login", "box-closed", ""),
          error=_box("/login", "box-login", "", send("/login", password="wrong"))),
    _page("zones", "The zone editor; without a picture; with edges that cross",
          full=_box("/cameras/cooking/zones", act=acts.zone_chosen),
          empty=_box("/cameras/cooking/zones", "box-empty"),
          error=_box("/cameras/cooking/zones", act=acts.crossing_edges)),
    _page("mutes", "Maintenance; none; settings that cannot be changed", full=_box("/mutes"),
          empty=_box("/mutes", "box-empty"), error=_box("/mutes", "box-error", act=send("/mutes"))),
    _page("probation", "What a camera on probation found; nothing; no such camera",
          full=_box("/cameras/door/probation"),
          empty=_box("/cameras/door/probation", "box-empty"), error=_box("/cameras/nowhere/probation")),
)  # fmt: skip
SCAN = (
    _page("report", "The report of a scan, in both languages at once, light and dark", full=_scan("full"),
          empty=_scan("empty"), error=_scan("error")),
)  # fmt: skip
PAGES = {
    "Log-in": LOGIN,
    "Desk and cases": DESK,
    "District": DISTRICT,
    "Office": OFFICE,
    "Edge box": BOX,
    "Scan": SCAN,
}
# Of these, the visible part also stands in the documentation: (page, state, look) -> file.
ALONE = {
    ("review", "full", "zh-1440"): "review-zh",
    ("review", "dark", "en-1440-dark"): "review-en-dark",
    ("review", "full", "zh-390"): "review-zh-390",
    ("district", "full", "zh-1440"): "district-zh",
    ("canteen", "full", "zh-1440"): "canteen-zh",
    ("canteen", "empty", "en-1440"): "canteen-grey-en",
    ("public", "full", "zh-390"): "public-zh-390",
    ("policies-try", "full", "zh-1440"): "what-if-zh",
    ("login", "full", "zh-1440"): "login-zh",
    ("import", "full", "zh-1440"): "import-zh",
    ("map", "dark", "zh-1920-dark"): "map-zh",
    ("digest", "full", "zh-1440"): "digest-zh",
    ("my-case", "full", "en-390"): "my-case-en-390",
    ("wall", "dark", "zh-1920-dark"): "wall-9-zh",
}
