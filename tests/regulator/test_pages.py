"""Promises of the pages: headers that keep them safe, languages, errors in the same look, nothing unescaped."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest
from regulator.asgi import TestClient
from regulator.conftest import RULES, Regulator
from regulator.sample import sample, send, send_blobs, send_report

from kitchenvision.regulator import desk, review
from kitchenvision.regulator.messages import CATALOGUE, text
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.rendering import Words
from kitchenvision.wire import ClockState

HTML = {"Accept": "text/html"}


class Addresses(HTMLParser):
    """Collects what a page loads or runs."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        named = dict(attrs)
        self.addresses += [value for key, value in attrs if key in ("src", "href", "action") and value]
        self.inline += [key for key, _ in attrs if key.startswith("on") or key == "style"]
        if tag == "style" or (tag == "script" and "src" not in named):
            self.inline.append(tag)


@pytest.mark.parametrize("path", ["/review", "/login", "/api/v1/violations", "/static/review.js", "/nothing"])
def test_every_answer_carries_the_headers_that_keep_browsers_safe(library: Regulator, path: str) -> None:
    headers = library.client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers


def test_pages_are_not_kept_by_browsers_and_pictures_only_by_their_owner(library: Regulator) -> None:
    client = library.logged_in()
    assert client.get("/review").headers["cache-control"] == "no-store"
    picture = client.get(f"/api/v1/violations/{sample(1).violation_id}/snapshot")
    assert picture.headers["cache-control"].startswith("private")


@pytest.mark.parametrize("path", ["/review", "/login", "/review/0123456789abcdef"])
def test_a_page_loads_only_from_this_host_and_runs_nothing_inline(library: Regulator, path: str) -> None:
    found = Addresses()
    found.feed(library.logged_in().get(path, headers=HTML).text)
    assert found.addresses
    assert all(address.startswith("/") and not address.startswith("//") for address in found.addresses)
    assert found.inline == []


def test_no_static_file_names_another_host(library: Regulator) -> None:
    for name in ("review.js", "review.css", "pages.css", "tokens.css"):
        assert "://" not in library.client.get(f"/static/{name}").text
    assert library.client.get("/static/htmx.min.js").status_code == 200
    assert "Zero-Clause BSD" in library.client.get("/static/htmx.LICENSE").text


def test_there_are_no_pages_of_the_framework(library: Regulator) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert library.client.get(path).status_code == 404


def test_both_languages_have_every_message_with_the_same_values_to_fill_in() -> None:
    assert set(CATALOGUE["zh"]) == set(CATALOGUE["en"])
    for key, english in CATALOGUE["en"].items():
        chinese = CATALOGUE["zh"][key]
        assert english
        assert chinese
        fields = [{name for _, name, _, _ in Formatter().parse(word) if name} for word in (english, chinese)]
        assert fields[0] == fields[1] or key.endswith("_one"), key


def test_every_message_that_a_template_or_module_asks_for_exists() -> None:
    folder = desk.__file__.rsplit("/", 1)[0]
    names = set()
    for path in (*_files(folder, "pages/*.html"), *_files(folder, "*.py")):
        names |= set(re.findall(r'\b(?:t|words)\("([a-z_]+(?:\.[a-z_0-9]+)*)"', path))
    assert len(names) > 50
    assert names <= set(CATALOGUE["en"])


def _files(folder: str, pattern: str) -> list[str]:
    return [path.read_text("utf-8") for path in Path(folder).glob(pattern)]


def test_chinese_sentences_use_chinese_punctuation() -> None:
    for key, word in CATALOGUE["zh"].items():
        assert not re.search(r"[\u4e00-\u9fff][,?;][\u4e00-\u9fff]", word), key


@pytest.mark.parametrize(
    ("headers", "query", "language"),
    [
        ({}, "", "en"),  # the settings of this regulator
        ({"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}, "", "zh-CN"),
        ({"Accept-Language": "fr, en;q=0.5, zh;q=0.4"}, "", "en"),
        ({"Accept-Language": "fr"}, "", "en"),
        ({"Accept-Language": "zh"}, "?lang=en", "en"),
        ({"Accept-Language": "en"}, "?lang=zh", "zh-CN"),
        ({}, "?lang=xx", "en"),
    ],
)
def test_the_language_is_the_addresss_then_the_browsers_then_the_settings(
    library: Regulator, headers: dict[str, str], query: str, language: str
) -> None:
    assert f'<html lang="{language}">' in library.another_client().get(f"/login{query}", headers=headers).text


def test_a_chosen_language_is_remembered(library: Regulator) -> None:
    client = library.another_client()
    client.get("/login?lang=zh")
    assert '<html lang="zh-CN">' in client.get("/login", headers={"Accept-Language": "en"}).text


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (1, "1 秒前", "1 s ago"),
        (59, "59 秒前", "59 s ago"),
        (60, "1 分钟前", "1 min ago"),
        (185, "3 分钟前", "3 min ago"),
        (7300, "2 小时前", "2 h ago"),
        (90000, "1 天前", "1 day ago"),
        (-30, "0 秒前", "0 s ago"),
    ],
)
def test_ages_are_said_in_words(seconds: float, zh: str, en: str) -> None:
    at = now() - timedelta(seconds=seconds)
    assert Words("zh", "Asia/Shanghai").age(at) == zh
    assert Words("en", "Asia/Shanghai").age(at) == en


def test_absolute_times_have_seconds_and_zone() -> None:
    at = sample(1).confirmed.captured_at
    assert Words("en", "Asia/Shanghai").instant(at) == "2026-11-20 11:07:00 +08:00"
    assert Words("en", "UTC").instant(at) == "2026-11-20 03:07:00 +00:00"


def test_the_page_says_in_a_sentence_why_the_system_thinks_so(library: Regulator) -> None:
    page = library.logged_in().get(f"/review/{sample(3).violation_id}").text
    assert "looks that could be judged saw uncovered hair" in page
    assert "at least 5 looks, 60 % of them violating" in page
    assert 'class="shade"' in page


def test_the_page_shows_position_and_total_and_earlier_incidents_here(library: Regulator) -> None:
    page = library.logged_in().get(f"/review/{sample(9).violation_id}?canteen=canteen-1").text
    assert re.search(r'id="total">9<', page)
    earlier = re.findall(r'<li><a href="/review/(\w+)\?state="', page)
    assert earlier == [sample(6).violation_id, sample(3).violation_id]


def test_an_unknown_violation_is_an_error_page_with_the_next_step(library: Regulator) -> None:
    answer = library.logged_in().get("/review/0123456789abcdef", headers=HTML)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert 'href="/"' in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "words"),
    [
        ("GET", "/login/once/used", 403, "登录链接已失效"),
        ("POST", "/people", 401, "您已退出登录"),
        ("GET", "/reports/canteens/nowhere.pdf?month=never", 422, "填写有误"),
    ],
)
def test_a_refusal_says_in_the_readers_language_what_happened_and_what_to_do(
    library: Regulator, method: str, path: str, status: int, words: str
) -> None:
    client = library.logged_in() if status == 422 else library.client
    answer = client.request(method, path, headers={**HTML, "accept-language": "zh"})
    assert answer.status_code == status
    assert words in answer.text
    assert 'href="/"' in answer.text


@pytest.mark.logs_errors
def test_an_unexpected_error_is_a_page_without_its_inside(
    regulator: Regulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(review, "queue", fails)
    client = TestClient(regulator.app, base_url="http://regulator.test", raise_server_exceptions=False)
    client.cookies.update(regulator.logged_in().cookies)
    answer = client.get("/review", headers=HTML)
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert "secret inside" not in answer.text


def test_what_an_edge_box_sends_is_escaped(regulator: Regulator) -> None:
    evil = "<script>alert(1)</script>\"'"
    one = sample(camera_id=evil)
    report = one.confirmed.model_copy(
        update={"rule_id": evil, "zone": evil, "video": evil, "software_version": evil}
    )
    send_blobs(regulator.client, regulator.token, one.blobs)
    assert send_report(regulator.client, regulator.token, report).status_code == 201
    page = regulator.logged_in().get("/review").text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 4


def test_a_violation_without_clip_trace_or_pictures_still_has_its_page(regulator: Regulator) -> None:
    one = sample()
    bare = one.confirmed.model_copy(update={"blobs": ()})
    assert send_report(regulator.client, regulator.token, bare).status_code == 201
    page = regulator.logged_in().get("/review").text
    for word in ("No snapshot came", "The clip has not arrived yet", "No trace came"):
        assert word in page


def test_the_queue_goes_on_in_parts(regulator: Regulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "QUEUE_ROWS", 2)
    send(regulator.client, regulator.token, [sample(i, RULES[i % 3]) for i in range(1, 6)])
    client = regulator.logged_in()
    seen: list[str] = []
    path = "/review"
    for _ in range(3):
        page = client.get(path).text
        seen += re.findall(r'class="item" [^>]*data-id="(\w+)"', page)
        more = re.search(r'hx-get="(/review/more[^"]+)"', page)
        path = more.group(1).replace("&amp;", "&") if more else ""
    assert seen == [sample(i).violation_id for i in range(5, 0, -1)]
    assert path == ""


def test_new_violations_are_counted_in_a_bar_and_do_not_push_the_list(regulator: Regulator) -> None:
    send(regulator.client, regulator.token, [sample(1)])
    client = regulator.logged_in()
    page = client.get("/review").text
    found = re.search(r'hx-get="(/review/new[^"]+)"', page)
    assert found
    poll = found.group(1).replace("&amp;", "&")
    assert client.get(poll).text.strip() == ""
    send(regulator.client, regulator.token, [sample(2), sample(3)])
    assert "2 new" in client.get(poll).text


def test_a_message_that_does_not_exist_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError):
        text("zh", "no.such")


def _facts_page(regulator: Regulator, clock: ClockState | None, language: str = "en") -> str:
    one = sample()
    report = one.confirmed.model_copy(update={"clock": clock})
    send_blobs(regulator.client, regulator.token, one.blobs)
    assert send_report(regulator.client, regulator.token, report).status_code == 201
    browser = regulator.logged_in()
    told = browser.get(f"/api/v1/violations/{report.violation_id}").json()["reports"][0]
    assert told.get("clock") == (clock.model_dump(mode="json") if clock else None)
    return browser.get(f"/review?lang={language}").text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("synchronised by NTP at most 4 min before · chrony", "off by at most 0.25 s")),
        ("zh", ("已通过 NTP 同步，最近一次校时在此前 4 分钟内 · chrony", "误差不超过 0.25 秒")),
    ],
)
def test_the_page_says_how_right_the_clock_was(regulator: Regulator, language: str, words: tuple[str, ...]) -> None:
    at = sample().confirmed.captured_at
    synced = at - timedelta(seconds=185)
    clock = ClockState(checked_at=at, synchronised=True, by="chrony", last_sync_at=synced, max_error_s=0.25)
    page = _facts_page(regulator, clock, language)
    assert all(word in page for word in words)


def test_a_clock_that_nobody_kept_or_that_was_set_is_told(regulator: Regulator) -> None:
    at = sample().confirmed.captured_at
    clock = ClockState(checked_at=at, synchronised=False, max_error_s=16.0, steps=2, last_step_s=-3600.04)
    page = _facts_page(regulator, clock)
    assert "▲ not synchronised: the time may be wrong" in page
    assert "set 2 times while running, last by -3600.0 s" in page


def test_of_a_clock_of_which_nothing_is_known_nothing_is_said(regulator: Regulator) -> None:
    page = _facts_page(regulator, None)
    assert "synchronised" not in page


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "0 秒", "0 s"),
        (59.2, "60 秒", "60 s"),
        (61, "2 分钟", "2 min"),
        (7201, "3 小时", "3 h"),
        (1e7, "116 天", "116 d"),
    ],
)
def test_lengths_of_time_are_rounded_up(seconds: float, zh: str, en: str) -> None:
    """ "At most" must stay true."""
    assert (Words("zh", "UTC").span(seconds), Words("en", "UTC").span(seconds)) == (zh, en)
