"""Transactions of a Tribute order become charges and refunds; what is not understood is set aside."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from providers.tribute import charges, records
from reconciler.model import Kind, Status
from tests.tribute_records import order, read, row
from tests.tribute_world import NOW, OTHER, UUID, sample


def test_the_sample_transaction_is_read_in_major_units():
    (charge,) = read(order(), row()).transactions
    assert (charge.ref, charge.amount_minor, charge.currency, charge.fee_minor) == (UUID, 100_000, "RUB", 8_000)
    assert charge.occurred_at == datetime(2025, 11, 13, 15, 4, 5, tzinfo=UTC)
    assert (charge.occurred_text, charge.occurred_exact) == ("1763046245", True)
    assert (charge.group_ref, charge.shared, charge.recurring) == (UUID, True, False)


def test_the_sample_double_charge_is_two_charges_of_one_order():
    reading = read(order(), *sample("api/get_shop_order_transactions_double_charge.json")["transactions"])
    assert [charge.ref for charge in reading.transactions] == [UUID, f"{UUID}:12346"]
    assert {charge.group_ref for charge in reading.transactions} == {UUID}
    assert [state.ref for state in reading.states] == [UUID, f"{UUID}:12346"]


def test_the_sample_recurring_order_begins_with_the_oldest_row_of_the_last_page():
    first, second = (sample(f"api/get_shop_order_transactions_page{page}.json")["transactions"] for page in (1, 2))
    found = order(uuid=OTHER, period="monthly")
    reading = charges.read(found, first + second, NOW)
    assert reading.transactions[0].ref == OTHER
    assert reading.transactions[0].occurred_text == "1711206245"
    assert len(reading.transactions) == 21
    assert all(charge.recurring for charge in reading.transactions)


def test_the_sample_refund_is_the_charge_and_money_going_back():
    charge, refund = read(
        order(), *sample("api/get_shop_order_transactions_refunded.json")["transactions"]
    ).transactions
    assert (refund.ref, refund.parent_ref, refund.kind) == (f"{UUID}:refund", charge.ref, Kind.REFUND)
    assert (refund.status, refund.amount_minor, refund.currency) == (Status.COMPLETED, 100_000, "RUB")
    assert (refund.occurred_at, refund.occurred_exact, refund.fee_minor) == (NOW, False, None)


def test_two_sales_of_one_second_are_ordered_by_their_numbers_not_their_texts():
    reading = read(order(), row(id=1000), row(id=999))
    assert [charge.ref for charge in reading.transactions] == [UUID, f"{UUID}:1000"]


def test_the_earlier_sale_is_the_first_whatever_its_number():
    reading = read(order(), row(id=999, createdAt=1763046305), row(id=1000))
    assert [charge.ref for charge in reading.transactions] == [UUID, f"{UUID}:999"]


def test_a_period_that_was_charged_by_itself_makes_its_order_recurring():
    assert read(order(period=None), row(isRecurring=True)).transactions[0].recurring


def test_a_row_that_two_pages_show_is_one_charge():
    reading = read(order(), row(isRefunded=False), row(isRefunded=True))
    assert [found.ref for found in reading.transactions] == [UUID, f"{UUID}:refund"]


def test_amounts_that_fit_only_as_minor_units_are_read_so():
    reading = read(order(), row(amount=100_000, serviceFee=8_000, total=92_000))
    assert (reading.transactions[0].amount_minor, reading.transactions[0].fee_minor) == (100_000, 8_000)
    assert reading.quarantined == ()


def test_an_amount_that_fits_in_neither_unit_is_set_aside_and_the_order_keeps_its_own():
    reading = read(order(), row(amount=999))
    (charge,) = reading.transactions
    assert (charge.ref, charge.amount_minor, charge.occurred_exact) == (UUID, 100_000, False)
    (aside,) = reading.quarantined
    assert (aside.source, aside.key) == ("tribute.transactions", f"{UUID}:12345")
    assert "neither" in aside.reason
    kept = {(raw.source, raw.key) for raw in reading.raws}
    assert (aside.source, aside.key) in kept, "it holds the place of the order's first sale"


def test_a_first_sale_that_fits_nothing_still_holds_its_place():
    reading = read(order(), row(amount=999), row(id=12346, createdAt=1763046305))
    assert [charge.ref for charge in reading.transactions] == [UUID, f"{UUID}:12346"]


def test_a_further_sale_that_fits_nothing_makes_no_charge():
    reading = read(order(), row(), row(id=12346, createdAt=1763046305, amount=999))
    assert [charge.ref for charge in reading.transactions] == [UUID]
    assert [aside.key for aside in reading.quarantined] == [f"{UUID}:12346"]


def test_a_refund_of_a_sale_whose_amount_fits_nothing_is_still_seen():
    reading = read(order(), row(amount=999, isRefunded=True))
    assert [(found.ref, found.amount_minor) for found in reading.transactions] == [
        (UUID, 100_000),
        (f"{UUID}:refund", 100_000),
    ]


@pytest.mark.parametrize("wrong", [{"amount": Decimal("1000.001")}, {"serviceFee": Decimal("79.999")}])
def test_more_than_two_decimals_are_refused(wrong):
    (aside,) = read(order(), row(**wrong)).quarantined
    assert "finer than a minor unit" in aside.reason


def test_two_decimals_are_exact():
    reading = read(order(amount=1_999), row(amount=Decimal("19.99"), serviceFee=Decimal("1.6")))
    assert (reading.transactions[0].amount_minor, reading.transactions[0].fee_minor) == (1_999, 160)


def test_the_same_number_in_another_currency_is_not_the_orders_price():
    (aside,) = read(order(), row(currency="usd")).quarantined
    assert "1000 USD is not the order's price (100000 RUB in minor units)" in aside.reason


def test_the_first_period_may_have_its_own_price():
    found = order(period="monthly", firstPeriodAmount=50_000)
    later = row(id=12346, createdAt=1765638245, isRecurring=True)
    reading = read(found, row(amount=500), later)
    assert [charge.amount_minor for charge in reading.transactions] == [50_000, 100_000]


def test_an_order_that_was_paid_in_stars_is_a_charge_in_stars():
    reading = read(order(starsAmount=250), row(amount=250, currency="XTR", serviceFee=None))
    assert (reading.transactions[0].amount_minor, reading.transactions[0].currency) == (250, "XTR")
    assert reading.transactions[0].fee_minor is None


def test_a_fee_that_is_not_stated_is_unknown_and_not_zero():
    record = row()
    del record["serviceFee"]
    assert read(order(), record).transactions[0].fee_minor is None


def test_a_flag_that_is_not_there_is_no_refund_and_no_denial():
    record = {name: value for name, value in row().items() if not name.startswith("is")}
    assert [found.kind for found in read(order(), record).transactions] == [Kind.CHARGE]


@pytest.mark.parametrize("flagged", [{"isRefunded": True}, {"isRefunded": None}, {"isRefunded": False}])
def test_a_negative_row_is_one_refund_with_its_own_time_whatever_the_flag_says(flagged):
    back = row(id=12346, amount=-1000, serviceFee=0, createdAt=1763132645)
    reading = read(order(), row(**flagged), back)
    charge, refund = reading.transactions
    assert (charge.kind, refund.ref, refund.amount_minor) == (Kind.CHARGE, f"{UUID}:refund", 100_000)
    assert (refund.occurred_text, refund.occurred_exact) == ("1763132645", True)
    assert reading.quarantined == ()


def test_a_row_of_a_refund_type_is_a_refund_even_if_it_is_positive():
    back = row(id=12346, type="shop_order_refund", createdAt=1763132645)
    _, refund = read(order(), row(), back).transactions
    assert (refund.kind, refund.reason) == (Kind.REFUND, "shop_order_refund")


def test_a_second_refund_row_gives_back_the_other_sale():
    sales = (row(isRefunded=True), row(id=12346, createdAt=1763046305))
    backs = (row(id=12347, amount=-1000, createdAt=1763132645), row(id=12348, amount=-1000, createdAt=1763132745))
    refunds = [found for found in read(order(), *sales, *backs).transactions if found.kind is Kind.REFUND]
    assert [refund.ref for refund in refunds] == [f"{UUID}:refund", f"{UUID}:12346:refund"]


def test_the_time_of_a_refund_row_is_not_claimed_for_one_of_two_equal_sales():
    sales = (row(isRefunded=True), row(id=12346, createdAt=1763046305))
    *_, refund = read(order(), *sales, row(id=12347, amount=-1000, createdAt=1763132645)).transactions
    assert (refund.occurred_at, refund.occurred_exact) == (NOW, False)


def test_a_refund_row_echoes_the_flagged_one_of_two_equal_sales():
    sales = (row(), row(id=12346, createdAt=1763046305, isRefunded=True))
    reading = read(order(), *sales, row(id=12347, amount=-1000, createdAt=1763132645))
    assert [found.ref for found in reading.transactions if found.kind is Kind.REFUND] == [f"{UUID}:12346:refund"]


def test_a_negative_row_that_may_belong_to_either_sale_is_set_aside():
    rows = (row(), row(id=12346, createdAt=1763046305), row(id=12347, amount=-1000, createdAt=1763132645))
    reading = read(order(), *rows)
    assert [found.kind for found in reading.transactions] == [Kind.CHARGE, Kind.CHARGE]
    assert "2 sales fit it" in reading.quarantined[0].reason


@pytest.mark.parametrize("strange", [{"amount": -500}, {"amount": -1000, "createdAt": 1763046000}])
def test_a_negative_row_that_fits_no_sale_is_set_aside(strange):
    reading = read(order(), row(), row(id=12346, **strange))
    assert len(reading.transactions) == 1
    assert len(reading.quarantined) == 1


def test_a_row_of_an_unknown_type_is_no_charge():
    reading = read(order(), row(), row(id=12346, type="shop_order_bonus", createdAt=1763046305))
    assert [found.ref for found in reading.transactions] == [UUID]
    assert reading.quarantined[0].reason.endswith("the type 'shop_order_bonus' is not known")


@pytest.mark.parametrize(
    "wrong", [{"id": None}, {"createdAt": None}, {"amount": "free"}, {"currency": None}, {"isRefunded": "no"}]
)
def test_a_row_that_cannot_be_understood_is_set_aside_and_the_rest_goes_on(wrong):
    reading = read(order(), row(), row(**{"id": 12346, "createdAt": 1763046305} | wrong))
    assert [found.ref for found in reading.transactions] == [UUID]
    assert len(reading.quarantined) == 1


def test_a_record_without_any_id_is_known_by_its_own_hash():
    one, again = (records.quarantined("tribute.orders", None, "no id", {"amount": 1}) for _ in range(2))
    other = records.quarantined("tribute.orders", None, "no id", {"amount": 2})
    assert len(one.key) == 64
    assert one.key == again.key != other.key


def test_a_paid_order_without_transactions_is_a_charge_of_its_own_amount():
    (charge,) = read(order(lastPaidTransactionAt="2025-11-13T15:06:00Z")).transactions
    assert (charge.ref, charge.status, charge.amount_minor) == (UUID, Status.PAID, 100_000)
    assert (charge.occurred_text, charge.occurred_exact) == ("2025-11-13T15:06:00Z", False)


def test_an_order_with_a_last_payment_is_paid_whatever_its_state():
    (charge,) = read(order(status="failed", lastPaidTransactionAt="2025-11-13T15:06:00Z"), row()).transactions
    assert charge.status is Status.PAID


@pytest.mark.parametrize("mark", [{"trialPeriod": "seven_days"}, {"isTrial": True}])
def test_a_trial_without_money_is_no_paid_charge(mark):
    found = order(period="monthly", **mark)
    assert [charge.status for charge in read(found).transactions] == [Status.TRIAL]
    assert [charge.status for charge in read(found, row(amount=0, total=0)).transactions] == [Status.TRIAL]


def test_the_first_sale_after_a_trial_is_the_orders_first_charge():
    found = order(period="monthly", trialPeriod="seven_days")
    reading = read(found, row(amount=0), row(id=12346, createdAt=1763651045))
    assert [(charge.ref, charge.status) for charge in reading.transactions] == [(UUID, Status.PAID)]


def test_a_postponed_look_never_replaces_what_is_known_better():
    (charge,) = charges.postponed(order()).transactions
    assert (charge.status, charge.listed) == (Status.PAID, False)


def test_a_trial_whose_transactions_cannot_be_read_claims_no_charge():
    trial = order(trialPeriod="seven_days")
    assert charges.postponed(trial).transactions == ()
    assert charges.unreadable(trial, NOW, "refused").transactions == ()
