"""`refund record`: what an approved refund may be, and that it is kept once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reconciler.model import Kind, Page, Status, Transaction
from reconciler.schema import refund_approvals
from reconciler.store.engine import open_store, read, write
from reconciler.store.facts import save_page
from tests.cli_world import MINIMAL, Ended, Program, _logs_as_before, program

__all__ = ["_logs_as_before", "program"]

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def engine(program: Program) -> Iterator[sa.Engine]:
    """The store that the program uses."""
    program.configure(MINIMAL + f'\n[database]\nurl = "sqlite:///{program.folder}/books.db"\n')
    opened = open_store(f"sqlite:///{program.folder}/books.db")
    yield opened
    opened.dispose()


def known(engine: sa.Engine, ref: str = "1001", kind: Kind = Kind.CHARGE, **fields: Any) -> None:
    """A charge of 10.00 WMZ that was pulled."""
    values: dict[str, Any] = {"status": Status.PAID, "amount_minor": 1000, "currency": "WMZ", "occurred_at": AT}
    row = Transaction("digiseller", ref, kind, **(values | fields))
    with write(engine) as connection:
        save_page(connection, Page("digiseller.sales", transactions=(row,)), AT)


def record(program: Program, **changes: str) -> Ended:
    """Record a refund of 10.00 WMZ for charge 1001."""
    values = {"provider": "digiseller", "ref": "1001", "amount": "10.00", "currency": "WMZ", "by": "Ann", "note": "ok"}
    options = [part for name, value in (values | changes).items() for part in (f"--{name}", value)]
    return program("refund", "record", *options, "--json")


def stored(engine: sa.Engine) -> list[Any]:
    """What is on record."""
    with read(engine) as connection:
        return list(connection.execute(sa.select(refund_approvals)))


def refused(ended: Ended) -> str:
    """The one line of a refusal."""
    assert (ended.code, ended.out, len(ended.lines)) == (64, "", 1)
    return ended.err


def test_an_approved_refund_is_kept_in_minor_units(program: Program, engine: sa.Engine) -> None:
    known(engine)
    assert record(program, amount="2.5").json()["charge"] == {"amount": "10.00", "currency": "WMZ"}
    (row,) = stored(engine)
    assert (row.provider, row.ref, row.amount_minor, row.currency) == ("digiseller", "1001", 250, "WMZ")
    assert (row.decided_by, row.note) == ("Ann", "ok")


def test_a_reference_that_was_not_pulled_yet_is_accepted(program: Program, engine: sa.Engine) -> None:
    ended = record(program)
    assert ended.code == 0
    assert ended.json()["charge"] is None
    assert len(stored(engine)) == 1


def test_a_uuid_in_upper_case_is_recorded_as_the_provider_writes_it(program: Program, engine: sa.Engine) -> None:
    upper = "550E8400-E29B-41D4-A716-446655440000"
    done = record(program, provider="tribute", ref=upper, currency="USD")
    assert done.json()["ref"] == upper.lower()
    assert stored(engine)[0].ref == upper.lower()


def test_the_same_call_again_is_told_and_changes_nothing(program: Program, engine: sa.Engine) -> None:
    first, again = record(program).json(), record(program).json()
    assert (first["recorded"], again["recorded"]) == (True, False)
    assert {**first, "recorded": None} == {**again, "recorded": None}
    assert len(stored(engine)) == 1


def test_a_second_part_of_the_charge_is_another_refund(program: Program, engine: sa.Engine) -> None:
    known(engine)
    assert record(program, amount="4").json()["recorded"]
    assert record(program, amount="6").json()["recorded"]
    assert len(stored(engine)) == 2


def test_more_than_the_charge_is_refused_with_both_amounts(program: Program, engine: sa.Engine) -> None:
    known(engine)
    said = refused(record(program, amount="10.01"))
    assert "10.01 WMZ" in said
    assert "10.00 WMZ" in said
    assert stored(engine) == []


def test_all_refunds_of_a_charge_together_never_exceed_it(program: Program, engine: sa.Engine) -> None:
    known(engine)
    record(program, amount="6")
    assert "6.00 WMZ approved before" in refused(record(program, amount="4.01"))


def test_an_equivalent_currency_is_compared(program: Program, engine: sa.Engine) -> None:
    known(engine)
    assert record(program, currency="USD", amount="10").code == 0


def test_another_currency_than_the_charges_is_refused(program: Program, engine: sa.Engine) -> None:
    known(engine)
    said = refused(record(program, currency="RUB"))
    assert "WMZ" in said
    assert "RUB" in said


def test_a_reversals_own_reference_is_answered_with_its_charge(program: Program, engine: sa.Engine) -> None:
    known(engine)
    known(engine, "1001:refund", Kind.REFUND, parent_ref="1001", status=Status.COMPLETED)
    assert "name its charge, 1001" in refused(record(program, ref="1001:refund"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "-5"},
        {"amount": "1e3"},
        {"amount": "12,50"},
        {"amount": "0.001"},
        {"amount": "nan"},
        {"currency": "R"},
        {"currency": "РУБ"},
        {"provider": "paypal"},
        {"by": "  "},
        {"note": ""},
        {"ref": " "},
    ],
    ids=str,
)
def test_what_is_no_refund_is_refused(program: Program, engine: sa.Engine, wrong: dict[str, str]) -> None:
    refused(record(program, **wrong))
    assert stored(engine) == []


def test_it_is_said_in_words_too(program: Program, engine: sa.Engine, tmp_path: Path) -> None:
    known(engine)
    call = ("refund", "record", "--provider", "digiseller", "--ref", "1001", "--amount", "3", "--currency", "wmz",
            "--by", "Ann", "--note", "asked nicely")  # fmt: skip
    assert "3.00 WMZ" in program(*call).out
    assert "recorded before" in program(*call).out


def test_no_refund_is_recorded_while_a_chargeback_stands_unless_the_money_went_back(
    program: Program, engine: sa.Engine
) -> None:
    known(engine)
    dispute = ("--provider", "digiseller", "--ref", "1001", "--amount", "10", "--currency", "WMZ", "--reason", "10.4")
    program("chargeback", "record", *dispute, "--opened-at", "2026-11-21")
    assert "the money would leave twice" in refused(record(program))
    assert stored(engine) == []
    known(engine, "1001:refund", Kind.REFUND, parent_ref="1001", status=Status.COMPLETED)
    assert record(program).json()["recorded"]


def test_a_refund_is_recorded_again_when_the_chargeback_is_won(program: Program, engine: sa.Engine) -> None:
    known(engine)
    dispute = ("--provider", "digiseller", "--ref", "1001", "--amount", "10", "--currency", "WMZ", "--reason", "10.4")
    id_ = program("chargeback", "record", *dispute, "--opened-at", "2026-11-21", "--json").json()["id"]
    program("chargeback", "update", id_, "--stage", "won")
    assert record(program).json()["recorded"]
