"""Setting aside the pairs that agree in everything changes no result: every row through the plan gives the same."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from reconciler.errors import ConfigError
from reconciler.files import settled
from reconciler.files.engine import DuckEngine
from reconciler.files.match import match_files
from reconciler.matching.terms import Terms
from tests.builders import UUID, ago, charge, order, refund, tribute_charge, tribute_order
from tests.files_world import write_files
from tests.matching_oracle import ties_of
from tests.test_match_files import FILES, found, matched, oracle, ties, world

MANY_PARTS = 50_000_000
"""So many bytes a row make several parts of a few rows."""


def outcomes(folder: Path, facts: list[Any]) -> list[dict[str, bytes]]:
    """The result files with pairs set aside, with every row sent through the plan, and joined in several parts."""
    given = write_files(folder, facts)
    for name, watch_all in (("aside", False), ("whole", True)):
        match_files(*given, folder / name, Terms(), watch_all=watch_all)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settled, "ROW_BYTES", MANY_PARTS)
        match_files(*given, folder / "parts", Terms())
    return [{name: (folder / way / name).read_bytes() for name in FILES} for way in ("aside", "whole", "parts")]


def busy(seed: int) -> list[Any]:
    """A hostile world among ordinary sales that share its buyers, amounts and times, some of them reversed."""
    pick = random.Random(seed)
    facts = world(seed)
    for number in range(30):
        ref, moment = f"5{number:03}", ago(minutes=pick.choice([95, 100, 104, 110, 130]))
        who = {
            "buyer_email": pick.choice(["a@x.example", "b@x.example", None]),
            "telegram_user_id": pick.choice(["7", None]),
        }
        facts.append(charge(ref, occurred_at=moment, product_id=pick.choice(["77", None]), **who))
        delivered = order(f"P{number}", ref, created_at=moment, product_id=pick.choice(["77", None]), **who)
        facts.append(replace(delivered, amount_minor=pick.choice([1000] * 9 + [1001])))
        if pick.random() < 0.1:
            facts.append(refund(ref))
    return facts


def check(folder: Path, seeds: range) -> None:
    """Hold both ways against each other for each seed."""
    for seed in seeds:
        aside, whole, parts = outcomes(folder / str(seed), busy(seed))
        assert aside == whole == parts, f"seed {seed}"


def test_rows_that_fill_more_than_half_the_memory_are_joined_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    run = DuckEngine.run
    monkeypatch.setattr(DuckEngine, "run", lambda engine, text: asked.append(text) or run(engine, text))
    given = write_files(tmp_path, busy(1))
    match_files(*given, tmp_path / "one", Terms())
    assert sum("INSERT INTO pair" in one for one in asked) == 0
    monkeypatch.setattr(settled, "ROW_BYTES", MANY_PARTS)
    match_files(*given, tmp_path / "several", Terms())
    assert sum("INSERT INTO pair" in one for one in asked) > 1


def test_what_is_set_aside_changes_nothing(tmp_path: Path) -> None:
    check(tmp_path, range(20))


@pytest.mark.long
@pytest.mark.parametrize("start", range(20, 520, 100))
def test_what_is_set_aside_changes_nothing_in_five_hundred_worlds(tmp_path: Path, start: int) -> None:
    check(tmp_path, range(start, start + 100))


def test_busy_worlds_are_matched_by_the_letter_of_the_rules(tmp_path: Path) -> None:
    for seed in range(5):
        facts = busy(seed)
        matched(tmp_path / str(seed), facts)
        assert ties(tmp_path / str(seed)) == ties_of(oracle(facts)), f"seed {seed}"


def test_a_repeat_of_a_pair_that_agrees_is_found(tmp_path: Path) -> None:
    matched(tmp_path, [charge("1"), order("A1", "1", updated_at=ago(hours=1)), charge("2", occurred_at=ago(hours=4.9))])
    assert found(tmp_path) == [("duplicate_charge", "repeated_charge", ("2",), "A1")]


def test_a_second_charge_of_a_shared_order_is_found(tmp_path: Path) -> None:
    again = tribute_charge(f"{UUID.format(1)}:7", occurred_at=ago(hours=4))
    late = tribute_charge(UUID.format(2), occurred_at=ago(hours=1), buyer_email="z@example.com")
    matched(tmp_path, [tribute_charge(), tribute_order(), again, late, tribute_order("T2", UUID.format(2))])
    assert ("duplicate_charge", "same_order", (again.ref,), "T1") in found(tmp_path)


def test_two_orders_that_name_one_charge_are_shown(tmp_path: Path) -> None:
    matched(tmp_path, [charge("1"), order("A1", "1"), order("A2", "1")])
    assert [row[:2] for row in found(tmp_path)] == [("reference_conflict", "claimed_twice")]


def test_an_order_without_a_provider_that_names_a_settled_charge_is_shown(tmp_path: Path) -> None:
    matched(tmp_path, [charge("1"), order("A1", "1"), replace(order("A2", "1"), provider=None)])
    assert [row[:2] for row in found(tmp_path)] == [("reference_conflict", "claimed_twice")]


def test_an_order_id_that_comes_twice_among_settled_pairs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="A1 comes more than once"):
        matched(tmp_path, [charge("1"), charge("2"), order("A1", "1"), order("A1", "2")])


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("charges", "ref", "' 1'"),
        ("charges", "buyer_email", "upper(buyer_email)"),
        ("charges", "currency", "lower(currency)"),
        ("orders", "buyer_email", "buyer_email || ' '"),
        ("orders", "order_id", "'A1 '"),
    ],
)
def test_untidy_text_in_parquet_is_read_as_clean_text(tmp_path: Path, table: str, column: str, value: str) -> None:
    files = dict(zip(("charges", "orders"), write_files(tmp_path, [charge("1"), order("A1", "1")]), strict=True))
    match_files(files["charges"], files["orders"], tmp_path / "clean", Terms())
    rows = (
        f"SELECT * REPLACE (amount_minor::BIGINT AS amount_minor) FROM read_csv('{files[table]}', all_varchar = true)"
    )
    untidy = files[table].with_suffix(".parquet")
    duckdb.sql(f"COPY (SELECT * REPLACE ({value} AS {column}) FROM ({rows})) TO '{untidy}' (FORMAT parquet)")
    given = files | {table: untidy}
    match_files(given["charges"], given["orders"], tmp_path / "untidy", Terms())
    for name in FILES:
        assert (tmp_path / "clean" / name).read_bytes() == (tmp_path / "untidy" / name).read_bytes(), name
