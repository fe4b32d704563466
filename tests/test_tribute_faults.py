"""What goes wrong between the program and Tribute, what becomes of each fault, and what nobody may ever read."""

import pytest
import respx

from providers.tribute import build
from reconciler.errors import NeedsOperator, Retryable
from reconciler.model import Status
from reconciler.settings import TributeSettings
from tests.tribute_world import KEY, NOW, ORDERS, OTHER, PHYSICAL, SHOPS, SITE, TODAY, UUID, error_sample, paid, world

__all__ = ["paid", "world"]


# Passing faults


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("status", {"status": 500, "body": {"error": "error_refund_failed", "message": "failed"}}),
        ("status", {"status": 429, "body": {"error": "error_bad_request", "message": "too many requests"}}),
        ("status", {"status": 408}),
        ("html", {"status": 502}),
        ("cut", {}),
        ("reset", {}),
        ("not_json", {}),
        ("hang", {"seconds": 0.05}),
    ],
)
@pytest.mark.parametrize("path", [SHOPS, ORDERS, f"{ORDERS}/{UUID}/transactions"])
def test_a_passing_fault_is_tried_again_until_it_is_over(paid, kind, fault, path):
    paid.simulator.fault(path, kind, times=2, **fault)
    pulled = paid.pull()
    assert pulled.transactions[UUID].occurred_exact
    assert pulled.drained == [TODAY]
    assert len(paid.slept) == 2


@pytest.mark.parametrize("path", [SHOPS, ORDERS])
def test_a_fault_that_stays_ends_the_feed_without_a_claim(paid, path):
    paid.simulator.fault(path, "html", times=99, status=502)
    with pytest.raises(Retryable, match="answered 502"):
        paid.pull()


def test_a_limit_is_obeyed_as_long_as_it_asks(paid):
    paid.simulator.fault(ORDERS, "retry_after", seconds=7)
    paid.pull()
    assert paid.slept == [7.0]


def test_a_limit_that_names_no_time_is_met_with_growing_waits(paid):
    status, body = error_sample("generic_429.json")
    paid.simulator.fault(ORDERS, "status", times=3, status=status, body=body)
    paid.pull()
    assert paid.slept == [0.5, 1.0, 2.0]


def test_an_answer_behind_a_byte_order_mark_is_read(paid):
    paid.simulator.fault(ORDERS, "bom", times=2)
    assert paid.pull().transactions[UUID].occurred_exact


@pytest.mark.parametrize(
    "body", [b"", b"[{", b'{"rows": []}', b'"[]"', b"[NaN]", b'[{"uuid": ' + b"[" * 5000 + b"]" * 5000 + b"}]"]
)
def test_a_list_in_another_form_is_no_empty_list(body):
    with respx.mock(base_url=SITE) as site:
        site.get("/shops").respond(json=[{"id": 1, "status": 1}])
        site.get("/shop/orders").respond(content=body)
        settings = TributeSettings(base_url=SITE, api_key=KEY)
        provider = build(settings, now=lambda: NOW, sleep=lambda seconds: None)
        with pytest.raises(Retryable, match="GET /shop/orders"):
            list(provider.feeds()[0].fetch(TODAY))
        provider.close()


def test_an_unreadable_list_of_shops_is_no_account_without_shops():
    with respx.mock(base_url=SITE) as site:
        site.get("/shops").respond(json=[{"id": "first"}])
        provider = build(TributeSettings(base_url=SITE, api_key=KEY), now=lambda: NOW, sleep=lambda seconds: None)
        with pytest.raises(Retryable, match="shops cannot be understood"):
            list(provider.feeds()[0].fetch(TODAY))
        provider.close()


# One order that cannot be read, and many


def test_one_order_that_cannot_be_read_leaves_a_gap_and_stops_no_other(paid):
    paid.simulator.add_order(OTHER, created_at=NOW, status="paid")
    paid.simulator.fault(f"{ORDERS}/{OTHER}/transactions", "status", times=99)
    pulled = paid.pull()
    assert pulled.transactions[UUID].occurred_exact
    assert pulled.drained == []
    assert pulled.pages[-1].gap is not None
    assert pulled.pages[-1].gap.window == TODAY
    assert "1 orders" in pulled.pages[-1].gap.reason


def test_a_paid_order_is_a_charge_even_before_its_transactions_can_be_read(paid):
    paid.simulator.fault(f"{ORDERS}/{UUID}/transactions", "cut", times=99)
    charge = paid.pull().transactions[UUID]
    assert (charge.status, charge.amount_minor, charge.listed) == (Status.PAID, 100_000, False)


def test_three_unreadable_orders_in_a_row_mean_that_tribute_is_down(world):
    orders = [world.simulator.add_order(created_at=NOW, status="paid") for _ in range(25)]
    for uuid in orders:
        world.simulator.fault(f"{ORDERS}/{uuid}/transactions", "status", times=99)
    pages = world.pages()
    assert len(next(pages).transactions) == 20
    with pytest.raises(Retryable, match="answered 500"):
        next(pages)
    asked = {call.path for call in world.simulator.called(ORDERS) if "transactions" in call.path}
    assert len(asked) == 3


def test_three_unreadable_orders_at_the_very_end_are_no_gap_but_a_fault(world):
    for _ in range(3):
        uuid = world.simulator.add_order(created_at=NOW, status="paid")
        world.simulator.fault(f"{ORDERS}/{uuid}/transactions", "status", times=99)
    pages = world.pages()
    assert len(next(pages).transactions) == 3
    with pytest.raises(Retryable):
        next(pages)


def test_unreadable_orders_that_are_not_in_a_row_are_a_gap(world):
    for place in range(8):
        uuid = world.simulator.add_order(created_at=NOW, status="paid")
        if place % 2:
            world.simulator.fault(f"{ORDERS}/{uuid}/transactions", "status", times=99)
    gap = world.pull().pages[-1].gap
    assert gap is not None
    assert "4 orders" in gap.reason


@pytest.mark.parametrize("status", [403, 404])
def test_an_order_whose_transactions_are_refused_is_set_aside_and_still_a_charge(paid, status):
    paid.simulator.fault(f"{ORDERS}/{UUID}/transactions", "status", status=status, body={"error": "no_access"})
    pulled = paid.pull()
    assert pulled.transactions[UUID].status is Status.PAID
    assert [(aside.key, str(status) in aside.reason) for aside in pulled.quarantined] == [(UUID, True)]
    assert pulled.drained == [TODAY]


def test_a_key_that_ends_in_the_middle_stops_the_feed(paid):
    paid.simulator.fault(f"{ORDERS}/{UUID}/transactions", "status", status=401)
    with pytest.raises(NeedsOperator):
        paid.pull()


def test_a_single_look_that_fails_is_named_and_stops_no_other(paid):
    paid.simulator.fault(f"{ORDERS}/{OTHER}", "html", times=99)
    pages = paid.read(OTHER, UUID).pages
    assert UUID in {row.ref for page in pages for row in page.transactions}
    assert [(look.ref, "503" in look.reason) for page in pages for look in page.failed] == [(OTHER, True)]
    assert OTHER not in {state.ref for page in pages for state in page.states}


def test_three_single_looks_that_fail_in_a_row_are_the_last(paid):
    refs = [f"{UUID[:-1]}{last}" for last in range(1, 7)]
    paid.simulator.fault(ORDERS, "html", times=99)
    with pytest.raises(Retryable):
        paid.read(*refs)
    assert len({call.path for call in paid.simulator.called(ORDERS)}) == 3


def test_another_order_than_the_one_asked_for_is_not_taken():
    with respx.mock(base_url=SITE) as site:
        site.get("/shops").respond(json=[{"id": 1}])
        order = {"uuid": OTHER, "amount": 100, "currency": "rub", "status": "pending", "createdAt": 1763046245}
        site.get(f"/shop/orders/{UUID}").respond(json=order)
        provider = build(TributeSettings(base_url=SITE, api_key=KEY), now=lambda: NOW, sleep=lambda seconds: None)
        (page,) = provider.read([UUID])
        assert (page.transactions, page.states) == ((), ())
        assert OTHER in page.failed[0].reason
        provider.close()


# Goods


@pytest.mark.parametrize("status", [403, 404])
def test_goods_that_may_not_be_read_break_nothing(paid, status):
    paid.simulator.add_physical(5)
    paid.simulator.fault(PHYSICAL, "status", status=status, body={"error": "no_access"})
    pulled = paid.pull("tribute.physical")
    assert (pulled.transactions, pulled.drained) == ({}, [TODAY])
    assert UUID in paid.pull().transactions


def test_goods_refused_in_the_middle_are_not_taken_for_the_end(world):
    for number in range(1, 52):
        world.simulator.add_physical(number)
    world.simulator.fault(PHYSICAL, "status", skip=1, status=403)
    with pytest.raises(NeedsOperator):
        world.pull("tribute.physical")


def test_a_page_of_goods_beyond_the_last_may_be_a_404(world):
    for number in range(1, 51):
        world.simulator.add_physical(number)
    world.simulator.fault(PHYSICAL, "status", skip=1, status=404)
    assert world.pull("tribute.physical").drained == [TODAY]


def test_pages_of_goods_that_repeat_themselves_are_not_read_for_ever():
    with respx.mock(base_url=SITE) as site:
        row = {"id": 1, "status": "pending"}
        site.get("/physical/orders").respond(json={"rows": [row], "meta": {"total": 9, "offset": 1, "limit": 1}})
        provider = build(TributeSettings(base_url=SITE, api_key=KEY), now=lambda: NOW, sleep=lambda seconds: None)
        with pytest.raises(Retryable, match="repeats itself"):
            list(provider.feeds()[1].fetch(TODAY))
        provider.close()
