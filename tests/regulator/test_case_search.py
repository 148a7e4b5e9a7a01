"""Promises of the search by case number: one that fits leads to it, several are listed, others' stay unseen."""

from datetime import timedelta

import pytest
from regulator.conftest import Regulator
from regulator.sample import sample, send

from kitchenvision.regulator import case_store, history, setup
from kitchenvision.regulator.access import EVERYTHING, Role
from kitchenvision.regulator.case_steps import CasePolicy
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.parts import now
from kitchenvision.regulator.people import Place


@pytest.fixture
def numbers(regulator: Regulator) -> list[str]:
    """Numbers of two cases, by id."""
    at = now()
    found = [sample(n, captured_at=at - timedelta(hours=n)) for n in (1, 2)]
    send(regulator.client, regulator.token, found)
    with regulator.app.state.parts.database.writing() as session:
        for one in found:
            history.decide(session, EVERYTHING, (one.violation_id, 0), Step(Verdict.CONFIRMED), 1, at)
            case_store.open_case(session, EVERYTHING, one.violation_id, 1, at, CasePolicy())
        return sorted(line.row.number for line in case_store.cases(session, EVERYTHING))


def test_one_that_fits_leads_to_it_and_several_are_listed(regulator: Regulator, numbers: list[str]) -> None:
    client = regulator.logged_in()
    for word, case_id in ((numbers[1], 2), (f"  {numbers[0][-4:]} ", 1)):
        answer = client.get("/cases", params={"number": word}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{case_id}")
    both = client.get("/cases", params={"number": numbers[0][:5]}, follow_redirects=False)
    assert both.status_code == 200
    assert all(number in both.text for number in numbers)


@pytest.mark.parametrize("word", ["1999", "%", "_", "<b>"])
def test_none_that_fits_is_said_and_no_sign_is_a_wildcard(
    regulator: Regulator, numbers: list[str], word: str
) -> None:
    text = regulator.logged_in().get("/cases", params={"number": word}).text
    assert "No case has" in text
    assert "<b>”" not in text
    assert all(number not in text for number in numbers)


def test_a_case_of_another_town_is_not_found(regulator: Regulator, numbers: list[str]) -> None:
    setup.add_town(regulator.settings, "west")
    setup.add_person(regulator.settings, "zhao", Role.INSPECTOR, Place(("west",)))
    answer = regulator.logged_in("zhao").get("/cases", params={"number": numbers[0]}, follow_redirects=False)
    assert (answer.status_code, "No case has" in answer.text) == (200, True)
