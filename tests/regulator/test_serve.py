"""Promises of serving: the port is taken first, readiness is said, a stop answers what is under way."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from kitchenvision.errors import PortInUse
from kitchenvision.regulator import setup
from kitchenvision.regulator.serve import bound, free_port, serve
from kitchenvision.regulator.settings import RegulatorSettings
from kitchenvision.wire import content_hash


def test_a_port_in_use_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=f"{port}.*--port"):
            serve(RegulatorSettings(tmp_path / "data", port=port))
    assert not (tmp_path / "data").exists()


def test_an_address_of_another_machine_is_a_clear_word_too() -> None:
    with pytest.raises(PortInUse, match=r"cannot listen on 203\.0\.113\.7"):
        bound("203.0.113.7", 0)


def test_the_next_free_port_is_found() -> None:
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        found = free_port(port)
        assert port < found <= port + 50
    assert free_port(port) == port


@contextmanager
def running(settings: RegulatorSettings) -> Iterator[str]:
    """The service in a thread; its address."""
    ready, stop = threading.Event(), threading.Event()
    said: list[str] = []

    def told(address: str) -> None:
        said.append(address)
        ready.set()

    thread = threading.Thread(target=serve, args=(settings, told, stop))
    thread.start()
    try:
        assert ready.wait(30)
        yield said[0]
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def test_a_body_that_is_too_large_gets_its_answer_over_a_real_connection(tmp_path: Path) -> None:
    settings = RegulatorSettings(tmp_path / "data", port=0, max_blob_bytes=1_000_000)
    token = setup.add_canteen(settings, "canteen-1")
    data = b"x" * 3_000_000
    with running(settings) as address, httpx.Client(base_url=address, trust_env=False) as client:
        headers = {"Authorization": f"Bearer {token}"}
        for _ in range(3):
            answer = client.put(f"/api/v1/blobs/{content_hash(data)}", content=data, headers=headers)
            assert answer.status_code == 413
            assert answer.json()["type"] == "too-large"
        small = data[:900_000]
        codes = [
            client.put(f"/api/v1/blobs/{content_hash(small)}", content=small, headers=headers).status_code
            for _ in range(3)
        ]
        assert codes == [201, 200, 200]


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with running(RegulatorSettings(tmp_path / "data", port=0)) as address:
        answer = httpx.get(f"{address}/login", trust_env=False)
        assert answer.status_code == 200
        assert "server" not in answer.headers
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/login", trust_env=False)


@pytest.mark.slow
def test_a_signal_ends_the_process_in_good_order_and_no_token_is_printed(tmp_path: Path) -> None:
    settings = RegulatorSettings(tmp_path / "data", port=0)
    setup.prepare(settings)
    code = (
        "import sys; from pathlib import Path; from kitchenvision.regulator.serve import serve; "
        "from kitchenvision.regulator.settings import RegulatorSettings as S; "
        "serve(S(Path(sys.argv[1]), port=0), on_ready=lambda a: print(a, flush=True)); print('ended', flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(settings.data_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    link = setup.one_time_link(settings).rsplit("/", 1)[1]
    assert httpx.get(f"{address}/login/once/{link}", trust_env=False).status_code == 303
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert "ended" in out
    assert link not in out + err
    assert "Traceback" not in err


def test_a_listening_socket_can_be_taken_again_at_once() -> None:
    with bound("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        served, _ = first.accept()
        served.close()
        client.close()
    bound("127.0.0.1", port).close()
