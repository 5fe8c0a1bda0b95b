from pathlib import Path
from typing import Any

import pytest

from serving.publish import channels, release
from serving.publish.message import Attachment, Message
from tests.serving.publish import cases
from tests.serving.publish.receiver import Mailbox, Receiver, message, receiver, smtp

__all__ = ["receiver", "smtp"]  # fixtures


def test_mail_has_an_id_from_its_key_and_the_documents(
    smtp: tuple[Mailbox, dict[str, Any]], tmp_path: Path
) -> None:
    mailbox, channel = smtp
    made = cases.house(channel).channels[0]
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "bulletin.zh.png").write_bytes(b"\x89PNG")
    (bulletin,) = release.bulletin_of(tmp_path, tmp_path / "runs")
    sent = message("键", "mail", subject="橙色预警\r\nBcc: x@x".replace("\r\n", " "), text="正文")
    sent = Message(**{**vars(sent), "attachments": (*sent.attachments, bulletin)})
    for _ in range(2):
        channels.send(sent, made, home=tmp_path)
    ids = {mail["Message-ID"] for _, mail in mailbox.got}
    assert ids == {channels.message_id("键", "duty@a.example")}
    mail = mailbox.got[0][1]
    parts = {p.get_filename(): p.get_payload(decode=True) for p in mail.walk() if p.get_filename()}
    assert parts == {"cap.xml": b"<alert/>", "bulletin.zh.png": b"\x89PNG"}
    (tmp_path / "runs" / "bulletin.zh.png").write_bytes(b"another")
    with pytest.raises(channels.Failure, match="changed") as caught:
        channels.send(sent, made, home=tmp_path)
    assert caught.value.final
    for refusal, final in (("451 later", False), ("554 never", True)):
        mailbox.refuse = refusal
        with pytest.raises(channels.Failure, match=refusal[:3]) as caught:
            channels.send(message(channel="mail"), made, home=tmp_path)
        assert caught.value.final is final


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise's own
def test_apprise_posts_to_its_url(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = cases.house(
        {"name": "chat", "kind": "apprise", "url_env": "CHAT", "carries": ["cap"]}
    ).channels[0]
    with pytest.raises(channels.Failure, match="CHAT is not set"):
        channels.send(message(channel="chat"), channel, home=tmp_path)
    monkeypatch.setenv("CHAT", receiver.url.replace("http://", "json://").split("?")[0])
    channels.send(message(channel="chat", text="预警"), channel, home=tmp_path)
    assert (
        "预警" in receiver.requests[0][2].decode("unicode_escape", "replace") or receiver.requests
    )
    receiver.answers = [500]
    with pytest.raises(channels.Failure, match="not delivered"):
        channels.send(message(channel="chat"), channel, home=tmp_path)


def test_names_of_files_stay_in_the_folder(tmp_path: Path) -> None:
    channel = cases.house().channels[0]
    channels.send(message("../../etc/x", "gateway"), channel, home=tmp_path)
    (folder,) = (tmp_path / "out").iterdir()
    assert sorted(p.name for p in folder.iterdir()) == ["cap.xml", "message.txt"]
    bad = Attachment("../x.xml", "application/xml", text="")
    outside = Attachment("x.xml", "application/xml", path="../x.xml", sha256="0")
    for attachment in (bad, outside):
        with pytest.raises(channels.Failure):
            channels.send(message(attachments=(attachment,)), channel, home=tmp_path / "home")
