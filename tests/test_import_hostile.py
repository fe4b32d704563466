"""Rows made to do harm: each is rejected with a reason, nothing of it is stored, and the good ones beside it are."""

import json
from typing import Any

import pytest

from tests.cli_world import Program, _logs_as_before, program
from tests.import_world import ORDER, PURCHASE, SALE, books, csv_bytes, url

__all__ = ["_logs_as_before", "books", "program", "url"]

AMOUNTS: list[Any] = [
    "NaN", "Infinity", "-Infinity", "1e999", "1e-999", "1e2", "-1", "-0.01", "=1+1", "+7", "@SUM(A1)", "0x10", "1_000",
    "10" * 400, "1" + "0" * 18, "9007199254740992", "12.345", "1,250", "1.2.3", "٣", "", " ", "null", "\x00", "1\x002",
    "\ud800", "<script>", "'; DROP TABLE transactions; --", True, False, [], [1], {"a": 1}, None,
]  # fmt: skip
TIMES: list[Any] = [
    "0001-01-01 00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31 23:59", "2026-02-30 10:00",
    "2026-11-22", "22.11.2026", "22/11/2026 10:00", "10:00", "now", "=NOW()", "NaN", "1e999", "-1",
    "2026-11-22T25:00:00Z", "2026-11-22T10:00:00+99:00", "", "\x00", "\udcff", True, [], {},
]  # fmt: skip
IDS: list[Any] = [
    "0", "-5", "=1+1", "+1", "@a", "1\x00", "\udc80", "1.5", "x" * 300, "", " ", None, True, [], {}, "abc",
    "1" * 200, "12 34", "NaN", "1e5", "12\n34", "\u202e123", "９９９",
]  # fmt: skip
CURRENCIES: list[Any] = [
    "",
    " ",
    "R",
    "RUBRUBRUBRUB",
    "₽",
    "=RUB",
    "RU\x00",
    "\ud83d",
    "12",
    None,
    True,
    [],
    "р.",
    "R B",
]
EVENTS: list[Any] = ["", "shop_order", "cancelled_donation", "refound", "=purchase", None, True, [], "\x00"]


def hostile(base: dict[str, Any], columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The base row once for each bad value, each with an id of its own where that is not what is bad."""
    return [base | {column: value} for column, bad in columns.items() for value in bad]


FILES = {
    "digiseller": hostile(SALE, {"Сумма": AMOUNTS, "Дата": TIMES, "Номер счёта": IDS, "Кошелёк": CURRENCIES}),
    "tribute": hostile(PURCHASE, {"amount": AMOUNTS, "when": TIMES, "purchase_id": IDS, "what": EVENTS}),
    "orders": hostile(ORDER, {"amount": AMOUNTS, "created_at": TIMES, "currency": CURRENCIES, "status": EVENTS}),
}
NAMES = {"digiseller": "Номер счёта", "tribute": "purchase_id", "orders": "Number"}


def test_there_are_enough_of_them() -> None:
    assert min(map(len, FILES.values())) >= 75
    assert sum(map(len, FILES.values())) >= 250


@pytest.mark.parametrize("what", FILES)
def test_every_hostile_row_is_rejected_with_a_reason_and_the_good_ones_are_stored(
    program: Program, books: Any, what: str
) -> None:
    good = {"digiseller": SALE, "tribute": PURCHASE, "orders": ORDER}[what]
    rows = [*FILES[what], good | {NAMES[what]: "424242"}]
    lines = [json.dumps(row) for row in rows]
    text = "\n".join(
        [lines[-1], *lines[:-1], '{"a": {"a": ' + "[" * 5000, "no json", '{"a": 1, "a": 2}', "[1, 2]", "7"]
    )
    (program.folder / "list.jsonl").write_text(text, encoding="utf-8")
    ended = program("import", what, "list.jsonl", "--json")
    assert (ended.code, len(ended.lines)) == (0, 1)
    assert "Traceback" not in ended.err
    got = ended.json()
    assert (got["stored"], got["known"], got["rejected"]) == (1, 0, len(FILES[what]) + 5)
    assert all(one["reason"] for one in got["first_rejected"])
    assert len([key for key in books() if not key.startswith("raw/")]) == 1
    beside = (program.folder / "list.rejected.csv").read_text(encoding="utf-8-sig")
    assert beside.count("\n") >= got["rejected"]


def test_hostile_lines_of_a_csv_spoil_only_themselves(program: Program, books: Any) -> None:
    lines = csv_bytes([PURCHASE, PURCHASE | {"purchase_id": "2"}]).splitlines(keepends=True)
    bad = [b'a"b,"\r\n', b"too,few\r\n", b",".join([b"x"] * 40) + b"\r\n", b'"never closed\r\n', b"\x00" * 50 + b"\r\n"]
    (program.folder / "list.csv").write_bytes(b"".join([*lines[:2], *bad, lines[2]]))
    got = program("import", "tribute", "list.csv", "--json").json()
    assert (got["stored"], got["rejected"]) == (2, len(bad))
    assert [one["row"] for one in got["first_rejected"]] == [3, 4, 5, 6, 7]
