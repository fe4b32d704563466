"""Days stay recomputable when retention has removed what they began with, and in stores that were begun without log."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from jobs.imports import Import
from jobs.retention import take_base
from providers.imports import digiseller as sales_file
from reconciler.schema import quarantine, transactions
from reconciler.schema_replay import kept_texts, readings, replay_base_parts, replay_bases, run_inputs
from reconciler.store.engine import write
from reconciler.store.erasure import erase
from tests.cli_world import Program, program
from tests.replay_world import World, living, small
from tests.stores import stored, url
from tests.test_replay import first_day, second_day, third_day

__all__ = ["program", "small", "url"]


@pytest.fixture
def world(tmp_path: Path, url: str) -> Iterator[World]:
    """A made-up shop with an empty store on each database."""
    with living(tmp_path, url) as begun:
        yield begun


def import_sale(world: World, folder: Path, amount: str) -> None:
    """Import a file with one old sale."""
    rows = ["ref,occurred_at,amount,currency,unique_code", f"501,2026-03-01 10:00:00,{amount},WMZ,ABCDEFGH01234567"]
    (folder / "sales.csv").write_text("\n".join(rows))
    Import(world.engine, sales_file.IMPORTER, {"timezone": "Asia/Tokyo"}, now=world.clock).run(folder / "sales.csv")


def test_eventful_days_are_recomputed_from_a_base_when_the_records_of_before_are_gone(
    world: World, tmp_path: Path
) -> None:
    first_day(world)
    begun = world.replay().digest
    assert world.forget()["raw_records"] > 20
    assert world.replay(world.days[0]).outcome == "refused"
    second_day(world, tmp_path)
    whole = world.replay()
    world.clock.move(days=1)
    third_day(world)
    again = [world.replay(day) for day in world.days[1:]]
    assert [(one.outcome, one.reason) for one in again] == [("identical", "")] * 2
    assert again[0] == whole
    assert len({begun, *(one.digest for one in again)}) == 3


def test_a_day_before_the_base_is_refused_with_the_first_day_that_is_not(small: World, program: Program) -> None:
    removed = small.clock.at
    small.forget()
    small.run()
    small.run()
    small.configure(program.folder)
    ended = program("replay", "--date", small.days[0].name)
    assert ended.code == 2
    assert f"removed on {removed + timedelta(hours=25):%Y-%m-%d} by [retention] raw_days" in ended.err
    assert f"days from {small.today.name} on can be recomputed" in ended.err
    assert program("replay", "--date", small.today.name).code == 0


def test_a_base_is_as_old_as_it_may_be_so_that_it_proves_most(small: World) -> None:
    small.forget()
    small.run()
    take_base(small.engine, small.clock(), timedelta(0))
    for status in ("refunded", "delivered"):
        small.shop_changes(small.scenario.orders[0].order_id, status=status)
        small.run()
    assert len(stored(small.engine, replay_bases)) == 2
    since = stored(small.engine, replay_bases)[0].reading
    done = small.replay()
    named = sum(one.id > since for one in stored(small.engine, readings))
    assert done.outcome == "identical"
    assert done.records >= named > 2


def test_a_store_that_was_begun_without_log_is_recomputed_from_its_first_base_on(small: World) -> None:
    with write(small.engine) as connection:
        for table in (readings, kept_texts, run_inputs):
            connection.execute(sa.delete(table))
    small.run()
    done = small.replay()
    assert "records were read since 2026-03-10 by an older version, which kept no log of readings" in done.reason
    assert "days after the next daily clean-up can be recomputed" in done.reason
    small.clock.move(days=1)
    small.run()
    assert f"days after {small.today.name} can be recomputed" in small.replay().reason
    small.digiseller.finish_refund(small.plain_sales[0].invoice)
    small.run()
    assert (small.replay().outcome, small.replay().reason) == ("identical", "")
    assert small.replay(small.days[0]).outcome == "refused"


def test_what_goes_back_to_its_form_of_before_the_base_is_known_as_what_it_was(small: World, tmp_path: Path) -> None:
    used, held, mended = small.scenario.orders[3:6]
    import_sale(small, tmp_path, "12.50")
    small.shop_does("UPDATE orders SET credits_used = 2 WHERE order_id = ?", used.order_id)
    for order in (held, mended):
        small.shop_changes(order.order_id, currency="??")
    small.run()
    small.forget()
    small.run()
    small.shop_does("UPDATE orders SET credits_used = ? WHERE order_id = ?", used.credits_used, used.order_id)
    small.shop_changes(mended.order_id, currency=mended.currency)
    import_sale(small, tmp_path, "13.50")
    small.run()
    assert small.replay().reason == ""
    waiting = {row.key for row in stored(small.engine, quarantine) if row.released_at is None}
    assert waiting & {held.order_id, mended.order_id} == {held.order_id}
    (imported,) = (row for row in stored(small.engine, transactions) if row.ref == "501")
    assert imported.amount_minor == 1350


def test_webhooks_of_before_a_base_count_after_it(small: World) -> None:
    small.push()
    small.run()
    small.forget()
    small.push()
    small.run()
    small.tribute.refund(next(one.uuid for one in small.scenario.purchases if one.payments))
    small.run()
    assert small.replay().reason == ""


def test_a_base_changed_by_hand_is_named(small: World, program: Program) -> None:
    small.forget()
    small.run()
    small.run()
    with write(small.engine) as connection:
        connection.execute(sa.update(replay_base_parts).where(replay_base_parts.c.number == 0).values(data=b"x"))
    small.configure(program.folder)
    ended = program("replay", "--date", small.today.name)
    assert ended.code == 2
    assert "base 1 of 2026-03-11, with which it begins, was changed by hand" in ended.err


def test_days_stay_recomputable_after_an_erasure(small: World) -> None:
    sale = small.plain_sales[-1]
    small.forget()
    small.run()
    small.run()
    with write(small.engine) as connection:
        assert erase(connection, sale.email, "Ann", small.clock()).rows["replay_base_parts"]
    assert (small.replay().outcome, small.replay().reason) == ("identical", "")
