"""Reading a simulated Tribute over real HTTP: which days, which pages, and what each unknown looks like."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from providers.simulators.tribute import TributeSimulator
from providers.tribute.feeds import days
from reconciler.errors import NeedsOperator
from reconciler.model import Kind, Status, Window
from tests.tribute_world import NOW, OTHER, TODAY, UUID, World, provider_for

ORDERS, PHYSICAL = "/api/v1/shop/orders", "/api/v1/physical/orders"


@pytest.fixture
def world() -> Iterator[World]:
    with TributeSimulator(now=lambda: NOW) as simulator:
        slept: list[float] = []
        provider = provider_for(simulator, slept)
        yield World(simulator, provider, slept)
        provider.close()


def day_calls(world: World) -> list[tuple[str, str]]:
    calls = [call for call in world.simulator.called(ORDERS) if call.path == ORDERS]
    return [(call.query["shopId"], call.query["dateFrom"]) for call in calls if call.query["dateTo"]]


def with_settings(world: World, **settings) -> World:
    world.provider.close()
    world.provider = provider_for(world.simulator, world.slept, **settings)
    return world


# Days, shops and pages


@pytest.mark.parametrize(
    ("since", "until", "touched"),
    [
        ("2026-11-21T23:59:59Z", "2026-11-22T00:00:00Z", [21]),
        ("2026-11-21T23:59:59Z", "2026-11-22T00:00:01Z", [21, 22]),
        ("2026-11-22T02:00:00+03:00", "2026-11-22T12:00:00+03:00", [21, 22]),
        ("2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", []),
    ],
)
def test_a_window_touches_the_utc_days_that_it_lies_in(since, until, touched):
    window = Window(datetime.fromisoformat(since), datetime.fromisoformat(until))
    assert list(days(window)) == [date(2026, 11, day) for day in touched]


def test_each_day_of_each_shop_is_asked_for_by_shop_id(world):
    world.simulator.shops = [1, 7]
    world.pull(window=Window(NOW - timedelta(days=1), NOW))
    assert day_calls(world) == [("1", "2026-11-21"), ("1", "2026-11-22"), ("7", "2026-11-21"), ("7", "2026-11-22")]


def test_only_configured_shops_are_read(world):
    world.simulator.shops = [1, 7]
    world.simulator.add_order(UUID, shop_id=1, status="paid")
    world.simulator.add_order(OTHER, shop_id=7, status="paid")
    assert set(with_settings(world, shop_ids=(7,)).pull().transactions) == {OTHER}
    assert {call.query["shopId"] for call in world.simulator.called(ORDERS)} == {"7"}


def test_a_configured_shop_that_the_key_does_not_show_needs_an_operator(world):
    with pytest.raises(NeedsOperator, match=r"shop_ids names 8, 9"):
        with_settings(world, shop_ids=(9, 1, 8)).pull()


def test_an_account_without_shops_has_nothing_to_pull(world):
    world.simulator.shops = []
    world.simulator.switches.empty = "null"
    pulled = world.pull()
    assert (pulled.transactions, pulled.drained) == ({}, [TODAY])


@pytest.mark.parametrize("empty", ["list", "null"])
def test_an_empty_day_is_read_completely(world, empty):
    world.simulator.switches.empty = empty
    pulled = world.pull()
    assert (pulled.transactions, pulled.drained) == ({}, [TODAY])


def test_only_the_last_page_says_that_the_window_is_complete(world):
    for _ in range(45):
        world.simulator.add_order(created_at=NOW)
    pulled = world.pull()
    assert [len(page.transactions) for page in pulled.pages] == [20, 20, 5, 0]
    assert [page.drained for page in pulled.pages] == [None, None, None, TODAY]


def test_a_page_is_handed_over_before_the_next_orders_are_read(world):
    for _ in range(21):
        world.simulator.add_order(created_at=NOW, status="paid")
    next(world.pages())
    assert len([call for call in world.simulator.called(ORDERS) if "transactions" in call.path]) == 20


def test_transactions_are_read_to_the_last_page_before_the_first_sale_is_named(world):
    world.simulator.add_order(UUID, created_at=NOW, period="monthly")
    first = world.simulator.pay(UUID, at=NOW - timedelta(days=1200))
    later = [world.simulator.charge_again(UUID, at=NOW - timedelta(days=1200 - 30 * n)) for n in range(1, 41)]
    pulled = world.pull()
    assert set(pulled.transactions) == {UUID, *(f"{UUID}:{number}" for number in later)}
    assert ("tribute.transactions", f"{UUID}:{first}") in pulled.raws
    assert pulled.transactions[UUID].occurred_at == NOW - timedelta(days=1200)
    starts = [call.query.get("startFrom") for call in world.simulator.called(f"{ORDERS}/{UUID}/transactions")]
    assert starts == [None, "20", "40"]


def test_pages_in_a_circle_set_the_order_aside_and_the_others_go_on(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.add_order(OTHER, created_at=NOW)
    world.simulator.switches.paging = "circle"
    pulled = world.pull()
    assert pulled.transactions[UUID].status is Status.PAID
    assert pulled.transactions[OTHER].status is Status.PENDING
    assert [(aside.source, aside.key) for aside in pulled.quarantined] == [("tribute.orders", UUID)]
    assert "circle" in pulled.quarantined[0].reason
    assert pulled.drained == [TODAY]


def test_transactions_that_never_end_are_refused(world, monkeypatch):
    monkeypatch.setattr("providers.tribute.client.MAX_PAGES", 3)
    world.simulator.switches.page_size = 1
    world.simulator.add_order(UUID, created_at=NOW, status="paid", period="monthly")
    for _ in range(3):
        world.simulator.charge_again(UUID)
    assert "past 3 pages" in world.pull().quarantined[0].reason


def test_an_order_set_aside_is_released_by_its_raw_record_once_it_can_be_read(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.switches.paging = "circle"
    held = world.pull()
    assert [(one.source, one.key) for one in held.quarantined] == [("tribute.orders", UUID)]
    assert held.raws["tribute.orders", UUID].how == "r", "what it says by itself is stored, and counts as doubtful"
    world.simulator.switches.paging = "right"
    read = world.pull()
    assert (read.quarantined, read.raws["tribute.orders", UUID].how) == ([], "")


# Orders and what becomes of them


def test_an_order_carries_what_matching_needs(world):
    world.simulator.add_order(
        UUID, created_at=NOW, status="paid", title="100 credits", email="Buyer@Shop.Example", customer_id="order-1",
        comment="note", telegramUserId=5_123_456_789,
    )  # fmt: skip
    pulled = world.pull()
    charge, state = pulled.transactions[UUID], pulled.states[UUID]
    assert (charge.title, charge.buyer_email, charge.telegram_user_id) == (
        "100 credits",
        "buyer@shop.example",
        "5123456789",
    )
    assert (charge.amount_minor, charge.currency, charge.product_id, charge.fee_minor) == (100_000, "RUB", None, 8_000)
    assert (state.found, state.state, state.claimed, state.echoes) == (True, "paid", None, ("order-1", "note"))
    assert state.read_at == NOW


@pytest.mark.parametrize("state", ["pending", "failed", "prepaid"])
def test_an_unpaid_order_is_a_charge_of_its_state_and_its_transactions_are_not_asked_for(world, state):
    world.simulator.add_order(UUID, created_at=NOW, status=state)
    assert world.pull().transactions[UUID].status == state
    assert world.simulator.called(f"{ORDERS}/{UUID}") == []


def test_an_order_that_flips_to_paid_later_keeps_its_ref(world):
    world.simulator.add_order(UUID, created_at=NOW - timedelta(hours=3))
    assert world.pull().transactions[UUID].status is Status.PENDING
    world.simulator.pay(UUID, at=NOW - timedelta(hours=1))
    charge = world.pull().transactions[UUID]
    assert (charge.status, charge.occurred_at) == (Status.PAID, NOW - timedelta(hours=1))


def test_an_unknown_state_is_kept_as_text_and_the_rest_goes_on(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.set_status(UUID, "on_hold")
    world.simulator.add_order(OTHER, created_at=NOW, status="paid")
    pulled = world.pull()
    assert (pulled.transactions[UUID].status, pulled.states[UUID].state) == (Status.UNKNOWN, "on_hold")
    assert pulled.transactions[OTHER].status is Status.PAID


def test_money_that_went_back_is_seen_even_in_an_unknown_state(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.refund(UUID)
    world.simulator.set_status(UUID, "refunded")
    assert world.pull().transactions[f"{UUID}:refund"].status is Status.COMPLETED


def test_a_trial_becomes_paid_with_its_first_sale(world):
    world.simulator.add_order(UUID, created_at=NOW, period="monthly", trialPeriod="seven_days")
    world.simulator.set_status(UUID, "paid")
    assert world.pull().transactions[UUID].status is Status.TRIAL
    world.simulator.pay(UUID)
    assert world.pull().transactions[UUID].status is Status.PAID


def test_a_double_charge_is_a_second_charge_of_the_same_order(world):
    world.simulator.add_order(UUID, created_at=NOW - timedelta(minutes=5), status="paid")
    second = world.simulator.charge_again(UUID, at=NOW)
    pulled = world.pull()
    assert {(row.ref, row.group_ref, row.recurring) for row in pulled.transactions.values()} == {
        (UUID, UUID, False),
        (f"{UUID}:{second}", UUID, False),
    }


def test_a_recurring_order_has_a_charge_for_each_period(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid", period="monthly")
    second = world.simulator.charge_again(UUID, at=NOW + timedelta(days=30))
    charge = world.pull().transactions[f"{UUID}:{second}"]
    assert (charge.recurring, charge.group_ref, charge.status) == (True, UUID, Status.PAID)


def test_a_first_period_of_its_own_price_is_what_the_buyer_paid(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid", period="monthly", firstPeriodAmount=50_000)
    assert world.pull().transactions[UUID].amount_minor == 50_000


def test_a_refund_that_nobody_asked_for_is_a_refund_of_its_charge(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    second = world.simulator.charge_again(UUID, at=NOW + timedelta(seconds=1))
    world.simulator.refund(UUID, second)
    refunds = [row for row in world.pull().transactions.values() if row.kind is Kind.REFUND]
    assert [(row.ref, row.parent_ref, row.seller_started) for row in refunds] == [
        (f"{UUID}:{second}:refund", f"{UUID}:{second}", False)
    ]


# Switches: what nobody documents


@pytest.mark.parametrize("unit", ["major", "minor"])
def test_transactions_in_either_unit_give_the_same_money(world, unit):
    world.simulator.switches.transaction_unit = unit
    world.simulator.add_order(UUID, amount_minor=123_456, created_at=NOW, status="paid")
    charge = world.pull().transactions[UUID]
    assert (charge.amount_minor, charge.fee_minor, charge.occurred_exact) == (123_456, 9_876, True)


@pytest.mark.parametrize(("flips_at", "seen"), [("initiated", True), ("completed", False)])
def test_a_refund_is_seen_when_its_flag_flips(world, flips_at, seen):
    world.simulator.switches.refunded_at = flips_at
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.refund(UUID, completed=False)
    assert (f"{UUID}:refund" in world.pull().transactions) is seen
    world.simulator.refund(UUID)
    assert f"{UUID}:refund" in world.pull().transactions


@pytest.mark.parametrize("form", ["off", "negative", "typed"])
def test_a_refund_with_or_without_a_row_of_its_own_is_one_refund_and_no_charge(world, form):
    world.simulator.switches.refund_row = form
    world.simulator.add_order(UUID, created_at=NOW - timedelta(hours=1), status="paid")
    world.simulator.refund(UUID, at=NOW - timedelta(minutes=10))
    pulled = world.pull()
    assert set(pulled.transactions) == {UUID, f"{UUID}:refund"}
    assert pulled.quarantined == []
    seen_at = NOW if form == "off" else NOW - timedelta(minutes=10)
    assert pulled.transactions[f"{UUID}:refund"].occurred_at == seen_at


@pytest.mark.parametrize("form", ["rfc3339", "no_zone"])
def test_a_time_of_creation_with_or_without_a_zone_is_utc(world, form):
    world.simulator.switches.created_at = form
    world.simulator.add_order(UUID, created_at=NOW - timedelta(hours=2))
    assert world.pull().transactions[UUID].occurred_at == NOW - timedelta(hours=2)


@pytest.mark.parametrize("case", ["lower", "upper"])
def test_a_currency_in_either_case_is_the_same(world, case):
    world.simulator.switches.currency = case
    world.simulator.add_order(UUID, created_at=NOW, status="paid", currency="eur")
    assert world.pull().transactions[UUID].currency == "EUR"


@pytest.mark.parametrize("ids", ["number", "text"])
def test_numbers_of_transactions_beyond_31_bits_are_read_in_either_form(world, ids):
    world.simulator.switches.ids = ids
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    second = world.simulator.charge_again(UUID, at=NOW + timedelta(seconds=1))
    assert second > 2**31
    assert set(world.pull().transactions) == {UUID, f"{UUID}:{second}"}


def test_an_empty_list_of_transactions_may_be_null(world):
    world.simulator.switches.empty = "null"
    world.simulator.add_order(UUID, created_at=NOW)
    world.simulator.set_status(UUID, "paid")
    charge = world.pull().transactions[UUID]
    assert (charge.status, charge.amount_minor, charge.occurred_exact) == (Status.PAID, 100_000, False)


def test_absent_flags_deny_nothing_and_claim_nothing(world):
    world.simulator.add_order(UUID, created_at=NOW)
    world.simulator.pay(UUID, flags=False)
    assert set(world.pull().transactions) == {UUID}


def test_unknown_fields_change_nothing(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.add_physical(5)
    before = world.pull().transactions, world.pull("tribute.physical").transactions
    world.simulator.switches.unknown_fields = True
    assert (world.pull().transactions, world.pull("tribute.physical").transactions) == before


@pytest.mark.parametrize(("states", "paid"), [("new", True), ("old", False)])
def test_refunded_goods_are_a_refund_only_where_tribute_says_so(world, states, paid):
    world.simulator.switches.physical_states = states
    world.simulator.add_physical(5, status="refunded")
    assert ("physical:5:refund" in world.pull("tribute.physical").transactions) is paid


def test_processing_goods_are_paid_under_either_name(world):
    world.simulator.add_physical(5, status="processing")
    seen = []
    for states in ("new", "old"):
        world.simulator.switches.physical_states = states
        pulled = world.pull("tribute.physical")
        seen.append((pulled.states["physical:5"].state, pulled.transactions["physical:5"].status))
    assert seen == [("pending", Status.PAID), ("processing", Status.PAID)]


# Records that cannot be understood


def test_an_order_that_cannot_be_understood_is_set_aside_and_the_rest_goes_on(world):
    world.simulator.add_order(UUID, created_at=NOW, amount="a lot")
    world.simulator.add_order(created_at=NOW, createdAt="never")
    world.simulator.add_order(OTHER, created_at=NOW, status="paid")
    pulled = world.pull()
    assert set(pulled.transactions) == {OTHER}
    assert UUID in {aside.key for aside in pulled.quarantined}
    assert len(pulled.quarantined) == 2
    assert pulled.drained == [TODAY]


def test_an_order_without_an_id_is_set_aside_under_its_hash(world):
    world.simulator.add_order(created_at=NOW, uuid="550e8400-e29b-41d4-a716-446655440001")
    world.simulator._orders["550e8400-e29b-41d4-a716-446655440001"].extra["uuid"] = "none"
    (aside,) = world.pull().quarantined
    assert (aside.source, len(aside.key)) == ("tribute.orders", 64)


def test_a_row_of_an_unknown_type_is_set_aside_and_its_order_is_read(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.add_row(UUID, type="shop_order_bonus", amount=1000, currency="rub")
    pulled = world.pull()
    assert set(pulled.transactions) == {UUID}
    assert [aside.source for aside in pulled.quarantined] == ["tribute.transactions"]


# The sweep, goods, and single orders


def test_the_feeds_are_the_sales_the_goods_and_a_daily_sweep_of_180_days(world):
    feeds = {feed.name: feed for feed in world.provider.feeds()}
    assert list(feeds) == ["tribute.sales", "tribute.physical", "tribute.sweep"]
    assert [name for name, feed in feeds.items() if feed.main] == ["tribute.sales"]
    sweep = feeds["tribute.sweep"]
    assert (sweep.reach, sweep.every) == (timedelta(days=180), timedelta(days=1))
    assert (feeds["tribute.sales"].reach, feeds["tribute.sales"].every) == (None, None)


def test_the_sweep_finds_a_late_refund_and_a_new_period_of_an_old_order(world):
    old = NOW - timedelta(days=170)
    world.simulator.add_order(UUID, created_at=old, status="paid", period="monthly")
    later = world.simulator.charge_again(UUID, at=NOW - timedelta(days=1))
    world.simulator.refund(UUID, later)
    assert world.pull().transactions == {}
    window = Window(NOW - timedelta(days=180), NOW)
    pulled = world.pull("tribute.sweep", window)
    assert set(pulled.transactions) == {UUID, f"{UUID}:{later}", f"{UUID}:{later}:refund"}
    assert pulled.drained == [window]
    assert {page.feed for page in pulled.pages} == {"tribute.sweep"}


def test_goods_are_read_by_page_numbers_until_a_page_is_short(world):
    for number in range(1, 121):
        world.simulator.add_physical(number)
    pulled = world.pull("tribute.physical")
    assert len(pulled.transactions) == 120
    assert [call.query["page"] for call in world.simulator.called(PHYSICAL)] == ["1", "2", "3"]
    assert [page.drained for page in pulled.pages] == [None, None, None, TODAY]


def test_goods_that_fill_their_last_page_end_with_an_empty_one(world):
    for number in range(1, 51):
        world.simulator.add_physical(number)
    assert len(world.pull("tribute.physical").transactions) == 50
    assert [call.query["page"] for call in world.simulator.called(PHYSICAL)] == ["1", "2"]


def test_an_account_without_goods_has_an_empty_complete_feed(world):
    pulled = world.pull("tribute.physical")
    assert (pulled.transactions, pulled.drained) == ({}, [TODAY])


def test_a_single_order_is_read_with_its_charges_and_refunds(world):
    world.simulator.add_order(UUID, created_at=NOW - timedelta(days=900), status="paid", customer_id="order-1")
    world.simulator.refund(UUID)
    pulled = world.read(UUID)
    assert set(pulled.transactions) == {UUID, f"{UUID}:refund"}
    assert pulled.states[UUID].echoes == ("order-1",)
    assert pulled.drained == []


def test_refs_of_one_order_share_a_single_look(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    second = world.simulator.charge_again(UUID, at=NOW + timedelta(seconds=1))
    pulled = world.read(UUID, f"{UUID}:{second}", UUID.upper())
    assert len(pulled.pages) == 1
    assert {ref: state.found for ref, state in pulled.states.items()} == {UUID: True, f"{UUID}:{second}": True}
    assert len(world.simulator.called(f"{ORDERS}/{UUID}")) == 2


def test_an_order_that_tribute_does_not_know_is_not_found(world):
    pulled = world.read(UUID)
    assert (pulled.transactions, pulled.states[UUID].found) == ({}, False)


def test_a_transaction_that_its_order_does_not_have_is_not_found(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    states = world.read(f"{UUID}:77").states
    assert (states[UUID].found, states[f"{UUID}:77"].found) == (True, False)


def test_nothing_is_said_about_a_transaction_that_may_be_the_unreadable_one(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    world.simulator.add_row(UUID, id=77, amount="much", currency="rub")
    assert set(world.read(f"{UUID}:77").states) == {UUID}


def test_an_order_is_looked_for_in_every_shop(world):
    world.simulator.shops = [1, 7]
    world.simulator.add_order(UUID, shop_id=7, status="paid")
    assert world.read(UUID).states[UUID].found
    assert [call.query["shopId"] for call in world.simulator.called(f"{ORDERS}/{UUID}")] == ["1", "7", "7"]


def test_someone_elses_order_is_not_found(world):
    world.simulator.shops = [1, 7]
    world.simulator.add_order(UUID, shop_id=7, status="paid")
    assert not with_settings(world, shop_ids=(1,)).read(UUID).states[UUID].found


def test_purchases_and_goods_cannot_be_looked_up_and_cost_no_call(world):
    assert world.read("12345", "physical:5", "T-77", "").pages == []
    assert world.simulator.calls == []


def test_times_of_the_whole_world_are_utc(world):
    world.simulator.add_order(UUID, created_at=NOW, status="paid")
    assert {row.occurred_at.tzinfo for row in world.pull().transactions.values()} == {UTC}
