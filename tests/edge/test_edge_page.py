"""The status page: no old picture looks live, what is wrong is said in both languages, machines can read it too."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from regulator.asgi import TestClient

from kitchenvision.edge.advice_words import ADVICE_WORDS
from kitchenvision.edge.causes import ADVICE, Cause
from kitchenvision.edge.disk import DiskFacts
from kitchenvision.edge.metrics import metrics_text
from kitchenvision.edge.page import Board, create_page, serve_page
from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.edge.state import CameraState, RuleTime
from kitchenvision.edge.words import WORDS, Words
from kitchenvision.errors import PortInUse
from kitchenvision.rules.registry import all_rules

NOW = datetime.now(UTC)
LIVE = CameraState(
    "cooking", "热菜间", "rtsp://camera/live", "live", fps=4.8, lag_s=0.12, picture=b"\xff\xd8jpeg", picture_at=NOW,
    violations=2, last_rule="no_hat", last_at=NOW - timedelta(minutes=3), reconnects={"ended": 2},
)  # fmt: skip
BLIND = CameraState(
    "serving", "Serving <1>", "rtsp://camera/none", "backing off", "wrong password", "refused", 95.0, 30.0,
    {"wrong password": 3}, picture=b"\xff\xd8old", picture_at=NOW - timedelta(hours=2),
)  # fmt: skip
DELIVERY: dict[str, float | int | str] = {"waiting": 3, "dead": 1, "delivered": 9, "oldest_s": 70.0, "problem": ""}


def client(states: Sequence[CameraState], disk: DiskFacts | None = None) -> TestClient:
    """The page over those cameras."""
    settings = EdgeSettings(
        canteen_id="canteen-1", data=Path("/nowhere"), cameras=(CameraSection(id="a", url="rtsp://camera/live"),)
    )
    # However long the tests before this one took, what is live is live.
    now = datetime.now(UTC)
    states = [replace(one, picture_at=now) if one.picture_at == NOW else one for one in states]
    board = Board(settings, lambda: states, lambda: DELIVERY, lambda: disk or DiskFacts(1, 5_000_000_000, 9))
    return TestClient(create_page(board))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_blind_camera_comes_first_with_its_cause_and_advice(language: str) -> None:
    """Before the live one, in the reader's language, with the age of its last picture and that picture greyed."""
    html = client([LIVE, BLIND]).get("/", params={"lang": language}).text
    assert html.index("camera-serving") < html.index("camera-cooking")
    assert ADVICE[Cause.WRONG_PASSWORD][language] in html.replace("&#39;", "'")  # type: ignore[index]
    blind = html[html.index("camera-serving") : html.index("camera-cooking")]
    assert 'class="shot old"' in blind
    assert Words(language).age(7200) in blind  # type: ignore[arg-type]
    assert 'class="shot old"' not in html[html.index("camera-cooking") :]
    assert "Serving &lt;1&gt;" in html
    assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in html


def test_a_picture_that_stopped_coming_is_old_even_if_the_connection_says_live() -> None:
    """One of the worst complaints: an old picture that is shown as live."""
    html = client([replace(LIVE, picture_at=NOW - timedelta(seconds=40))]).get("/cards").text
    assert 'class="shot old"' in html


def test_a_camera_that_cannot_see_comes_first_too_and_says_why() -> None:
    """Its picture comes, and nobody is judged on it."""
    html = client([replace(LIVE, camera_id="fine"), replace(LIVE, troubles=("covered",))]).get("/?lang=en").text
    assert html.index("camera-cooking") < html.index("camera-fine")
    assert "lens covered" in html
    assert "take away what stands before it" in html


def test_a_clock_that_was_set_is_told_with_what_to_do() -> None:
    """On the page and to machines."""
    one = client([replace(LIVE, clock_jumps=2)])
    assert "Set up time synchronisation" in one.get("/?lang=en").text
    assert 'kitchenvision_clock_jumps_total{camera="cooking"} 2' in one.get("/metrics").text


def test_the_language_is_remembered() -> None:
    """Asked once."""
    one = client([LIVE])
    assert "give a picture" in one.get("/?lang=en").text
    assert "give a picture" in one.get("/cards").text


def test_every_word_is_there_in_both_languages() -> None:
    """And every rule has a name."""
    assert all(set(texts) == {"en", "zh"} for texts in WORDS.values())
    assert set(all_rules()) <= set(WORDS)
    for key, texts in WORDS.items():
        if key not in ADVICE_WORDS:  # which may name a rule in one language only: test_survey
            fields = [sorted(re.findall(r"{(\w+)}", text)) for text in texts.values()]
            assert fields[0] == fields[1], key


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [(0, "0 s", "0 秒"), (61, "1 min", "1 分钟"), (7300, "2 h", "2 小时"), (2e5, "2 d", "2 天")],
)
def test_ages_in_words(seconds: float, en: str, zh: str) -> None:
    """The largest unit is enough."""
    assert (Words("en").age(seconds), Words("zh").age(seconds)) == (en, zh)


def test_pictures_and_what_is_not_there() -> None:
    """Never cached, and 404 for a camera without one: no other camera's picture in its place."""
    one = client([LIVE, replace(BLIND, picture=b"")])
    answer = one.get("/cameras/cooking.jpg")
    assert (answer.content, answer.headers["content-type"]) == (LIVE.picture, "image/jpeg")
    assert answer.headers["cache-control"] == "no-store"
    assert one.get("/cameras/serving.jpg").status_code == 404
    assert one.get("/cameras/unknown.jpg").status_code == 404


def test_the_api_gives_the_same_facts_without_pictures() -> None:
    """JSON, instants in ISO 8601."""
    state = client([LIVE, BLIND]).get("/api/state").json()
    cooking, serving = state["cameras"]
    assert (cooking["state"], cooking["fps"], cooking["last_rule"]) == ("live", 4.8, "no_hat")
    assert datetime.fromisoformat(cooking["last_at"]) == LIVE.last_at
    assert serving["advice"]["en"] == ADVICE[Cause.WRONG_PASSWORD]["en"]
    assert "picture" not in cooking
    assert state["outbox"]["waiting"] == 3


def test_observed_time_is_shown_by_zone_and_rule() -> None:
    """In the API and in the metrics, beside how long each rule was due."""
    one = replace(LIVE, rule_times=(RuleTime("cooking", "no_hat", 90.0, 120.0),))
    (camera,) = client([one]).get("/api/state").json()["cameras"]
    assert camera["rule_times"] == [{"zone": "cooking", "rule_id": "no_hat", "observed_s": 90.0, "due_s": 120.0}]
    lines = metrics_text([one], DELIVERY, DiskFacts(7, 8, 9)).splitlines()
    labels = '{camera="cooking",zone="cooking",rule="no_hat"}'
    assert f"kitchenvision_rule_observed_seconds_total{labels} 90" in lines
    assert f"kitchenvision_rule_due_seconds_total{labels} 120" in lines


def test_health_and_readiness() -> None:
    """Healthy as long as it answers; ready when a camera gives a picture."""
    assert client([BLIND]).get("/healthz").status_code == 200
    assert client([BLIND]).get("/readyz").status_code == 503
    assert client([LIVE, BLIND]).get("/readyz").status_code == 200


def test_metrics_have_one_help_and_type_a_family_and_escaped_labels() -> None:
    """As Prometheus wants them."""
    odd = replace(LIVE, camera_id='a"b\\c\nd')
    text = metrics_text([odd, BLIND], DELIVERY, DiskFacts(7, 8, 9))
    lines = text.splitlines()
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families)) > 15
    assert r'kitchenvision_camera_up{camera="a\"b\\c\nd"} 1' in lines
    assert 'kitchenvision_camera_up{camera="serving"} 0' in lines
    assert 'kitchenvision_camera_reconnects_total{camera="serving",cause="wrong password"} 3' in lines
    assert "kitchenvision_outbox_oldest_seconds 70" in lines
    assert all(re.fullmatch(r"[a-z_]+({.*})? [-0-9.e+]+", line) for line in lines if not line.startswith("#"))


def test_a_low_disk_and_dead_letters_are_said() -> None:
    """Before they become a loss."""
    html = client([LIVE], DiskFacts(1, 1000, 9, low=True)).get("/?lang=en").text
    assert "little space is left" in html
    assert "refused for good" in html


def test_pages_load_nothing_from_elsewhere() -> None:
    """A box in a canteen has no internet, and a page must not run what somebody wrote into a camera's name."""
    answer = client([LIVE]).get("/")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert not re.findall(r'(?:src|href)="(?!/)', answer.text)
    assert client([]).get("/static/edge.js").status_code == 200


def test_a_port_in_use_is_said_at_once() -> None:
    """Not in a thread that nobody hears."""
    settings = EdgeSettings(
        canteen_id="c", data=Path("/nowhere"), cameras=(CameraSection(id="a", url="rtsp://c/l"),), page={"port": 0}
    )  # type: ignore[arg-type]
    board = Board(settings, lambda: [LIVE], lambda: DELIVERY, DiskFacts)
    with serve_page(board) as address:
        port = int(address.rpartition(":")[2])
        taken = settings.model_copy(update={"page": settings.page.model_copy(update={"port": port})})
        with pytest.raises(PortInUse, match=str(port)), serve_page(replace(board, settings=taken)):
            pass


@pytest.mark.parametrize(("language", "word"), [("zh", "没有找到"), ("en", "There is nothing here")])
def test_a_page_that_is_none_says_so_with_the_way_back_and_scripts_get_json(language: str, word: str) -> None:
    """In the reader's language."""
    one, asked = client([LIVE]), f"/nowhere?lang={language}"
    answer = one.get(asked, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert word in answer.text
    assert 'href="/"' in answer.text
    assert one.get(asked).json() == {"detail": "Not Found"}
