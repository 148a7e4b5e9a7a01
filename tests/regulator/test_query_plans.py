"""Promises of the busy pages: with many violations their queries use an index, on both databases."""

from collections.abc import Iterator

import pytest
from regulator import plans

from kitchenvision.regulator import setup
from kitchenvision.regulator.db import Database
from kitchenvision.regulator.settings import RegulatorSettings

COUNT = 30_000


@pytest.fixture(scope="module", params=["files", "district"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with so many violations that reading all of them would be the worse plan."""
    if request.param == "files":
        database = setup.open_database(RegulatorSettings(tmp_path_factory.mktemp("plans")))
        plans.fill(database, COUNT)
        yield database
        database.close()
        return
    with request.getfixturevalue("district").storage() as chosen:
        database = Database(chosen.database)
        plans.fill(database, COUNT)
        yield database
        database.close()


@pytest.mark.parametrize("name", plans.hot(COUNT))
def test_a_hot_query_reads_no_large_table_as_a_whole(filled: Database, name: str) -> None:
    told = plans.plans(filled, plans.hot(COUNT)[name])
    assert told
    assert [plan for plan in told if plans.scans(plan)] == []


def test_a_query_without_an_index_would_be_seen(filled: Database) -> None:
    told = plans.plans(
        filled,
        lambda session: session.connection().exec_driver_sql(
            "SELECT count(*) FROM violations WHERE confidence < 0.1"
        ),
    )
    assert [plans.scans(plan) for plan in told] == [["violations"]]
