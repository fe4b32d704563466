"""What somebody changed by hand in the database is named by a replay: records, results, and findings."""

import json

import pytest
import sqlalchemy as sa

from reconciler.schema import findings, raw_records, runs
from reconciler.store.engine import write
from tests.cli_world import Program, program
from tests.replay_world import World, small
from tests.test_replay import decide_some

__all__ = ["program", "small"]


def change(world: World, source: str, key: str, **fields: str) -> None:
    """Change fields of a stored raw body, as somebody with the database's password could."""
    row = raw_records.c
    with write(world.engine) as connection:
        mine = (row.source == source, row.key == key)
        body = json.loads(connection.execute(sa.select(row.body).where(*mine)).scalar_one())
        text = json.dumps(body | fields)
        connection.execute(sa.update(raw_records).where(*mine).values(body=text))


def test_a_record_changed_by_hand_is_named_with_what_it_changes(small: World, program: Program) -> None:
    sale = small.plain_sales[-1]
    change(small, "digiseller.sales", str(sale.invoice), amount_in="1234.56")
    small.configure(program.folder)
    ended = program("replay", "--date", small.today.name)
    assert ended.code == 2
    assert f"raw record digiseller.sales {sale.invoice} was changed by hand" in ended.err
    assert "stored" in ended.err
    assert "1234.56" in ended.err
    said = program("replay", "--date", small.today.name, "--json").json()
    assert (said["outcome"], said["changed"]) == ("different", [f"digiseller.sales {sale.invoice}"])


def test_a_change_by_hand_that_changes_no_result_is_named_too(small: World) -> None:
    sale = small.plain_sales[-1]
    change(small, "digiseller.sales", str(sale.invoice), partner_id="7")
    done = small.replay()
    assert (done.outcome, done.changed) == ("different", [f"digiseller.sales {sale.invoice}"])
    assert "the result is the same" in done.reason


def test_a_record_that_was_broken_by_hand_is_named_too(small: World) -> None:
    sale = small.plain_sales[-1]
    change(small, "digiseller.sales", str(sale.invoice), date_pay="yesterday")
    done = small.replay()
    assert done.outcome == "refused"
    assert f"digiseller.sales {sale.invoice} cannot be understood any more" in done.reason
    assert "changed by hand" in done.reason


def test_a_record_removed_by_hand_is_missed(small: World) -> None:
    mine = raw_records.c.key == str(small.plain_sales[-1].invoice)
    with write(small.engine) as connection:
        connection.execute(sa.delete(raw_records).where(mine))
    done = small.replay()
    assert done.outcome == "refused"
    assert "is gone, and nothing is on record that removed it" in done.reason


def test_a_stored_result_changed_by_hand_is_named_with_both_numbers(small: World) -> None:
    with write(small.engine) as connection:
        row = connection.execute(sa.select(runs).order_by(runs.c.id.desc()).limit(1)).one()
        said = json.loads(json.dumps(row.statement))
        account = said["providers"][0]
        account["charges"]["received"]["count"] += 1
        connection.execute(sa.update(runs).where(runs.c.id == row.id).values(statement=said))
    done = small.replay()
    count = account["charges"]["received"]["count"]
    place = f"statement.providers[{account['provider']} {account['currency']}].charges.received.count"
    assert done.outcome == "different"
    assert done.reason == f"{place}: stored {count}, recomputed {count - 1}"


def test_a_finding_changed_by_hand_is_named_after_the_newest_run(small: World) -> None:
    with write(small.engine) as connection:
        row = connection.execute(sa.select(findings).where(findings.c.status == "open").limit(1)).one()
        said = row.document | {"explanation": "nothing to see"}
        connection.execute(sa.update(findings).where(findings.c.id == row.id).values(document=said))
    done = small.replay()
    assert done.outcome == "different"
    assert f'findings.{row.id}.explanation: stored "nothing to see", recomputed' in done.reason
    assert f"finding {row.id} was changed by hand" in done.reason


@pytest.mark.parametrize(("before", "after"), [("open", "resolved"), ("resolved", "open")])
def test_a_finding_closed_or_opened_by_hand_is_named(small: World, before: str, after: str) -> None:
    for currency in ("??", small.scenario.orders[5].currency):
        small.shop_changes(small.scenario.orders[5].order_id, currency=currency)
        small.run()
    with write(small.engine) as connection:
        mine = sa.select(findings.c.id).where(findings.c.status == before).limit(1)
        id_ = connection.execute(mine).scalar_one()
        connection.execute(sa.update(findings).where(findings.c.id == id_).values(status=after))
    assert f"finding {id_} was changed by hand" in small.replay().reason


def test_what_operators_decide_after_the_run_is_no_change_by_hand(small: World) -> None:
    with write(small.engine) as connection:
        decide_some(small, connection)
    assert small.replay().outcome == "identical"


def test_a_finding_that_no_run_has_found_is_named(small: World) -> None:
    with write(small.engine) as connection:
        row = connection.execute(sa.select(findings).where(findings.c.status == "open").limit(1)).one()
        connection.execute(sa.insert(findings).values({**row._mapping, "id": "forged"}))
    done = small.replay()
    assert done.outcome == "different"
    assert "finding forged was changed by hand" in done.reason


@pytest.mark.parametrize("column", ["amount_minor", "severity", "account_id"])
def test_a_column_of_a_finding_that_says_otherwise_than_its_document_is_named(small: World, column: str) -> None:
    with write(small.engine) as connection:
        row = connection.execute(sa.select(findings).where(findings.c.amount_minor > 1).limit(1)).one()
        values = {column: 1 if column == "amount_minor" else "other"}
        connection.execute(sa.update(findings).where(findings.c.id == row.id).values(values))
    done = small.replay()
    assert done.outcome == "different"
    assert f"finding {row.id} was changed by hand" in done.reason


@pytest.mark.parametrize(
    "values",
    [{"surplus": "[]"}, {"surplus": "no list"}, {"anchor": "order:other"}, {"subject": "order:other:1:2"}],
    ids=["charges", "no charges", "row", "subject"],
)
def test_what_says_which_charges_or_row_a_finding_is_about_is_compared_too(
    small: World, values: dict[str, str]
) -> None:
    with write(small.engine) as connection:
        row = connection.execute(sa.select(findings).where(findings.c.surplus.is_not(None)).limit(1)).one()
        connection.execute(sa.update(findings).where(findings.c.id == row.id).values(values))
    assert f"finding {row.id} was changed by hand" in small.replay().reason


def test_a_list_of_charges_that_an_upgrade_wrote_with_other_spaces_is_no_change(small: World) -> None:
    with write(small.engine) as connection:
        row = connection.execute(sa.select(findings).where(findings.c.surplus.is_not(None)).limit(1)).one()
        spaced = json.dumps(json.loads(row.surplus), indent=1)
        connection.execute(sa.update(findings).where(findings.c.id == row.id).values(surplus=spaced))
    assert small.replay().outcome == "identical"
