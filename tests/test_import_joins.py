"""One purchase is one transaction, whoever tells of it first: a webhook, the pull, or an import; killed or not."""

import os
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.imports import Result, covered_days
from providers.digiseller import parse
from providers.tribute.events import MAKERS, Envelope
from providers.tribute.fields import moment
from reconciler import schema_webhooks
from reconciler.model import Order, Page, Transaction, Window
from reconciler.schema import raw_records, transactions
from reconciler.store import webhook_gaps
from reconciler.store.engine import open_store, read, write
from reconciler.store.facts import save_page
from tests.cli_world import COMMAND, Program, _logs_as_before, program
from tests.import_world import ORDER, PURCHASE, SALE, books, csv_bytes, stored, url

__all__ = ["_logs_as_before", "books", "program", "url"]

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
USER = {"telegram_user_id": 7000000001, "trb_user_id": "T-5", "telegram_username": "ann"}
AT = "2026-11-22T10:00:00.33246Z"
BOUGHT = {"product_id": 5, "amount": 1250, "currency": "eur", "purchase_id": 9001, "transaction_id": 77, **USER}
PLAN = {"subscription_id": 8, "period_id": 2, "price": 1000, "amount": 900, "currency": "eur", "type": "regular"}
GIFT = {"donation_request_id": 4, "amount": 500, "currency": "eur", "anonymously": False, **USER}
LISTED = {"what": "", "when": AT, "telegram_user_id": "7000000001"}
TOLD = {
    "a purchase": (
        ("new_digital_product", BOUGHT),
        {**PURCHASE, "when": "2026-11-22 10:00"},
    ),
    "a refund of which the list knows no transaction": (
        ("digital_product_refunded", {**BOUGHT, "refund_reason": "telegram_refund", "refunded_at": AT}),
        {**PURCHASE, "what": "refund", "transaction_id": ""},
    ),
    "a subscription whose list has no fractions of seconds": (
        ("new_subscription", {**PLAN, **USER, "expires_at": "2026-12-22T10:00:00Z"}),
        {**LISTED, "what": "subscription", "when": "2026-11-22 10:00:00", "amount": "9", "price": "10",
         "subscription_id": "8"},
    ),
    "a donation": (
        ("new_donation", GIFT),
        {**LISTED, "what": "donation", "when": "2026-11-22T10:00:00Z", "amount": "5,00", "donation_request_id": "4"},
    ),
}  # fmt: skip


def save(url: str, page: Page) -> None:
    """Store a page as the pull or the inbox does."""
    engine = open_store(url)
    with write(engine) as connection:
        save_page(connection, page, NOW)
    engine.dispose()


def webhook(name: str, payload: dict[str, Any]) -> Transaction:
    """The transaction that an event of Tribute is."""
    return MAKERS[name](Envelope(name, moment(AT), AT, payload))


def put(program: Program, *rows: dict[str, Any]) -> str:
    """Write rows as a file."""
    (program.folder / "list.csv").write_bytes(csv_bytes(rows))
    return "list.csv"


def facts(url: str) -> dict[str, Any]:
    """What is stored, less raw records."""
    return {key: row for key, row in stored(url).items() if not key.startswith("raw/")}


@pytest.mark.parametrize("case", TOLD)
def test_what_a_webhook_told_is_known_to_an_import(program: Program, books: Any, url: str, case: str) -> None:
    (name, payload), row = TOLD[case]
    save(url, Page("tribute.webhooks", transactions=(webhook(name, payload),)))
    before = books()
    got = program("import", "tribute", put(program, row), "--json").json()
    assert (got["stored"], got["known"]) == (0, 1)
    assert books() == before


@pytest.mark.parametrize("case", ["a purchase", "the same words"])
def test_a_webhook_after_an_import_completes_the_same_transaction(
    program: Program, books: Any, url: str, case: str
) -> None:
    (name, payload), row = TOLD.get(case, (("new_donation", GIFT), {**LISTED, "what": "donation", "amount": "5"}))
    row = {**row, **({} if case in TOLD else {"donation_request_id": "4", "trb_user_id": "T-5"})}
    program("import", "tribute", put(program, row))
    save(url, Page("tribute.webhooks", transactions=(webhook(name, payload),)))
    (only,) = facts(url).values()
    assert only["listed"] is True


def test_the_pull_completes_what_an_import_told(program: Program, books: Any, url: str) -> None:
    row = {
        "invoice_id": 5001, "amount_in": 1250.5, "amount_out": 1200, "amount_currency": "WMR", "returned": 0,
        "date_pay": "2026-11-22 09:05:00", "product_id": 3, "product_name": "Credits", "email": "ann@example.com",
    }  # fmt: skip
    pulled = parse.sale(row).charge
    program("import", "digiseller", put(program, SALE | {"Возврат": "да"}))
    save(url, Page("digiseller.sales", transactions=(pulled,)))
    assert facts(url)["digiseller/5001"]["fee_minor"] == 5050
    got = program("import", "digiseller", put(program, SALE | {"Возврат": "да"}), "--json").json()
    assert (got["stored"], got["known"]) == (0, 1)
    assert set(facts(url)) == {"digiseller/5001", "digiseller/5001:refund"}


def test_an_order_that_the_shop_shows_is_left_as_it_is(program: Program, books: Any, url: str) -> None:
    old = datetime(2026, 11, 22, 10, tzinfo=UTC)
    known = Order("A-1", 1250, "EUR", "delivered", old, old, old, account_id="u9")
    save(url, Page("shop.orders", orders=(known,)))
    got = program("import", "orders", put(program, ORDER), "--json").json()
    assert (got["stored"], got["known"]) == (0, 1)
    assert [row["account_id"] for row in facts(url).values()] == ["u9"]


def test_what_only_an_import_told_can_be_told_apart(program: Program, books: Any, url: str) -> None:
    program("import", "tribute", put(program, PURCHASE))
    engine = open_store(url)
    with read(engine) as connection:
        (row,) = connection.execute(sa.select(raw_records.c.provider, raw_records.c.source, raw_records.c.key))
    engine.dispose()
    assert tuple(row) == ("tribute", "import.tribute", "9001")


FROM, TO = datetime(2026, 11, 21, 22, tzinfo=UTC), datetime(2026, 11, 22, 20, tzinfo=UTC)
LISTS = {
    "the days of the gap": ([{"when": "2026-11-21 01:00"}, {"when": "2026-11-22 10:00", "purchase_id": "2"}], 1),
    "one of its two days": ([{"when": "2026-11-22 10:00"}], 0),
    "a row rejected": ([{"when": "2026-11-21 01:00"}, {"when": "2026-11-22 10:00", "purchase_id": "x"}], 0),
}


@pytest.mark.parametrize("case", LISTS)
def test_a_list_of_the_days_of_a_downtime_closes_its_gap(program: Program, books: Any, url: str, case: str) -> None:
    rows, closed = LISTS[case]
    engine = open_store(url)
    with write(engine) as connection:
        for provider in ("tribute", "digiseller"):
            webhook_gaps.add(connection, provider, webhook_gaps.DOWNTIME, "then", FROM, TO, NOW)
    name = put(program, *(PURCHASE | row for row in rows))
    assert program("import", "tribute", name, "--dry-run", "--json").json()["gaps_closed"] == 0
    assert program("import", "tribute", name, "--json").json()["gaps_closed"] == closed
    with read(engine) as connection:
        left = connection.execute(sa.select(schema_webhooks.webhook_gaps.c.provider)).scalars().all()
    engine.dispose()
    assert sorted(left) == ["digiseller", "tribute"][: 2 - closed]


def test_a_file_written_before_a_gap_ended_does_not_cover_it() -> None:
    span = Window(datetime(2026, 11, 21, 1, tzinfo=UTC), datetime(2026, 11, 22, 10, tzinfo=UTC))
    written = datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert covered_days(Result(span), UTC, written) == Window(datetime(2026, 11, 21, tzinfo=UTC), written)
    assert covered_days(Result(None), UTC, written) is None


def test_an_import_killed_in_the_middle_and_run_again_is_as_run_once(program: Program, tmp_path: Path) -> None:
    rows = [PURCHASE | {"purchase_id": str(number)} for number in range(1, 4_001)]
    name = put(program, *rows)
    for folder in ("killed", "whole"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "config.toml").write_text(
            '[database]\nurl = "sqlite:///books.db"\n[import.tribute]\nevent = "what"\noccurred_at = "when"\n'
            'currency = "=EUR"\n'
        )
    killed = Program(tmp_path / "killed", None)  # type: ignore[arg-type]
    books = f"sqlite:///{tmp_path}/killed/books.db"
    open_store(books).dispose()
    process = subprocess.Popen(
        [*COMMAND, "import", "tribute", f"../{name}"], cwd=killed.folder, env=killed.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    reached = _killed_after_a_page(process, books)
    assert 0 < reached < len(rows)
    whole = Program(tmp_path / "whole", None)  # type: ignore[arg-type]
    again = killed.process("import", "tribute", f"../{name}", "--json").json()
    assert (again["known"], again["stored"]) == (reached, len(rows) - reached)
    whole.process("import", "tribute", f"../{name}")
    assert stored(books) == stored(f"sqlite:///{tmp_path}/whole/books.db")


def _killed_after_a_page(process: subprocess.Popen[bytes], url: str) -> int:
    """Kill the process once it has stored something; returns how much it had stored in the end."""
    engine = open_store(url)
    deadline = time.monotonic() + 120
    count = 0
    while not count and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
        count = _count(engine)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    count = _count(engine)
    engine.dispose()
    return count


def _count(engine: sa.Engine) -> int:
    with read(engine) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(transactions)).scalar_one())
