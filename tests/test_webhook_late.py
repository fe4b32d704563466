"""Events that come again or come late change nothing that was true, and by themselves do nothing to an account."""

import sqlalchemy as sa

from jobs.inbox import Inbox
from providers import build_receivers
from reconciler.schema_told import commands
from reconciler.store.engine import read
from tests.builders import ago
from tests.stores import engine, url
from tests.webhook_stage import purchase, purchase_refund, pushed, shop_order, tribute
from tests.webhook_world import Pushed, both, facts, stored

__all__ = ["engine", "pushed", "tribute", "url"]


def test_replays_change_nothing_even_years_later(pushed: Pushed) -> None:
    original = [purchase(), purchase_refund(), shop_order()]
    pushed.receive(*original).work()
    before = facts(pushed.engine)
    for days in (1, 30, 730):
        pushed.later(days=days).receive(*original).work()
    assert facts(pushed.engine) == before
    assert [row["deliveries"] for row in stored(pushed.engine)] == [4, 4, 4]


def test_an_event_older_than_every_retry_is_a_fact_and_is_marked(pushed: Pushed) -> None:
    pushed.receive(purchase(1, ago(hours=25)), purchase(2, ago(hours=27))).work()
    first, second = stored(pushed.engine)
    assert (first["late"], first["result"], second["late"]) == (False, "stored", True)
    assert "compare with the provider's dashboard" in second["result"]
    assert set(facts(pushed.engine)) == {"1", "2"}


def test_a_late_refund_in_mode_auto_is_a_finding_for_a_person_and_no_command(engine: sa.Engine) -> None:
    auto = both()
    policy = auto.policy.model_copy(update={"suspension_mode": "auto", "auto_effects": ("suspend", "forfeit", "ban")})
    pushed = Pushed(engine, settings=auto.model_copy(update={"policy": policy}))
    pushed.world().complete().judge()  # what is there at the first run never acts by itself anyway
    pushed.receive(purchase(1, ago(days=40)), purchase_refund(1, at=ago(days=30))).later(hours=1).work()
    (finding,) = pushed.findings("suspected_chargeback")
    assert (finding["transaction_ids"], finding["recommendation"]) == (["1"], "manual")
    with read(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(commands)).scalar_one() == 0


def test_in_a_flood_each_pass_reads_a_few_and_others_get_their_turn_in_between(pushed: Pushed) -> None:
    pushed.receive(*(purchase(number) for number in range(1, 121)))
    receivers = {one.name: one for one in build_receivers(pushed.settings)}
    turns: list[int] = []

    def waiting() -> int:
        return sum(row["state"] == "waiting" for row in stored(pushed.engine))

    flood = Inbox(pushed.engine, receivers, lambda: [], lambda: pushed.now, stopped=lambda: True)
    flood.work()
    assert waiting() == 70
    calm = Inbox(pushed.engine, receivers, lambda: [], lambda: pushed.now, give_way=lambda: turns.append(waiting()))
    calm.work()
    assert turns == [20, 0]
