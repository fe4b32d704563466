"""A day's result is recomputed from stored raw records: to the same bytes, or it is said what differs or is missing."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from jobs.imports import Import
from jobs.reconcile import reconcile
from providers.imports import digiseller as sales_file
from reconciler.cases.model import Decision
from reconciler.money import Money
from reconciler.schema import raw_records
from reconciler.schema_cases import cases
from reconciler.schema_replay import run_inputs
from reconciler.store import disputes, refunds
from reconciler.store.decisions import decide_case
from reconciler.store.engine import write
from reconciler.store.erasure import erase
from tests.cli_world import Program, program
from tests.replay_world import World, living, small
from tests.stores import url

__all__ = ["program", "small", "url"]


@pytest.fixture
def world(tmp_path: Path, url: str) -> Iterator[World]:
    """A made-up shop with an empty store on each database."""
    with living(tmp_path, url) as begun:
        yield begun


def first_day(world: World) -> None:
    """Webhooks come in; refunds begin and end, a review and a chat appear, a table of payments changes."""
    world.push()
    world.run()
    begun, ended, reviewed, told = (sale.invoice for sale in world.plain_sales[:4])
    world.digiseller.start_refund(begun)
    world.digiseller.finish_refund(ended)
    world.digiseller.review(reviewed, "awful")
    world.digiseller.change(told, chat_state=2, chat_at=world.clock.at)
    paid = world.scenario.payments[0]
    world.shop_does("DELETE FROM payments WHERE order_id = ?", paid.order_id)
    world.run()
    world.shop_does("INSERT INTO payments VALUES (?, ?, ?)", paid.order_id, paid.provider, paid.provider_ref)
    world.run()


def second_day(world: World, folder: Path) -> None:
    """A refund is withdrawn, another gets its receipt, rows change and change back, operators decide and record."""
    begun, ended, _, told, back = (sale.invoice for sale in world.plain_sales[:5])
    world.digiseller.change(begun, state=3)
    world.digiseller.finish_refund(ended, world.clock.at)
    order, broken = world.scenario.orders[3], world.scenario.orders[5]
    world.shop_does("UPDATE orders SET credits_used = 2 WHERE order_id = ?", order.order_id)
    world.shop_changes(broken.order_id, currency="??")
    world.run()
    world.shop_does("UPDATE orders SET credits_used = ? WHERE order_id = ?", order.credits_used, order.order_id)
    world.shop_changes(broken.order_id, currency=broken.currency)
    sold = next(one for one in world.scenario.orders if one.provider == "digiseller" and one.status == "delivered")
    world.shop_changes(sold.order_id, provider_ref="99999999", unique_code=None)
    with write(world.engine) as connection:
        now, sale = world.clock(), world.plain_sales[4]
        money = Money(sale.amount_minor, sale.currency)
        refunds.record(connection, "digiseller", str(back), money, "Ann", "paid twice", now, equivalents={})
        new = disputes.NewDispute("digiseller", str(told), Money(500, "WMZ"), "10.4", now - timedelta(hours=3))
        row, _ = disputes.record(connection, new, "Ann", now)
        decide_some(world, connection)
    rows = ["ref,occurred_at,amount,currency,unique_code", "501,2026-03-01 10:00:00,12.50,WMZ,ABCDEFGH01234567"]
    (folder / "sales.csv").write_text("\n".join(rows))
    Import(world.engine, sales_file.IMPORTER, {"timezone": "Asia/Tokyo"}, now=world.clock).run(folder / "sales.csv")
    world.run()
    with write(world.engine) as connection:
        disputes.add_stage(connection, row["id"], "won", world.clock.at, "Ann", world.clock())
        less = disputes.NewDispute("digiseller", str(told), Money(499, "WMZ"), "10.4", row["opened_at"])
        disputes.record(connection, less, "Ann", world.clock())


def third_day(world: World) -> None:
    """Tribute refunds, charges again, shows nonsense and fails in between; the policy is another for one run."""
    given_back, twice, odd = [one.uuid for one in world.scenario.purchases if one.payments][:3]
    world.tribute.refund(given_back)
    world.tribute.charge_again(twice, at=world.clock.at)
    world.tribute.add_row(odd, amount="nonsense")
    world.tribute.add_row(odd, amount=777, currency="rub")
    new = world.tribute.add_order(created_at=world.clock.at, email="new@example.com")
    world.run()
    world.tribute.pay(new, at=world.clock.at)
    world.tribute.fault(f"/api/v1/shop/orders/{new}/transactions", "status", 9)
    assert world.run().verdict == "incomplete"
    assert world.replay().outcome == "identical"
    world.tribute.clear_faults()
    world.run(policy=world.settings.policy.model_copy(update={"grace_minutes": 6000}))


def decide_some(world: World, connection: sa.Connection) -> None:
    """An operator dismisses what two cases are about, and approves a refund in a third."""
    wanted = {"amount_mismatch": "dismiss", "buyer_mismatch": "dismiss", "duplicate_charge": "refund"}
    for row in connection.execute(sa.select(cases).where(cases.c.kind.in_(wanted)).order_by(cases.c.id)).mappings():
        if action := wanted.pop(row["kind"], None):
            decide_case(connection, world.settings, row["id"], Decision(action, "Ann", "looked at it", world.clock()))
    assert not wanted


def test_each_day_of_a_shop_is_recomputed_to_the_same_bytes(world: World, tmp_path: Path) -> None:
    first_day(world)
    told = [world.replay()]
    world.clock.move(days=1)
    second_day(world, tmp_path)
    told.append(world.replay())
    world.clock.move(days=1)
    third_day(world)
    before = world.dump()
    again = [world.replay(day) for day in world.days]
    assert [(one.outcome, one.reason) for one in again] == [("identical", "")] * 3
    assert again[:2] == told, "what a day came to does not depend on what followed"
    assert len({one.digest for one in again}) == 3
    assert world.dump() == before, "a replay writes nothing"


def test_the_command_says_identical_with_a_hash(small: World, program: Program) -> None:
    small.configure(program.folder)
    ended = program("replay", "--date", small.today.name)
    assert ended.code == 0, ended.err
    assert f"{small.today.name}: identical. Run 2" in ended.out
    assert small.replay().digest in ended.out


def test_a_run_goes_by_the_time_from_which_on_nobody_else_writes(small: World) -> None:
    asked: list[datetime] = []

    def now() -> datetime:
        asked.append(small.clock())
        return asked[-1]

    run = threading.Thread(target=reconcile, args=(small.settings, small.engine, now))
    with write(small.engine):
        run.start()
        time.sleep(0.3)
        assert asked == []
    run.join()
    assert len(asked) == 1


def test_the_settings_of_the_run_count_and_not_those_of_today(small: World) -> None:
    other = small.settings.policy.model_copy(update={"grace_minutes": 9999, "suspension_mode": "auto"})
    assert small.replay(policy=other, timezone="Asia/Tokyo").outcome == "identical"
    small.run(policy=other)
    assert small.replay().outcome == "identical"


def test_an_erased_buyer_leaves_the_result_or_the_reason(small: World) -> None:
    sale = small.plain_sales[-1]
    with write(small.engine) as connection:
        assert erase(connection, sale.email, "Ann", small.clock()).rows["raw_records"]
    done = small.replay()
    assert done.outcome == "identical", "pseudonyms stand for the buyer on both sides"
    with write(small.engine) as connection:
        gone = connection.execute(sa.select(raw_records.c.id).where(raw_records.c.key == str(sale.invoice))).scalars()
        connection.execute(sa.delete(raw_records).where(raw_records.c.id.in_(list(gone))))
    done = small.replay()
    assert done.outcome == "refused"
    assert f"a buyer's data were erased on {small.clock.at:%Y-%m-%d}" in done.reason


def test_runs_of_an_older_version_are_refused_with_the_reason(small: World) -> None:
    with write(small.engine) as connection:
        connection.execute(sa.delete(run_inputs).where(run_inputs.c.run_id == 1))
    done = small.replay()
    assert done.outcome == "refused"
    assert "run 1 of 2026-03-10 09:15 UTC was made by an older version" in done.reason


def test_a_day_without_a_run_and_a_day_to_come(small: World, program: Program) -> None:
    small.configure(program.folder)
    none = program("replay", "--date", "2026-03-01")
    assert (none.code, "no run was completed on 2026-03-01" in none.err) == (2, True)
    assert program("replay", "--date", "2126-03-01").code == 64
