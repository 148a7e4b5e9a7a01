"""The lock of the status page as a machine: whoever guesses in whatever rhythm gets five tries in five minutes."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitchenvision.edge.access import Access, Session, TooManyTries

PASSWORD = "正确的 horse 🐴"
WITHIN_S, LASTS_S = 300.0, 12 * 3600.0
MOVES = st.lists(
    st.tuples(st.sampled_from(["right", "wrong", "empty", "leave", "look"]), st.floats(0, 200) | st.floats(0, 5e4)),
    max_size=60,
)


@given(MOVES)
def test_whatever_the_rhythm_guesses_are_few_and_sessions_end_when_they_should(
    moves: list[tuple[str, float]],
) -> None:
    """Never more than five wrong ones within five minutes; a session holds for twelve hours or until it is left."""
    now_s, wrong, sessions = 0.0, list[float](), dict[str, Session]()
    access = Access(PASSWORD, lambda: now_s)
    for move, passed_s in moves:
        now_s += passed_s
        recent = [at_s for at_s in wrong if now_s - at_s < WITHIN_S]
        if move in {"right", "wrong", "empty"}:
            tried = {"right": PASSWORD, "wrong": PASSWORD.lower() + " ", "empty": ""}[move]
            if len(recent) >= 5:
                with pytest.raises(TooManyTries) as caught:
                    access.enter(tried)
                assert 0 < caught.value.wait_s <= WITHIN_S
                assert now_s + caught.value.wait_s == pytest.approx(recent[0] + WITHIN_S)
                continue
            session = access.enter(tried)
            assert (session is not None) == (move == "right")
            if session is None:
                wrong.append(now_s)
            else:
                assert session.token not in sessions
                assert session.token != session.csrf
                sessions[session.token] = session
        elif move == "leave" and sessions:
            token = next(iter(sessions))
            access.leave(token)
            access.leave(token)
            del sessions[token]
        sessions = {token: one for token, one in sessions.items() if one.until_s > now_s}
        for token, one in sessions.items():
            assert access.session(token) == one
    assert access.session("") is None


def test_the_wait_that_is_told_is_enough() -> None:
    """And not a second more."""
    now = [0.0]
    access = Access(PASSWORD, lambda: now[0])
    for now[0] in (0.0, 10.0, 20.0, 30.0, 40.0):
        assert access.enter("guess") is None
    with pytest.raises(TooManyTries) as caught:
        access.enter(PASSWORD)
    now[0] += caught.value.wait_s - 0.001
    with pytest.raises(TooManyTries):
        access.enter(PASSWORD)
    now[0] += 0.001
    assert access.enter(PASSWORD) is not None


def test_a_refused_try_while_it_is_locked_does_not_lock_it_longer() -> None:
    """Else anybody on the network could keep the owner out for good."""
    now = [0.0]
    access = Access(PASSWORD, lambda: now[0])
    for _ in range(5):
        access.enter("guess")
    for second in range(1, 300):
        now[0] = float(second)
        with pytest.raises(TooManyTries):
            access.enter("guess")
    now[0] = 300.0
    assert access.enter(PASSWORD) is not None


def test_a_session_ends_twelve_hours_after_its_beginning_however_often_it_is_used() -> None:
    """The end itself is outside."""
    now = [0.0]
    access = Access(PASSWORD, lambda: now[0])
    session = access.enter(PASSWORD)
    assert session is not None
    for hour in range(12):
        now[0] = hour * 3600.0
        assert access.session(session.token) == session
    now[0] = LASTS_S
    assert access.session(session.token) is None


def test_threads_that_guess_at_once_get_five_tries_together() -> None:
    """Not five each."""
    access, counted = Access(PASSWORD, lambda: 0.0), list[str]()
    begin = threading.Barrier(16)

    def guess() -> None:
        begin.wait()
        try:
            counted.append("none" if access.enter("guess") is None else "in")
        except TooManyTries:
            counted.append("locked")

    threads = [threading.Thread(target=guess) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (counted.count("none"), counted.count("locked")) == (5, 11)


def test_no_secret_is_in_what_is_printed_of_a_try(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the password nor what was tried."""
    access = Access(PASSWORD, lambda: 0.0)
    for _ in range(5):
        access.enter("nearly the password")
    with pytest.raises(TooManyTries) as caught:
        access.enter("nearly the password")
    print(access, caught.value)
    out = capsys.readouterr().out
    assert "horse" not in out
    assert "nearly" not in out
