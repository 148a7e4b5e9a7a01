"""What holds for every test: Hypothesis without a stopwatch, and no ERROR in the log."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent

settings.register_profile(
    "everywhere", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow], database=None
)
# A check that somebody else waits for gives the same answer twice; on one's own machine it keeps searching.
settings.register_profile("ci", settings.get_profile("everywhere"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "everywhere")


def pytest_configure(config: pytest.Config) -> None:
    """The mark of a test that means to see an ERROR."""
    config.addinivalue_line("markers", "logs_errors: an ERROR log record is expected here")


# Here a browser, a camera or a killed process has a pace of its own. What fails once is told as a rerun; what is
# wrong fails each time.
OWN_PACE = {"browser", "edge", "cli", "faults", "test_rtsp.py", "test_dozing_camera.py", "test_hardware.py"}
# Codes of a second step change each half minute, also in the middle of a test.
OWN_PACE |= {"test_serve.py", "test_workers.py", "test_whole_life.py", "test_account.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives tests of whole processes two more tries."""
    for item in items:
        if OWN_PACE & set(item.path.relative_to(TESTS).parts):
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=1))


@pytest.fixture(autouse=True)
def _no_error_logged(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    if request.node.get_closest_marker("logs_errors"):
        return
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    errors = [f"{r.name}: {r.getMessage()}" for r in records if r.levelno >= logging.ERROR]
    if errors:
        pytest.fail("logged as ERROR (mark the test logs_errors where that is meant): " + "; ".join(errors))
