"""Sending one message on one channel. Knows no outbox.

A `Failure` says whether to try again. Webhooks go to configured hosts only, over one connection
that follows no redirect and uses no proxy. Secrets come from the environment, by name, just then.
"""

import hashlib
import http.client
import ipaddress
import json
import mimetypes
import os
import smtplib
import socket
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from forecast.files import write_bytes
from forecast.problems import LantianError, Problem
from serving.publish.config import Apprise, Channel, Folder, Mail, Webhook
from serving.publish.message import Attachment, Message

LATER: Final = frozenset({408, 409, 425, 429})  # of the 4xx those that may pass


class Failure(LantianError):  # noqa: N818 - as the outbox tells it
    """The channel did not take the message; `final`: it never will."""

    def __init__(self, channel: str, found: str, *, final: bool = False) -> None:
        self.final = final
        super().__init__([Problem(f"channel {channel}", found, "the message taken")])


def send(message: Message, channel: Channel, *, home: Path) -> None:
    """Send once.

    Raises:
        Failure: With what the other side said.
    """
    files = [(a.name, a.mime, _content(a, channel.name, home)) for a in message.attachments]
    match channel:
        case Folder():
            _folder(message, channel, files, home)
        case Webhook():
            _webhook(message, channel, files)
        case Mail():
            _mail(message, channel, files)
        case Apprise():
            _apprise(message, channel)


Files = list[tuple[str, str, bytes]]


def _folder(message: Message, channel: Folder, files: Files, home: Path) -> None:
    """One folder per key; `message.txt` comes last: it says that the rest is whole."""
    target = (home / channel.path) / file_name(message.key)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, _mime, content in files:
            write_bytes(target / name, content)
        words = f"{message.subject}\n\n{message.text}\n"
        write_bytes(target / "message.txt", words.encode())
    except OSError as error:
        raise Failure(channel.name, str(error)) from error


def _webhook(message: Message, channel: Webhook, files: Files) -> None:
    """CAP goes as XML, everything else as JSON."""
    if message.carried == "cap":
        _name, mime, body = files[0]
    else:
        mime = "application/json"
        words = {
            "key": message.key, "kind": message.carried, "exercise": message.exercise,
            "subject": message.subject, "text": message.text,
        }  # fmt: skip
        body = json.dumps(words, ensure_ascii=False).encode()
    headers = {
        "Content-Type": mime if "charset" in mime else f"{mime}; charset=utf-8",
        "Idempotency-Key": message.key,
        "User-Agent": "lantian",
        "X-Lantian-Exercise": str(message.exercise).lower(),
    }
    if channel.token_env:
        headers["Authorization"] = f"Bearer {_secret(channel.name, channel.token_env)}"
    parts = urlsplit(channel.url)
    if parts.hostname not in channel.hosts:
        raise Failure(channel.name, f"host {parts.hostname}", final=True)
    _resolved(channel.name, str(parts.hostname))
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=channel.seconds)
    path = parts.path or "/"
    try:
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, headers)
        answer = connection.getresponse()
        said = answer.read(300).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise Failure(channel.name, f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if answer.status // 100 == 2:
        return
    final = answer.status < 500 and answer.status not in LATER
    raise Failure(channel.name, f"HTTP {answer.status}: {said}", final=final)


def _resolved(channel: str, host: str) -> None:
    """A listed name must not lead to this machine or a link's own addresses (metadata services):
    who means those lists the address itself, or localhost.
    """
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise Failure(channel, f"{type(error).__name__}: {error}") from error
    for text in sorted(found):
        address = ipaddress.ip_address(text.partition("%")[0])
        own = address.is_loopback and host != "localhost"
        if own or address.is_link_local or address.is_multicast or address.is_unspecified:
            raise Failure(channel, f"host {host} leads to {text}", final=True)


def _mail(message: Message, channel: Mail, files: Files) -> None:
    """A Message-ID from the key: a second copy is seen as such."""
    mail = EmailMessage()
    mail["From"], mail["To"] = channel.sender, ", ".join(channel.to)
    mail["Subject"] = message.subject
    mail["Message-ID"] = message_id(message.key, channel.sender)
    mail["X-Lantian-Key"] = message.key
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message.text)
    for name, mime, content in files:
        main, _, sub = mime.partition(";")[0].partition("/")
        mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    try:
        with smtplib.SMTP(channel.host, channel.port, timeout=channel.seconds) as server:
            if channel.starttls:
                server.starttls(context=ssl.create_default_context())
            if channel.user_env and channel.password_env:
                user = _secret(channel.name, channel.user_env)
                server.login(user, _secret(channel.name, channel.password_env))
            refused = server.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        final = all(code >= 500 for code, _ in error.recipients.values())
        raise Failure(
            channel.name, f"recipients refused: {error.recipients}", final=final
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        raise Failure(channel.name, f"login refused: {error.smtp_code}") from None
    except smtplib.SMTPResponseException as error:
        final = error.smtp_code >= 500
        raise Failure(
            channel.name, f"SMTP {error.smtp_code}: {error.smtp_error!r}", final=final
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise Failure(channel.name, f"{type(error).__name__}: {error}") from error
    if refused:
        # The others have it: to send to all again would be worse than to say who has not.
        raise Failure(channel.name, f"some recipients refused: {sorted(refused)}", final=True)


def _apprise(message: Message, channel: Apprise) -> None:
    import apprise

    asset = apprise.AppriseAsset(secure_logging=True, http_redirects=False)
    notifier = apprise.Apprise(asset=asset)
    if not notifier.add(_secret(channel.name, channel.url_env)):
        raise Failure(channel.name, f"{channel.url_env}: no URL that apprise knows")
    words = f"{message.text}\n[{message.key}]"
    if not notifier.notify(body=words, title=message.subject, body_format="text"):
        raise Failure(channel.name, "apprise: not delivered")


def message_id(key: str, sender: str) -> str:
    """RFC 5322 Message-ID that one key always has."""
    domain = sender.rpartition("@")[2]
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def file_name(key: str) -> str:
    """A key as a file's name: nothing of it leaves the folder, no two keys share one."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in key)
    return f"{plain[:80]}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def _secret(channel: str, name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Failure(channel, f"{name} is not set in the environment")
    return value


def _content(attachment: Attachment, channel: str, home: Path) -> bytes:
    """The document; one that was changed since it was signed is not sent."""
    name = attachment.name
    if "/" in name or name.startswith(".") or mimetypes.guess_type(name)[0] is None:
        raise Failure(channel, f"attachment {name!r}", final=True)
    if attachment.text is not None:
        return attachment.text.encode()
    path = (home / str(attachment.path)).resolve()
    if not path.is_relative_to(home.resolve()):
        raise Failure(channel, f"attachment {attachment.path} outside the home", final=True)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Failure(channel, f"attachment {attachment.path}: {error}") from error
    if hashlib.sha256(content).hexdigest() != attachment.sha256:
        raise Failure(channel, f"attachment {attachment.path} was changed", final=True)
    return content
