"""A real regulator on loopback and Debian's chromium, which must talk to nobody else and log no error."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from regulator.sample import CANTEEN, Sample, sample, send

from kitchenvision.regulator import people, setup
from kitchenvision.regulator.serve import serve
from kitchenvision.regulator.settings import RegulatorSettings

CHROMIUM = shutil.which("chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
VIOLATIONS = 6
Open = Callable[..., Page]


@contextmanager
def running(settings: RegulatorSettings) -> Iterator[RegulatorSettings]:
    """The service in a thread; its settings with the port that it got."""
    ready, stop = threading.Event(), threading.Event()
    addresses: list[str] = []
    failures: list[BaseException] = []

    def told(address: str) -> None:
        addresses.append(address)
        ready.set()

    def target() -> None:
        try:
            serve(settings, told, stop)
        except BaseException as error:
            failures.append(error)
            raise
        finally:
            ready.set()

    thread = threading.Thread(target=target, name="regulator under test")
    thread.start()
    try:
        assert ready.wait(30), "the service did not start"
        assert failures == []
        yield replace(settings, port=int(addresses[0].rsplit(":", 1)[1]))
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def deliver(settings: RegulatorSettings, token: str, samples: list[Sample]) -> None:
    """Send everything over HTTP, as an edge box does."""
    with httpx.Client(base_url=setup.address(settings.host, settings.port), trust_env=False) as client:
        send(client, token, samples)


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is slow on purpose, which these tests need not wait for."""
    monkeypatch.setattr(people, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong


@pytest.fixture(scope="module")  # not longer: while it lives, no other test can run an event loop of its own
def chromium() -> Iterator[Browser]:
    """The browser; skipped where there is none, which a check that others rely on must not be."""
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is not installed: apt-get install chromium fonts-noto-cjk")
        pytest.skip("chromium is not installed: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[RegulatorSettings]:
    """A running regulator that has received nothing."""
    settings = RegulatorSettings(tmp_path / "data", port=0, language="en")
    setup.prepare(settings)
    with running(settings) as served:
        yield served


@pytest.fixture
def full(empty: RegulatorSettings) -> RegulatorSettings:
    """One with `VIOLATIONS` violations."""
    token = setup.add_canteen(empty, CANTEEN, "第一食堂")
    rules = ("no_hat", "no_mask", "smoking")
    deliver(empty, token, [sample(i, rules[i % 3]) for i in range(1, VIOLATIONS + 1)])
    return empty


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Opens a page as a person who is logged in; what it may not do fails the test at the end."""
    wrong: list[str] = []
    contexts: list[BrowserContext] = []

    def open_(
        settings: RegulatorSettings, width: int = 1440, language: str = "en", log_in: bool = True, **more: str
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900 if width > 760 else 844},
            locale="zh-CN" if language == "zh" else "en-GB",
            has_touch=width <= 760,
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        home = setup.address(settings.host, settings.port)
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(home) else wrong.append(asked.url))
        page.goto(setup.one_time_link(settings) if log_in else home)
        return page

    open_.wrong = wrong  # type: ignore[attr-defined]
    yield open_
    for context in contexts:
        context.close()
    assert wrong == []
