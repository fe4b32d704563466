"""`match` over two files gives what the rules give, the same bytes in any order, and one line for bad files."""

import csv
import json
import random
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reconciler.errors import ConfigError
from reconciler.files.match import match_files
from reconciler.matching.terms import Terms
from reconciler.model import ChargeState, Kind, Order, Status, Transaction
from tests.builders import ago, charge, order, refund, unclaimed
from tests.files_world import CHARGE_COLUMNS, filed, write_files
from tests.main_job import COMMAND
from tests.matching_oracle import Oracle, ties_of
from tests.test_matching import chain, hostile

FILES = ("matches.parquet", "findings.parquet", "summary.json")


def world(seed: int) -> list[Any]:
    """A hostile world as far as two files can say it: no payments, accounts or codes."""
    facts = [fact for fact in hostile(seed) if isinstance(fact, Transaction | Order | ChargeState)]
    return [
        replace(fact, echoes=tuple(echo for echo in fact.echoes if echo != "acc"))
        if isinstance(fact, ChargeState)
        else fact
        for fact in filed(facts)
    ]


def oracle(facts: list[Any]) -> Oracle:
    """The rules, row by row."""
    charges = [fact for fact in facts if isinstance(fact, Transaction) and fact.kind is Kind.CHARGE]
    orders = [fact for fact in facts if isinstance(fact, Order)]
    return Oracle(charges, orders, [], [fact for fact in facts if isinstance(fact, ChargeState)], []).run()


def matched(folder: Path, facts: list[Any], **options: Any) -> dict[str, Any]:
    """Match the facts as files in a folder; the summary."""
    return match_files(*write_files(folder, facts), folder / "out", Terms(), **options)


def ties(folder: Path) -> set[tuple[str, str, str]]:
    """The matches that were written."""
    rows = duckdb.sql(f"SELECT provider, ref, order_id FROM '{folder}/out/matches.parquet'").fetchall()
    return set(rows)


def found(folder: Path) -> list[tuple[Any, ...]]:
    """The findings that were written."""
    query = f"SELECT kind, reason, transaction_ids, order_id FROM '{folder}/out/findings.parquet' ORDER BY ALL"
    return [(kind, reason, tuple(refs), order_id) for kind, reason, refs, order_id in duckdb.sql(query).fetchall()]


def test_hostile_worlds_are_matched_by_the_letter_of_the_rules(tmp_path: Path) -> None:
    for seed in range(20):
        facts = world(seed)
        summary = matched(tmp_path / str(seed), facts)
        assert ties(tmp_path / str(seed)) == ties_of(oracle(facts)), f"seed {seed}"
        assert summary["closes"], f"seed {seed}"


@pytest.mark.long
@pytest.mark.parametrize("start", range(20, 520, 100))
def test_five_hundred_hostile_worlds(tmp_path: Path, start: int) -> None:
    for seed in range(start, start + 100):
        facts = world(seed)
        matched(tmp_path / str(seed), facts)
        assert ties(tmp_path / str(seed)) == ties_of(oracle(facts)), f"seed {seed}"


def test_a_chain_of_shrinking_gaps_is_matched_as_the_rules_say(tmp_path: Path) -> None:
    facts = chain(400)
    matched(tmp_path, facts)
    assert ties(tmp_path) == ties_of(oracle(facts))


def test_the_same_rows_in_any_order_give_the_same_bytes(tmp_path: Path) -> None:
    facts = [*world(1), *chain(60), refund("1002"), *(charge(f"9{number:04}") for number in range(500))]
    matched(tmp_path / "a", facts)
    random.Random(5).shuffle(facts)
    matched(tmp_path / "b", facts)
    for name in FILES:
        assert (tmp_path / "a/out" / name).read_bytes() == (tmp_path / "b/out" / name).read_bytes(), name


def test_findings_of_files_are_those_of_the_rules(tmp_path: Path) -> None:
    latest = order("A9", None, buyer_email="late@example.com", created_at=ago(minutes=5), updated_at=ago(minutes=1))
    facts = [
        charge("1", occurred_at=ago(days=9)),
        order("A1", "1", created_at=ago(days=9)),
        charge("2"),
        charge("3", occurred_at=ago(hours=30), buyer_email="u@example.com"),
        unclaimed("3"),
        order("A4", "4444", buyer_email="m@example.com"),
        charge("5", buyer_email="r@example.com"),
        order("A5", "5", buyer_email="r@example.com"),
        refund("5"),
        charge("6", occurred_at=ago(minutes=1), buyer_email="now@example.com"),
        charge("7", status=Status.FAILED, buyer_email="f@example.com"),
        replace(latest, provider=None),
    ]
    summary = matched(tmp_path, facts)
    assert found(tmp_path) == [
        ("missing_charge", "unknown_reference", ("4444",), "A4"),
        ("suspected_chargeback", "completed", ("5",), "A5"),
        ("unclaimed_order", "code_not_presented", ("3",), None),
        ("undelivered_order", "no_order", ("2",), None),
    ]
    assert (summary["verdict"], summary["closes"]) == ("findings", True)


def test_as_of_fixes_now(tmp_path: Path) -> None:
    facts = [
        charge("1", occurred_at=ago(hours=20)),
        unclaimed("1"),
        charge("2", product_id="78"),
        order("A2", "2", product_id="78"),
    ]
    assert matched(tmp_path / "early", facts, as_of=ago(hours=0))["findings"] == {}
    assert list(matched(tmp_path / "late", facts, as_of=ago(hours=-5))["findings"]) == ["unclaimed_order"]


def test_amounts_beyond_a_float_are_told_apart(tmp_path: Path) -> None:
    big = 2**53 - 1
    matched(tmp_path, [charge("1", amount_minor=big), order("A1", "1", amount_minor=big - 1)])
    (finding,) = [row for row in found(tmp_path) if row[0] == "amount_mismatch"]
    assert finding[2] == ("1",)


def test_parquet_gives_what_csv_gives(tmp_path: Path) -> None:
    charges, orders = write_files(tmp_path, world(2))
    match_files(charges, orders, tmp_path / "csv", Terms())
    for path in (charges, orders):
        times = (
            "occurred_at::TIMESTAMPTZ AS occurred_at" if path is charges else "created_at::TIMESTAMPTZ AS created_at"
        )
        duckdb.sql(
            f"COPY (SELECT * REPLACE (amount_minor::BIGINT AS amount_minor, {times}) "
            f"FROM read_csv('{path}', all_varchar = true)) TO '{path.with_suffix('.parquet')}' (FORMAT parquet)"
        )
    match_files(charges.with_suffix(".parquet"), orders.with_suffix(".parquet"), tmp_path / "parquet", Terms())
    for name in FILES:
        assert (tmp_path / "csv" / name).read_bytes() == (tmp_path / "parquet" / name).read_bytes(), name


def changed(folder: Path, **cells: str | None) -> tuple[Path, Path]:
    """Files whose only charge has other cells; None drops the column."""
    charges, orders = write_files(folder, [charge(), order()])
    with charges.open(encoding="utf-8") as file:
        (row,) = list(csv.DictReader(file))
    names = [name for name in CHARGE_COLUMNS if cells.get(name, "") is not None]
    with charges.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerow(row | cells)
    return charges, orders


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"amount_minor": None}, "column amount_minor is missing"),
        ({"amount_minor": "9.99"}, "amount_minor '9.99' is no whole number"),
        ({"amount_minor": ""}, "amount_minor is empty"),
        ({"amount_minor": "99999999999999999"}, "more than a payment can be"),
        ({"occurred_at": "2026-11-20 10:00:00"}, "no time with a zone"),
        ({"occurred_at": "2026-13-20T10:00:00Z"}, "no time"),
        ({"kind": "gift"}, "kind 'gift' is none of charge, refund, chargeback"),
        ({"ref": ""}, "ref is empty"),
    ],
)
def test_a_file_that_cannot_be_believed_is_refused_in_one_line(
    tmp_path: Path, cells: dict[str, str | None], words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        match_files(*changed(tmp_path, **cells), tmp_path / "out", Terms())
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "out").iterdir())


def test_a_parquet_time_that_stands_for_no_moment_is_refused(tmp_path: Path) -> None:
    charges, orders = write_files(tmp_path, [charge(), order()])
    columns = "* REPLACE ('infinity'::TIMESTAMPTZ AS occurred_at)"
    endless = tmp_path / "charges.parquet"
    duckdb.sql(f"COPY (SELECT {columns} FROM read_csv('{charges}', all_varchar = true)) TO '{endless}'")
    with pytest.raises(ConfigError, match="occurred_at 'infinity' is no time that can be meant"):
        match_files(endless, orders, tmp_path / "out", Terms())


def test_a_charge_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="digiseller 1 comes more than once"):
        matched(tmp_path, [charge("1"), charge("1"), order()])


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    charges, orders = write_files(tmp_path, [charge(), order()])
    with pytest.raises(ConfigError, match="no Parquet file"):
        match_files(charges.rename(tmp_path / "charges.parquet"), orders, tmp_path / "out", Terms())
    with pytest.raises(ConfigError, match="cannot be opened"):
        match_files(tmp_path / "nowhere.csv", orders, tmp_path / "out", Terms())


def test_the_command_needs_no_configuration(tmp_path: Path) -> None:
    charges, orders = write_files(tmp_path, [charge(), order()])
    line = [COMMAND, "match", "--charges", charges, "--orders", orders, "--out", tmp_path / "out", "--json"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["matches"] == {"reference": 1}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*FILES, "timing.json"}
    broken = subprocess.run([*line[:3], tmp_path / "no.csv", *line[4:]], capture_output=True, text=True, check=False)
    assert (broken.returncode, broken.stderr.count("\n")) == (2, 1)
