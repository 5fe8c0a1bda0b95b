"""Messages go to the hosts that were configured, and a name must not lead to this machine."""

import socket
from pathlib import Path
from typing import Any

import pytest

from serving.publish import channels
from serving.publish.channels import Failure
from serving.publish.config import Webhook
from serving.publish.message import Message


def hook(url: str, *hosts: str) -> Webhook:
    return Webhook.model_validate(
        {"name": "w", "kind": "webhook", "carries": ["alarm"], "url": url, "hosts": hosts}
    )


def send(channel: Webhook) -> None:
    message = Message("k", "w", "alarm", False, "s", "t")
    channels.send(message, channel, home=Path())


@pytest.mark.parametrize(
    "url",
    ["http://other.example/", "http://gateway.example@evil.example/", "file:///etc/passwd",
     "http://gateway.example#@evil.example/", "gopher://gateway.example/", "//gateway.example/",
     "http://user:pw@gateway.example/", "http://gateway.example.evil.example/"],
)  # fmt: skip
def test_a_url_of_another_host_is_no_configuration(url: str) -> None:
    with pytest.raises(ValueError, match=r"hosts|token_env"):
        hook(url, "gateway.example")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "::1", "fe80::1", "0.0.0.0", "224.0.0.1"]
)
def test_a_listed_name_that_leads_to_this_machine_is_refused_for_good(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    def leads(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))]

    monkeypatch.setattr(socket, "getaddrinfo", leads)
    monkeypatch.setattr("http.client.HTTPConnection.connect", lambda *_: pytest.fail("connected"))
    with pytest.raises(Failure, match=f"leads to {address}") as told:
        send(hook("http://gateway.example/", "gateway.example"))
    assert told.value.final


def test_an_address_of_the_closed_network_is_what_the_list_is_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("10.1.2.3", 80))])

    def connect(*_: object) -> None:
        raise ConnectionRefusedError("asked")

    monkeypatch.setattr("http.client.HTTPConnection.connect", connect)
    with pytest.raises(Failure, match="asked") as told:
        send(hook("http://gateway.example/", "gateway.example"))
    assert not told.value.final


def test_no_route_takes_a_url(house: tuple[Any, Any]) -> None:
    """Whoever could name a host in a request could make the server ask it."""
    root = Path(__file__).resolve().parents[2] / "serving"
    for folder in ("rest", "console"):
        for path in (root / folder).rglob("*.py"):
            assert "AnyUrl" not in path.read_text(encoding="utf-8"), path
            assert "HttpUrl" not in path.read_text(encoding="utf-8"), path
