"""Real receivers: HTTP that honours keys, a mail server; and messages to send them."""

import email
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from serving.publish.message import Attachment, Message


class Receiver:
    """A real HTTP server: fails first, then keeps one message per key."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes]] = []
        self.kept: dict[str, bytes] = {}
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                key = self.headers["Idempotency-Key"]
                outer.requests.append((self.path, key, body))
                status = outer.answers.pop(0) if outer.answers else 200
                if status == 200:
                    outer.kept.setdefault(key, body)
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *given: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/cap?x=1"
        self.thread = Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def channel(self, name: str = "platform", **given: Any) -> dict[str, Any]:
        return {
            "name": name, "kind": "webhook", "url": self.url, "hosts": ["127.0.0.1"],
            "carries": ["cap"], "seconds": 5, **given,
        }  # fmt: skip

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


class Mailbox:
    def __init__(self) -> None:
        self.got: list[Any] = []
        self.refuse = ""

    async def handle_DATA(  # noqa: N802 - aiosmtpd's own name
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        if self.refuse:
            return self.refuse
        self.got.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 OK"


@pytest.fixture
def smtp() -> Iterator[tuple[Mailbox, dict[str, Any]]]:
    mailbox = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]  # aiosmtpd asks for a number
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield mailbox, {
        "name": "mail", "kind": "mail", "host": "127.0.0.1", "port": port,
        "sender": "duty@a.example", "to": ["b@b.example"], "carries": ["cap", "bulletin"],
    }  # fmt: skip
    controller.stop()


def message(key: str = "k", channel: str = "platform", **given: Any) -> Message:
    document = Attachment("cap.xml", "application/cap+xml", text="<alert/>")
    base: dict[str, Any] = {"carried": "cap", "exercise": False, "subject": "s", "text": "t",
                            "attachments": (document,)}  # fmt: skip
    return Message(key, channel, **{**base, **given})
