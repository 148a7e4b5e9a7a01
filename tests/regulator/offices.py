"""An office that webhooks call: a real HTTP server on loopback."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Office:
    """A receiver: what it got, and what it answers."""

    url: str = ""
    status: int = 204
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[str]:
        """Types of what it got."""
        return [json.loads(body)["type"] for _, body in self.got]


@contextmanager
def receiver() -> Iterator[Office]:
    """A real server on loopback."""
    one = Office()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep it and answer."""
            body = self.rfile.read(int(self.headers["content-length"]))
            one.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(one.status)
            if one.status == 302:
                self.send_header("Location", one.url + "/elsewhere")
            words = b"thank\x00 you" if one.status == 200 else b"" if one.status == 204 else b"not today"
            if one.status != 204:
                self.send_header("Content-Length", str(len(words)))
            self.end_headers()
            self.wfile.write(words)

        def log_message(self, *_words: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, name="office", daemon=True)
    thread.start()
    try:
        yield one
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
