"""`erase` from outside: a buyer is gone from every table, also after the next pull, and the books stay true."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.columns import metadata
from reconciler.erasure import ANY_EMAIL, Redactor, exactly
from reconciler.schema import accounts, orders, transactions
from reconciler.store.engine import connect, read
from tests.cli_world import Ended, Program, _logs_as_before, program, shop_at_work
from tests.import_world import url

__all__ = ["_logs_as_before", "program", "url"]


@pytest.fixture
def ran(program: Program, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """The program, after a run over a made-up shop that goes on answering, with its store on each database."""
    monkeypatch.setenv("RECONCILER_DATABASE__URL", url)
    with shop_at_work(program.folder):
        assert program("run").code == 0
        yield program


def mentions(url: str, *words: str) -> dict[str, int]:
    """How many rows of each table hold one of the words, in any column and in any form."""
    engine, found = connect(url), Counter[str]()
    with read(engine) as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                said = " ".join(
                    value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in row
                )
                found[table.name] += any(word.casefold() in said.casefold() for word in words)
    engine.dispose()
    return dict(+found)


def buyer(url: str) -> tuple[str, set[str]]:
    """The buyer who is in the most places, and the Telegram ids that stand beside the address."""
    engine, beside = connect(url), {}
    with read(engine) as connection:
        for table, name in ((transactions, "buyer_email"), (orders, "buyer_email"), (accounts, "email")):
            for email, telegram in connection.execute(sa.select(table.c[name], table.c.telegram_user_id)):
                if email:
                    beside.setdefault(email, []).append(telegram)
    engine.dispose()
    email = max(sorted(beside), key=lambda one: (any(beside[one]), len(beside[one])))
    return email, {one for one in beside[email] if one}


def books(run: Ended) -> tuple[Any, Any, dict[str, Any]]:
    """What a run says about money, and its findings by id."""
    said = run.json()
    received = [(one["provider"], one["currency"], one["charges"]) for one in said["statement"]["providers"]]
    return received, said["statement"]["at_stake"], {one["id"]: one["status"] for one in said["findings"]}


def test_a_buyer_is_gone_everywhere_does_not_come_back_and_the_books_are_the_same(ran: Program, url: str) -> None:
    email, telegram = buyer(url)
    before, known = books(ran("run", "--json")), mentions(url, email, *telegram)
    assert {"transactions", "raw_records"} <= set(known)
    dry = ran("erase", "--email", email, "--dry-run", "--json").json()
    assert (set(dry["rows"]), mentions(url, email, *telegram)) == (set(known), known)
    done = ran("erase", "--email", email.upper(), "--yes", "--json")
    assert (done.code, done.json()["rows"], done.json()["left"]) == (0, dry["rows"], {})
    assert mentions(url, email, *telegram) == {}
    assert books(ran("run", "--json")) == before
    assert mentions(url, email, *telegram) == {}
    assert ran("audit", "verify").code == 0
    assert ran("erase", "--email", email, "--yes").out == "Nothing is on record about this address.\n"


def test_nothing_is_erased_without_a_yes_or_while_a_chargeback_is_open(ran: Program, url: str) -> None:
    email, _ = buyer(url)
    known = mentions(url, email)
    assert ran.process("erase", "--email", email, RECONCILER_DATABASE__URL=url).code == 130
    engine = connect(url)
    with read(engine) as connection:
        row = connection.execute(sa.select(transactions).where(transactions.c.buyer_email == email)).first()
    engine.dispose()
    assert row is not None
    ran(
        *("chargeback", "record", "--provider", row.provider, "--ref", row.ref, "--amount", "1.00", "--currency"),
        *(row.currency, "--reason", "10.4", "--opened-at", "2026-01-10T10:00:00Z"),
    )
    refused = ran("erase", "--email", email, "--yes")
    assert (refused.code, f"{row.provider}/{row.ref}" in refused.err) == (64, True)
    assert mentions(url, email).items() >= known.items()
    assert ran("erase", "--email", email, "--yes", "--force").code == 0
    assert mentions(url, email) == {}


def test_what_a_buyer_wrote_and_sent_is_gone_with_the_notes_that_name_him(program: Program, url: str) -> None:
    program.configure(f'[database]\nurl = "{url}"\n[report]\ndirectory = "{program.folder}/reports"\n')
    (program.folder / "letter.txt").write_text("It is me.")
    said = program(
        *("review", "add", "--order", "A-1", "--email", "Jane.Doe@Example.com", "--account", "u1"),
        *("--text", "My name is Jane and my flat is 5", "--evidence", str(program.folder / "letter.txt"), "--json"),
    ).json()
    note = "wrote to jane.doe@example.com, not xjane.doe@example.com"
    assert program("cases", "note", said["case_id"], "--by", "Ann", "--text", note).code == 0
    assert len(list((program.folder / "evidence").iterdir())) == 1
    done = program("erase", "--email", "jane.doe@example.com", "--yes", "--json").json()
    assert (done["files"], list((program.folder / "evidence").iterdir())) == (1, [])
    assert mentions(url, " jane.doe@example.com", "My name is Jane") == {}
    assert mentions(url, "xjane.doe@example.com") == {"case_events": 1}


@pytest.mark.parametrize("address", ["", "nobody", "a b@c.de"])
def test_what_is_no_address_is_wrong_usage(program: Program, address: str) -> None:
    program.configure("")
    assert program("erase", "--email", address, "--yes").code == 64


def test_a_record_that_tells_of_the_erased_loses_its_other_personal_fields_and_no_other_record_does() -> None:
    redactor = Redactor(exactly("a@b.cd"), lambda kind, value: {"a@b.cd": "P", "77": "T"}.get(value))
    mine = {
        "email": "A@b.cd",
        "ip": "10.0.0.1",
        "amount": 5,
        "telegram_user_id": 77,
        "ref": "77",
        "deep": [{"x": "a@b.cd!"}],
    }
    assert redactor.document(mine) == {
        **{"email": "P", "ip": "erased", "amount": 5, "telegram_user_id": "T", "ref": "77", "deep": [{"x": "P!"}]}
    }
    other = {"email": "aa@b.cd", "ip": "10.0.0.2", "more": "a@b.cd.ef a@b.cd-x"}
    assert redactor.document(other) == other
    assert ANY_EMAIL.findall('<a@b.cd>, "c@d.ef"') == ["a@b.cd", "c@d.ef"]


def test_erasing_leaves_the_written_reports_to_the_operator_and_names_them(ran: Program, url: str) -> None:
    email, _ = buyer(url)
    reports = Path(ran.folder) / "kept"
    ran.configure(f'[report]\ndirectory = "{reports}"\n')
    reports.mkdir()
    (reports / "old.html").write_text(f"<p>{email}</p>")
    said = " ".join(ran("erase", "--email", email, "--yes").out.split())  # a long path wraps where it likes
    assert "old.html still shows the address" in said
