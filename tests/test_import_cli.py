"""`import` from outside: files of every form become facts once, and what cannot is given back with a reason."""

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from providers.imports import IMPORTERS
from reconciler.import_columns import COLUMNS
from tests.cli_world import Program, _logs_as_before, program
from tests.import_world import ORDER, PURCHASE, SALE, books, csv_bytes, json_bytes, url, xlsx_bytes

__all__ = ["_logs_as_before", "books", "program", "url"]

ROOT = Path(__file__).resolve().parent.parent
FORMS = {
    "comma.csv": csv_bytes,
    "marked.csv": lambda rows: csv_bytes(rows, ";", "utf-8-sig"),
    "old.csv": lambda rows: csv_bytes(rows, ";", "cp1251"),
    "tabs.txt": lambda rows: csv_bytes(rows, "\t", "utf-16"),
    "sheet.xlsx": xlsx_bytes,
    "array.json": json_bytes,
    "lines.jsonl": lambda rows: json_bytes(rows, lines=True),
}


def put(program: Program, name: str, content: bytes) -> str:
    """Write a file into the program's folder."""
    (program.folder / name).write_bytes(content)
    return name


@pytest.mark.parametrize("form", FORMS)
def test_a_cabinet_export_in_any_form_becomes_the_same_sale_and_refund(program: Program, books: Any, form: str) -> None:
    back = SALE | {"Номер счёта": "5002", "Возврат": "да", "Дата возврата": "23.11.2026 12:00", "Сумма": "99,90"}
    name = put(program, form, FORMS[form]([SALE, back]))
    call = program.process if form == "old.csv" else program
    ended = call("import", "digiseller", name, "--json")
    assert (ended.code, ended.err) == (0, "")
    counts = {key: ended.json()[key] for key in ("rows", "stored", "known", "rejected")}
    assert counts == {"rows": 2, "stored": 2, "known": 0, "rejected": 0}
    facts = books()
    sale, refund = facts["digiseller/5001"], facts["digiseller/5002:refund"]
    assert (sale["amount_minor"], sale["currency"], sale["buyer_email"]) == (125050, "WMR", "яна@example.com")
    assert (sale["occurred_at"], sale["listed"], sale["title"]) == (moment(22, 6, 5), False, "Кредиты")
    assert (refund["amount_minor"], refund["parent_ref"]) == (9990, "5002")
    assert (refund["occurred_at"], refund["occurred_exact"]) == (moment(23, 9), True)
    assert len([key for key in facts if key.startswith("raw/import.digiseller/")]) == 2


def moment(day: int, hour: int, minute: int = 0) -> datetime:
    """A time in November 2026, UTC: DigiSeller writes three hours more."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("what", "row"),
    [("digiseller", SALE), ("digiseller", SALE | {"Возврат": "1"}), ("tribute", PURCHASE), ("orders", ORDER)],
)
def test_a_second_import_of_the_same_file_changes_nothing(
    program: Program, books: Any, what: str, row: dict[str, Any]
) -> None:
    name = put(program, "list.csv", csv_bytes([row]))
    assert program("import", what, name, "--json").json()["stored"] == 1
    before = books()
    again = program("import", what, name, "--json").json()
    assert (again["stored"], again["known"], again["rejected"]) == (0, 1, 0)
    assert books() == before


def test_a_dry_run_says_what_would_be_stored_and_stores_nothing(program: Program, books: Any) -> None:
    name = put(program, "list.csv", csv_bytes([PURCHASE, PURCHASE | {"purchase_id": "none"}]))
    ended = program("import", "tribute", name, "--dry-run")
    assert "1 would be stored" in ended.out
    assert "charge 9001: 12.50 EUR, paid, 2026-11-22T10:00:00Z" in ended.out
    assert "row 3: " in ended.out
    assert books() == {}
    assert [path.name for path in program.folder.glob("*rejected*")] == []


def test_rejected_rows_are_beside_the_file_with_reasons_and_mended_ones_are_imported(
    program: Program, books: Any
) -> None:
    rows = [PURCHASE, PURCHASE | {"purchase_id": "9002", "amount": "1,250", "title": "=cmd|' /C calc'!A0"}]
    ended = program.process("import", "tribute", put(program, "list.csv", csv_bytes(rows, ";", "cp1251")))
    assert ended.code == 0
    assert "1 stored" in ended.out
    assert len(ended.lines) == 1
    assert "list.rejected.csv" in ended.err
    beside = program.folder / "list.rejected.csv"
    (row,) = csv.DictReader(io.StringIO(beside.read_text(encoding="utf-8-sig")))
    assert (row["rejected_line"], row["purchase_id"], row["title"]) == ("3", "9002", "'=cmd|' /C calc'!A0")
    assert "thousands or decimals" in row["rejected_reason"]
    beside.write_text(beside.read_text(encoding="utf-8-sig").replace('"1,250"', '"1250,00"'), encoding="utf-8")
    assert program("import", "tribute", beside.name, "--json").json()["stored"] == 1
    assert books()["tribute/9002"]["amount_minor"] == 125000
    assert books()["tribute/9002"]["title"] == "=cmd|' /C calc'!A0"


def test_what_a_source_said_itself_is_never_overruled(program: Program, books: Any) -> None:
    first = put(program, "one.csv", csv_bytes([SALE]))
    program("import", "digiseller", first)
    listed(program, "digiseller", "5001")
    before = books()
    other = put(program, "two.csv", csv_bytes([SALE | {"Сумма": "1 250,51"}]))
    ended = program("import", "digiseller", other, "--json").json()
    assert (ended["stored"], ended["rejected"]) == (0, 1)
    assert "is on record with 1250.50 WMR, and the file says 1250.51 WMR" in ended["first_rejected"][0]["reason"]
    assert books() == before


def listed(program: Program, provider: str, ref: str) -> None:
    """The provider's own list shows the charge too."""
    import sqlalchemy as sa

    from reconciler.config import load
    from reconciler.schema import transactions
    from reconciler.store.engine import connect, write

    engine = connect(load(program.folder / "config.toml", {}).database.url)
    with write(engine) as connection:
        row = transactions.c
        connection.execute(sa.update(transactions).where(row.provider == provider, row.ref == ref).values(listed=True))
    engine.dispose()


def test_a_corrected_file_corrects_what_only_an_import_told(program: Program, books: Any) -> None:
    program("import", "digiseller", put(program, "one.csv", csv_bytes([SALE])))
    program("import", "digiseller", put(program, "two.csv", csv_bytes([SALE | {"Сумма": "1250,51"}])))
    assert books()["digiseller/5001"]["amount_minor"] == 125051


def test_an_id_with_two_sums_in_one_file_is_not_taken_and_a_repeat_is_taken_once(program: Program, books: Any) -> None:
    torn = [PURCHASE | {"purchase_id": "1"}, PURCHASE | {"purchase_id": "1", "amount": "99.00"}]
    name = put(program, "list.csv", csv_bytes([*torn, PURCHASE, PURCHASE]))
    ended = program("import", "tribute", name, "--json").json()
    assert (ended["stored"], ended["known"], ended["rejected"]) == (1, 1, 2)
    assert [key for key in books() if not key.startswith("raw")] == ["tribute/9001"]


def test_an_order_of_a_ledger_that_was_cut_is_an_order_again(program: Program, books: Any) -> None:
    row = ORDER | {"amount": "12,50", "created_at": "22.11.2026 10:00", "credits": "1000,5"}
    program("import", "orders", put(program, "orders.csv", csv_bytes([row], ";", "cp1251")))
    order = books()["tribute/A-1"]
    assert (order["order_id"], order["amount_minor"], order["credits_micro"]) == ("A-1", 1250, 1_000_500_000)
    assert order["created_at"] == moment(22, 10)


REFUSALS = {
    "an unknown name": ('[import.tribute]\nevnt = "what"', ["evnt", "did you mean event?"]),
    "a column that is not there": ('[import.tribute]\nevent = "wht"', ["'wht'", "did you mean 'what'?"]),
    "a zone that is none": ('[import.tribute]\ntimezone = "Europe/Moskow"', ["did you mean Europe/Moscow?"]),
    "no column for what must be there": ("", ["has no column event", "[import.tribute]"]),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_wrong_mapping_is_one_line_that_names_the_nearest(program: Program, case: str) -> None:
    mapping, said = REFUSALS[case]
    program.configure(mapping)
    ended = program("import", "tribute", put(program, "list.csv", csv_bytes([PURCHASE])))
    assert (ended.code, ended.out, len(ended.lines)) == (2, "", 1)
    for part in said:
        assert part in ended.err


def test_the_nearest_name_of_a_mapping_is_told_by_every_command(program: Program) -> None:
    program.configure('[import.orders]\nordr_id = "Number"')
    assert "[import.orders] ordr_id is no column of ours; did you mean order_id?" in program("status").err


BROKEN = {
    "empty.csv": (b"", "is empty"),
    "cut.json": (b'[{"what": "purchase"}, {"what": ', "is no JSON array after its row 1"),
    "bomb.json": (b"[" * 100_000, "nested too deeply"),
    "more.json": (b'[{"what": "x"}] []', "goes on after the end"),
    "fake.xlsx": (b"PK\x03\x04 no archive", "is no spreadsheet"),
    "twice.csv": (b"what,what\na,b\n", "two columns named 'what'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_read_as_a_whole_is_one_line_and_stores_nothing(program: Program, name: str) -> None:
    content, said = BROKEN[name]
    program.configure("")
    ended = program("import", "tribute", put(program, name, content))
    assert (ended.code, ended.out, len(ended.lines)) == (2, "", 1)
    assert said in ended.err


def test_wrong_usage_is_told(program: Program) -> None:
    program.configure("")
    assert program("import", "paypal", "x.csv").code == 64
    assert "cannot be read" in program("import", "orders", "nowhere.csv").err
    name = put(program, "list.csv", csv_bytes([PURCHASE]))
    assert "--encoding" in program("import", "tribute", name, "--encoding", "klingon").err


def test_the_example_of_the_page_is_what_the_program_says(program: Program, url: str) -> None:
    page = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    (table,), (mapping,) = (re.findall(rf"```{form}\n(.*?)```", page, re.DOTALL) for form in ("csv", "toml"))
    said, warned = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    program.configure(f'[database]\nurl = "{url}"\n{mapping}')
    ended = program("import", "tribute", put(program, "missed.csv", table.encode("cp1251")))
    assert (ended.code, ended.out, ended.err) == (0, said, warned)


def test_the_page_of_imports_names_every_column() -> None:
    page = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
    for importer in IMPORTERS:
        columns = COLUMNS[importer.name]
        for name in (*columns.names, *(word for words in columns.also.values() for word in words)):
            assert f"`{name}`" in page, (importer.name, name)
