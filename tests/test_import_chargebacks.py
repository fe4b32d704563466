"""`import chargebacks` from outside: disputes known from a list, at every stage, before or after their charge."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from jobs.reconcile import reconcile
from reconciler import config
from reconciler.schema_cases import dispute_stages, disputes
from reconciler.store.engine import connect, open_store, read
from tests.cli_world import Program, _logs_as_before, program
from tests.import_world import csv_bytes, json_bytes, url, xlsx_bytes

__all__ = ["_logs_as_before", "program", "url"]

MAPPING = """
[import.chargebacks]
provider = "=digiseller"
ref = "Счёт"
amount = "Сумма"
currency = "=WMR"
opened_at = "Открыт"
timezone = "Europe/Moscow"
reason = "Код"
stage = "Этап"
stage_at = "Когда"
"""
ROW = {"Счёт": "5001", "Сумма": "1 250,50", "Открыт": "20.11.2026 13:00", "Код": "10.4", "Этап": "", "Когда": ""}
WON = ROW | {"Этап": "won", "Когда": "22.11.2026 10:00"}
LOST = ROW | {"Этап": "lost", "Когда": "23.11.2026 10:00"}
SECOND = ROW | {"Этап": "second", "Когда": "22.11.2026 18:00"}
FORMS: dict[str, Callable[[Any], bytes]] = {
    "old.csv": lambda rows: csv_bytes(rows, ";", "cp1251"),
    "sheet.xlsx": xlsx_bytes,
    "list.json": json_bytes,
}


@pytest.fixture
def brought(program: Program, url: str) -> Callable[..., dict[str, Any]]:
    """Import rows by the mapping; what the program said of it."""
    program.configure(f'[database]\nurl = "{url}"\n{MAPPING}')

    def bring(*rows: dict[str, Any], name: str = "list.csv", more: tuple[str, ...] = ()) -> dict[str, Any]:
        form = FORMS.get(name, lambda some: csv_bytes(some, ";"))
        (program.folder / name).write_bytes(form(rows))
        said: dict[str, Any] = program("import", "chargebacks", name, "--json", *more).json()
        return said

    return bring


def stored(url: str) -> list[dict[str, Any]]:
    """Every chargeback on record, with the stages that it was said to reach."""
    open_store(url).dispose()
    engine = connect(url)
    with read(engine) as connection:
        rows = [dict(row) for row in connection.execute(sa.select(disputes)).mappings()]
        for row in rows:
            told = sa.select(dispute_stages.c.stage).where(dispute_stages.c.dispute_id == row["id"])
            row["told"] = sorted(connection.execute(told).scalars())
    engine.dispose()
    return rows


@pytest.mark.parametrize("name", FORMS)
def test_a_list_in_any_form_is_a_chargeback_of_a_charge_that_was_not_pulled_yet(
    brought: Any, url: str, name: str
) -> None:
    assert brought(ROW, name=name)["stored"] == 1
    (row,) = stored(url)
    assert (row["ref"], row["amount_minor"], row["currency"], row["reason_code"]) == ("5001", 125050, "WMR", "10.4")
    assert (row["state"], row["origin"]) == ("open", "import")
    assert row["opened_at"] == datetime(2026, 11, 20, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1), (1, 3, 0, 2)], ids=lambda places: "".join(map(str, places))
)
def test_stages_in_any_order_and_in_any_number_of_files_give_one_state(
    brought: Any, url: str, order: tuple[int, ...]
) -> None:
    rows = [(ROW, WON, SECOND, LOST)[place] for place in order]
    assert brought(*rows[:2])["stored"] == 2
    assert brought(*rows[2:])["stored"] == 2
    (row,) = stored(url)
    assert (row["state"], row["round"], row["told"]) == ("lost", 2, ["lost", "opened", "second", "won"])


def test_a_second_import_changes_nothing_and_a_dry_run_stores_nothing(brought: Any, url: str) -> None:
    dry = brought(ROW, WON, more=("--dry-run",))
    assert (dry["stored"], [fact["status"] for fact in dry["first_facts"]]) == (2, ["opened", "won"])
    assert stored(url) == []
    brought(ROW, WON, ROW)
    before = stored(url)
    again = brought(WON, ROW)
    assert (again["stored"], again["known"]) == (0, 2)
    assert stored(url) == before


def test_what_is_no_chargeback_comes_back_with_a_reason(program: Program, brought: Any, url: str) -> None:
    bad = {
        "none of": ROW | {"Этап": "wun"},
        "is in the future": ROW | {"Открыт": "20.11.2090 13:00"},
        "before opened_at": ROW | {"Этап": "won", "Когда": "19.11.2026 10:00"},
        "nothing is disputed": ROW | {"Сумма": "0"},
        "ref: it is empty": ROW | {"Счёт": ""},
    }
    said = brought(*bad.values())
    assert (said["stored"], said["rejected"]) == (0, len(bad))
    for (_, reason), wanted in zip(((one["row"], one["reason"]) for one in said["first_rejected"]), bad, strict=True):
        assert wanted in reason
    assert stored(url) == []
    assert (program.folder / "list.rejected.csv").is_file()


def test_two_sums_for_one_chargeback_in_a_file_are_not_guessed_between(brought: Any, url: str) -> None:
    assert brought(ROW, WON | {"Сумма": "1"})["rejected"] == 2
    assert stored(url) == []


def test_what_an_operator_recorded_is_never_overruled(program: Program, brought: Any, url: str) -> None:
    program(
        *("chargeback", "record", "--provider", "digiseller", "--ref", "5001", "--amount", "99.00"),
        *("--currency", "WMR", "--reason", "10.4", "--opened-at", "2026-11-20T10:00:00Z"),
    )
    said = brought(ROW)
    assert (said["rejected"], "find out which is right" in said["first_rejected"][0]["reason"]) == (1, True)
    assert brought(ROW | {"Сумма": "99", "Этап": "won", "Когда": "22.11.2026 10:00"})["stored"] == 1
    (row,) = stored(url)
    assert (row["amount_minor"], row["state"], row["origin"]) == (9900, "won", "operator")


def test_a_finding_and_a_case_follow_at_the_next_run(program: Program, brought: Any, url: str) -> None:
    brought(ROW)
    engine = connect(url)
    keys = {"RECONCILER_PROVIDERS__DIGISELLER__API_KEY": "k" * 24, "RECONCILER_PROVIDERS__DIGISELLER__SELLER_ID": "1"}
    settings = config.load(program.folder / "config.toml", keys)
    (found,) = reconcile(settings, engine, lambda: datetime.now(UTC)).findings
    engine.dispose()
    assert (found["kind"], found["transaction_ids"], found["amount"]) == ("chargeback", ["5001"], "1250.50")
    (case,) = program("cases", "list", "--json").json()
    assert (case["id"], case["kind"]) == (found["case_id"], "chargeback")


@pytest.mark.parametrize(
    ("written", "due", "given"),
    [
        ("10.12.2026", datetime(2026, 12, 10, 20, 59, 59, tzinfo=UTC), True),
        ("10.12.2026 12:00", datetime(2026, 12, 10, 9, tzinfo=UTC), True),
        ("", datetime(2026, 12, 8, 20, 59, 59, tzinfo=UTC), False),
    ],
)
def test_a_due_date_of_a_list_is_counted_to_its_end_in_the_lists_zone(
    program: Program, url: str, written: str, due: datetime, given: bool
) -> None:
    program.configure(f'[database]\nurl = "{url}"\n{MAPPING}due_at = "Срок"\n')
    (program.folder / "list.csv").write_bytes(csv_bytes([ROW | {"Срок": written}], ";"))
    assert program("import", "chargebacks", "list.csv", "--json").json()["stored"] == 1
    (row,) = stored(url)
    assert (row["due_at"], row["due_given"]) == (due, given)
