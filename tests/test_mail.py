"""Alerts and reports as mail: they arrive whole over SMTP, and an address that fails is tried again alone."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import SecretStr

from jobs.send_reports import finish_reports
from reconciler.settings import Report, Settings
from reconciler.store.engine import read
from reconciler.store.outbox import entries
from tests.alert_world import NOON, deliver, finding, later, run, telling
from tests.stores import by_day as url
from tests.stores import engine
from tests.test_report_stored import run as run_of_day
from tests.test_report_stored import undelivered

__all__ = ["engine", "url"]

SUNDAY = datetime(2026, 11, 22, 12, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 6, tzinfo=UTC)


class Post:
    """A mail server on loopback that keeps what it gets; `refuses` are the receivers whose mail it sends back."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, EmailMessage]] = []
        self.refuses: set[str] = set()
        self.tries: list[str] = []
        self.port = 0

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.tries.append(address)
        if address in self.refuses:
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails += [(receiver, mail) for receiver in envelope.rcpt_tos]
        return "250 OK"


@pytest.fixture
def post() -> Iterator[Post]:
    """The mail server at work."""
    kept = Post()
    with socket.create_server(("127.0.0.1", 0)) as free:
        kept.port = free.getsockname()[1]
    controller = Controller(kept, hostname="127.0.0.1", port=kept.port)
    controller.start()
    yield kept
    controller.stop()


def to(post: Post, name: str) -> str:
    """The apprise address of somebody whose mail goes there."""
    return f"mailto://127.0.0.1:{post.port}/?from=shop@example.com&to={name}@example.com&mode=insecure"


def told(engine: sa.Engine) -> dict[str, str]:
    """The state of each message in the outbox, by its address."""
    with read(engine) as connection:
        return {row["channel"]: row["state"] for row in entries(connection) if row["channel"].startswith("mailto")}


def test_an_alert_arrives_as_mail_with_what_happened_and_what_to_do(engine: sa.Engine, post: Post) -> None:
    settings = telling(urls=[to(post, "ann")])
    run(engine, settings, [finding(explanation="Charge 1 went back, said buyer@evil.example")])
    later(engine, settings, NOON)
    [(receiver, mail)] = post.mails
    body = mail.get_body(("plain", "html")).get_content()
    assert receiver == "ann@example.com"
    assert "Suspected chargeback, DigiSeller" in mail["subject"]
    assert "5.40 USD" in body
    assert "buyer@evil.example" not in body
    assert list(told(engine).values()) == ["sent"]


def test_an_address_that_fails_is_tried_again_alone(engine: sa.Engine, post: Post) -> None:
    settings = telling(urls=[to(post, "ann"), to(post, "bob")])
    post.refuses = {"bob@example.com"}
    run(engine, settings, [finding()])
    later(engine, settings, NOON)
    assert [receiver for receiver, _ in post.mails] == ["ann@example.com"]
    assert sorted(told(engine).values()) == ["sent", "todo"]
    post.refuses, post.tries = set(), []
    later(engine, settings, NOON + timedelta(minutes=3))
    assert post.tries == ["bob@example.com"]
    assert [receiver for receiver, _ in post.mails] == ["ann@example.com", "bob@example.com"]
    assert set(told(engine).values()) == {"sent"}


def test_a_report_arrives_as_mail_with_page_and_workbook(engine: sa.Engine, post: Post, tmp_path: Path) -> None:
    sent = Report(directory=str(tmp_path), send=(SecretStr(to(post, "owner")),), languages=("ru",))
    settings = Settings(report=sent)
    run_of_day(engine, SUNDAY, undelivered("1"))
    finish_reports(settings, engine, MONDAY)
    deliver(engine, settings, MONDAY)
    [(receiver, mail)] = post.mails
    assert receiver == "owner@example.com"
    assert "Отчёт за день" in mail["subject"]
    attached = {part.get_filename(): part.get_payload(decode=True) for part in mail.iter_attachments()}
    assert attached == {name: (tmp_path / name).read_bytes() for name in ("2026-11-22.html", "2026-11-22.xlsx")}
