"""Every route of the regulator and the right it asks for. A route that is not here fails the test."""

from dataclasses import dataclass, field

from kitchenvision.regulator.access import Right


@dataclass(frozen=True)
class Row:
    """One route.

    Attributes:
        right: that it asks for; None = whoever is logged in.
        of_canteen: its path names something that belongs to a canteen.
        page: it answers with a page.
    """

    method: str
    path: str
    right: Right | None
    of_canteen: bool = False
    page: bool = True
    query: dict[str, str] = field(default_factory=dict)


READ, REVIEW, DECIDE = Right.READ, Right.REVIEW, Right.DECIDE
MATRIX = (
    Row("GET", "/", None),
    Row("GET", "/account", None),
    Row("POST", "/account/password", None),
    Row("POST", "/account/second-factor", None),
    Row("POST", "/account/second-factor/begin", None),
    Row("POST", "/account/second-factor/codes", None),
    Row("POST", "/account/second-factor/remove", None),
    Row("POST", "/account/tokens", None),
    Row("POST", "/account/tokens/{token_id}/revoke", None),
    Row("GET", "/people", Right.PEOPLE),
    Row("POST", "/people", Right.PEOPLE),
    Row("GET", "/people/{person_id}", Right.PEOPLE),
    *(Row("POST", f"/people/{{person_id}}/{step}", Right.PEOPLE) for step in ("place", "password", "sessions")),
    Row("POST", "/people/{person_id}/second-factor", Right.PEOPLE),
    Row("POST", "/people/{person_id}/provider", Right.PEOPLE),
    Row("POST", "/people/{person_id}/disabled", Right.PEOPLE),
    Row("GET", "/devices", Right.PEOPLE),
    Row("POST", "/devices", Right.PEOPLE),
    Row("POST", "/devices/towns", Right.PEOPLE),
    Row("POST", "/devices/{canteen_id}/token", Right.PEOPLE, of_canteen=True),
    Row("POST", "/devices/{canteen_id}/disabled", Right.PEOPLE, of_canteen=True),
    Row("GET", "/devices/import", Right.PEOPLE),
    Row("POST", "/devices/import/check", Right.PEOPLE),
    Row("POST", "/devices/import/keep", Right.PEOPLE),
    Row("GET", "/digest", REVIEW),
    Row("POST", "/digest", REVIEW),
    Row("POST", "/digest/stop", REVIEW),
    Row("GET", "/webhooks", Right.POLICY),
    Row("POST", "/webhooks", Right.POLICY),
    Row("GET", "/webhooks/{webhook_id}", Right.POLICY),
    *(Row("POST", f"/webhooks/{{webhook_id}}/{step}", Right.POLICY) for step in ("disabled", "ping", "remove")),
    Row("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/again", Right.POLICY),
    Row("GET", "/cases", READ),
    Row("POST", "/cases", DECIDE, of_canteen=True),
    Row("GET", "/cases/{case_id}", READ, of_canteen=True),
    Row("POST", "/cases/{case_id}/ruling", DECIDE, of_canteen=True),
    Row("POST", "/cases/{case_id}/answer", Right.ANSWER, of_canteen=True),
    Row("GET", "/cases/{case_id}/photos/{seq}", READ, of_canteen=True),
    Row("GET", "/cases/{case_id}/notice.pdf", READ, of_canteen=True),
    Row("GET", "/review", REVIEW),
    Row("GET", "/review/new", REVIEW, query={"since": "2026-01-01T00:00:00Z"}),
    Row("GET", "/review/more", REVIEW, query={"cursor": "MjAyNi0xMS0yMFQwMzoxNDowMCswMDowMHxm"}),
    Row("GET", "/review/{violation_id}", REVIEW, of_canteen=True),
    Row("GET", "/review/{violation_id}/desk", REVIEW, of_canteen=True),
    Row("POST", "/review/{violation_id}/decision", DECIDE, of_canteen=True),
    Row("POST", "/review/{violation_id}/second", DECIDE, of_canteen=True),
    Row("POST", "/review/{violation_id}/claim", DECIDE, of_canteen=True),
    Row("POST", "/review/{violation_id}/split", DECIDE, of_canteen=True),
    Row("POST", "/review/{violation_id}/merge", DECIDE, of_canteen=True),
    Row("POST", "/review/decisions", DECIDE),
    Row("POST", "/review/views", DECIDE),
    Row("POST", "/review/views/{view_id}/forget", DECIDE),
    Row("GET", "/agreement", REVIEW),
    Row("GET", "/session", None, page=False),
    Row("GET", "/district", READ),
    Row("GET", "/canteens/{canteen_id}", READ, of_canteen=True),
    Row("GET", "/policies", READ),
    Row("GET", "/reports/district.{ending}", REVIEW, query={"month": "2026-11"}),
    Row("GET", "/reports/canteens/{canteen_id}.{ending}", REVIEW, of_canteen=True, query={"month": "2026-11"}),
    Row("GET", "/reports/violations.csv", REVIEW, page=False),
    Row("GET", "/reports/violations.parquet", REVIEW, page=False),
    Row("GET", "/calendar", READ),
    Row("POST", "/calendar", Right.POLICY),
    Row("POST", "/calendar/week", Right.POLICY),
    Row("GET", "/cockpit", REVIEW),
    Row("GET", "/walls", Right.POLICY),
    Row("POST", "/walls", Right.POLICY),
    Row("POST", "/walls/{link_id}/revoke", Right.POLICY),
    Row("GET", "/cockpit/map", REVIEW),
    Row("GET", "/cockpit/events", REVIEW, page=False, query={"once": "true"}),
    Row("GET", "/cockpit/pictures/{canteen_id}/{camera_id}", REVIEW, of_canteen=True, page=False),
    Row("POST", "/policies/try", Right.POLICY),
    Row("POST", "/policies", Right.POLICY),
    Row("GET", "/api/v1/violations", READ, page=False),
    Row("GET", "/api/v1/violations/{violation_id}", READ, of_canteen=True, page=False),
    Row("GET", "/api/v1/violations/{violation_id}/{role}", READ, of_canteen=True, page=False),
    Row("GET", "/api/v1/feedback", REVIEW, page=False),
    Row("GET", "/api/v1/picture-views", Right.AUDIT, page=False),
)
# What nobody needs to be logged in for, or what asks for an edge box's token instead; each has tests of its own
# (test_auth, test_account, test_kiosk, test_ingest, test_observed, test_district_pages, test_cockpit). /logout ends
# the session that it needs, so it is there too.
OPEN_TO_ALL = {
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/wall/{token}"),
    ("GET", "/login/code"),
    ("POST", "/login/code"),
    ("GET", "/login/oidc"),
    ("GET", "/login/oidc/back"),
    ("GET", "/login/once/{token}"),
    ("POST", "/logout"),
    ("GET", "/public/{canteen_id}"),
    ("GET", "/public/{canteen_id}/qr.svg"),
    ("HEAD", "/api/v1/blobs/{sha256}"),
    ("PUT", "/api/v1/blobs/{sha256}"),
    ("POST", "/api/v1/reports"),
    ("PUT", "/api/v1/box"),
    ("POST", "/api/v1/observed-times"),
    ("POST", "/api/v1/live"),
    ("PUT", "/api/v1/live/{camera_id}"),
    ("PUT", "/api/v1/live/{camera_id}/state"),
}


def form_for(row: Row, violation_id: str) -> dict[str, str]:
    """Fields that a form of that route needs, beside its token."""
    forms: dict[str, dict[str, str]] = {
        **{f"/account/second-factor{step}": {"code": "no code"} for step in ("", "/begin", "/codes", "/remove")},
        "/account/password": {"old": "not the password", "new": "another one"},
        "/account/tokens": {"name": "", "days": "1"},
        "/account/tokens/{token_id}/revoke": {},
        "/review/{violation_id}/decision": {"verdict": "cannot_tell", "follows": "0"},
        "/review/{violation_id}/second": {"verdict": "cannot_tell", "follows": "1"},
        "/review/{violation_id}/claim": {},
        "/review/{violation_id}/split": {},
        "/review/{violation_id}/merge": {"other": violation_id},
        "/review/decisions": {"verdict": "cannot_tell", "incident": f"{violation_id}:0"},
        "/review/views": {"name": "mine"},
        "/review/views/{view_id}/forget": {},
        "/policies/try": {"text": "not a policy"},
        "/policies": {"text": "not a policy"},
        "/calendar": {"first": "2026-10-01", "last": "2026-10-07", "what": "closed"},
        "/calendar/week": {"weekdays": "7"},
        "/cases": {"incident_id": violation_id},
        "/cases/{case_id}/ruling": {"kind": "accepted", "words": "fine"},
        "/cases/{case_id}/answer": {"kind": "answered", "words": "no photo"},
        **{
            f"/people/{{person_id}}/{step}": {}
            for step in ("place", "password", "sessions", "second-factor", "provider")
        },
        "/people": {"username": ""},
        "/people/{person_id}/disabled": {"disabled": "true"},
        **{f"/webhooks/{{webhook_id}}/{step}": {} for step in ("ping", "remove")},
        "/webhooks": {"url": ""},
        "/walls": {"name": ""},
        "/digest": {"email": ""},
        "/digest/stop": {},
        "/walls/{link_id}/revoke": {},
        "/webhooks/{webhook_id}/disabled": {"disabled": "true"},
        "/webhooks/{webhook_id}/deliveries/{delivery_id}/again": {},
        "/devices": {"canteen_id": ""},
        "/devices/towns": {"town_id": ""},
        "/devices/{canteen_id}/token": {},
        "/devices/{canteen_id}/disabled": {"disabled": "false"},
        "/devices/import/check": {},
        "/devices/import/keep": {"kind": "canteens", "text": "canteen_id,name"},
    }
    return forms[row.path]
