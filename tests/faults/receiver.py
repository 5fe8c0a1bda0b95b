"""A platform that honours keys, as a process of its own: it keeps one message for each key."""

import hashlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any


@contextmanager
def listening(kept: Path) -> Iterator[int]:
    """Its port; what it keeps lies in a folder, one file for each key."""
    kept.mkdir(parents=True, exist_ok=True)

    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key = hashlib.sha256(self.headers["Idempotency-Key"].encode()).hexdigest()[:16]
            place = kept / key
            status = 200
            if not place.is_file():
                place.write_bytes(body)
            elif place.read_bytes() != body:
                status = 409  # another message under a key that was taken
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *given: Any) -> None: ...

        def handle_error(self, *given: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *given: None  # type: ignore[method-assign]  # a sender that died
    pid = os.fork()
    if pid == 0:
        try:
            server.serve_forever(0.05)
        finally:
            os._exit(0)
    server.socket.close()
    try:
        yield int(server.server_port)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
