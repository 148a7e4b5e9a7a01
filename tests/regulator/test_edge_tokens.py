"""Promises of remembered tokens: asked once in a while, never believed for longer, strangers never remembered."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from kitchenvision.regulator import setup
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.edge_tokens import REMEMBERED_S, EdgeTokens
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.settings import RegulatorSettings


class Clock:
    """Monotonic seconds that stand still."""

    def __init__(self) -> None:
        self.at_s = 100.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def settings(tmp_path: Path) -> RegulatorSettings:
    """Of an empty regulator."""
    return RegulatorSettings(tmp_path)


@pytest.fixture
def database(settings: RegulatorSettings) -> Iterator[Database]:
    """Its database."""
    with setup.opened(settings) as one:
        yield one


def test_a_token_is_remembered_for_a_moment_only(settings: RegulatorSettings, database: Database) -> None:
    clock = Clock()
    tokens, token = EdgeTokens(clock), setup.add_canteen(settings, "school-7")
    assert tokens.remembered(token) is None
    assert tokens.ask(database, token, now()) == "school-7"
    assert tokens.remembered(token) == "school-7"
    clock.at_s += REMEMBERED_S
    assert tokens.remembered(token) is None


def test_a_replaced_token_ends_after_that_moment(settings: RegulatorSettings, database: Database) -> None:
    clock = Clock()
    tokens, token = EdgeTokens(clock), setup.add_canteen(settings, "school-7")
    tokens.ask(database, token, now())
    new = setup.rotate_token(settings, "school-7")
    clock.at_s += REMEMBERED_S
    assert tokens.remembered(token) is None
    assert tokens.ask(database, token, now()) is None
    assert tokens.ask(database, new, now()) == "school-7"


def test_a_time_runs_from_before_the_question(settings: RegulatorSettings, database: Database) -> None:
    clock, token = Clock(), setup.add_canteen(settings, "school-7")
    tokens = EdgeTokens(clock)

    def slow(*_: object) -> None:
        clock.at_s += REMEMBERED_S  # the database takes its time, in which the token may have been replaced

    event.listen(database.engine, "before_cursor_execute", slow)
    assert tokens.ask(database, token, now()) == "school-7"
    assert tokens.remembered(token) is None


def test_nobodys_token_is_never_remembered(database: Database) -> None:
    tokens = EdgeTokens(Clock())
    for token in ("", "wrong"):
        assert tokens.ask(database, token, now()) is None
        assert tokens.remembered(token) is None


def test_not_more_are_remembered_than_there_is_room_for(
    settings: RegulatorSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kitchenvision.regulator.edge_tokens._MOST_TOKENS", 2)
    tokens = EdgeTokens(Clock())
    made = [setup.add_canteen(settings, f"school-{i}") for i in range(3)]
    for token in made:
        tokens.ask(database, token, now())
    assert [tokens.remembered(token) for token in made] == [None, "school-1", "school-2"]
