"""Real processes for the fault tests: started, spoken to, killed, and never left behind."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


class Process:
    """``python -m MODULE ARGUMENTS``; its errors go to a file that is shown when it ends unasked."""

    def __init__(self, module: str, *arguments: str, log: Path, env: dict[str, str] | None = None) -> None:
        self._log = log
        path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
        with log.open("ab") as errors:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **(env or {})},
                text=True,
            )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self._lines.put(line.strip())
        self._lines.put("")

    def line(self, timeout_s: float = 60.0) -> str | None:
        """The next line that it prints; empty when it has ended, None when there was none in time."""
        try:
            return self._lines.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def wait_ready(self) -> None:
        """Wait for the line ``ready``."""
        line = self.line()
        if line != "ready":
            self.kill()
            raise AssertionError(f"expected 'ready', got {line!r}; its errors:\n{self._log.read_text()[-4000:]}")

    def say(self, word: str) -> None:
        """One line on its standard input."""
        assert self._popen.stdin is not None
        self._popen.stdin.write(word + "\n")
        self._popen.stdin.flush()

    def kill(self) -> None:
        """SIGKILL, which nothing can catch. Twice is fine."""
        self._popen.send_signal(signal.SIGKILL)
        self._ended(None)

    def wait_end(self, timeout_s: float) -> None:
        """Wait until it ends by itself, well."""
        self._ended(timeout_s)
        assert self._popen.returncode == 0, self._log.read_text()[-4000:]

    def _ended(self, timeout_s: float | None) -> None:
        self._popen.wait(timeout_s)
        self._reader.join()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                pipe.close()


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
