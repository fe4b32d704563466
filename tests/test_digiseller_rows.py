"""What the rows of the sales list become on their way through a pass."""

from datetime import timedelta
from decimal import Decimal

import pytest

from providers.digiseller import sales
from reconciler.model import Kind, Status, Window
from reconciler.text import code_hash
from tests.digiseller_desk import DAY, NOW, Desk, body, charges, drained, sample, transactions


@pytest.fixture
def desk():
    with Desk() as desk:
        yield desk


def test_rows_are_stored_raw_without_the_goods(desk):
    sold = desk.sim.add_sale(NOW - timedelta(hours=1), code="0A1B2C3D4E5F6071")
    (page,) = desk.pull()
    (raw,) = page.raws
    assert (raw.provider, raw.source, raw.key) == ("digiseller", "digiseller.sales", str(sold.invoice_id))
    assert raw.body["amount_in"] == Decimal("4.99")
    assert "product_entry" not in raw.body
    assert raw.body["product_entry_id"] == sold.entries[0]
    assert page.transactions[0].code_hash == code_hash("0A1B2C3D4E5F6071")
    assert "0A1B2C3D4E5F6071" not in repr(page)


def test_a_row_that_cannot_be_understood_is_put_aside_and_the_others_go_on(desk):
    refs = desk.sell(2)
    bad = desk.sim.add_sale(NOW - timedelta(hours=1), extra={"amount_in": "a lot"}, code="0A1B2C3D4E5F6071")
    pages = desk.pull()
    assert (charges(pages), drained(pages)) == (refs, [DAY])
    (aside,) = pages[-1].quarantined
    assert (aside.source, aside.key) == ("digiseller.sales", str(bad.invoice_id))
    assert "amount_in" in aside.reason
    assert "0A1B2C3D4E5F6071" not in repr(aside)
    assert str(bad.invoice_id) not in [raw.key for raw in pages[-1].raws]


def test_a_row_without_an_invoice_is_put_aside_under_its_digest(desk):
    desk.sim.add_sale(NOW - timedelta(hours=1), extra={"invoice_id": None})
    first, again = (desk.pull()[-1].quarantined[0] for _ in range(2))
    assert first.key == again.key
    assert len(first.key) == 64


def test_a_repaired_row_is_read_under_the_same_key(desk):
    bad = desk.sim.add_sale(NOW - timedelta(hours=1), extra={"date_pay": "soon"})
    assert desk.pull()[-1].quarantined[0].key == str(bad.invoice_id)
    desk.sim.change(bad.invoice_id, extra={})
    assert [raw.key for raw in desk.pull()[-1].raws] == [str(bad.invoice_id)]


def test_unknown_fields_and_a_bom_are_ignored(desk):
    desk.sim.switches.extra_fields = desk.sim.switches.bom = True
    refs = desk.sell(3)
    assert charges(desk.pull()) == refs


def test_numbers_that_come_as_text_read_alike(desk):
    desk.sell(3)
    plain = transactions(desk.pull())
    desk.sim.switches.numbers_as_text = True
    assert transactions(desk.pull()) == plain


def test_a_returned_sale_gives_charge_and_refund(desk):
    ref = desk.sell(1)[0]
    desk.sim.start_refund(int(ref))
    assert list(transactions(desk.pull())) == [ref]
    desk.sim.finish_refund(int(ref))
    charge, refund = desk.pull()[-1].transactions
    assert (charge.kind, charge.status) == (Kind.CHARGE, Status.PAID)
    assert (refund.ref, refund.status, refund.amount_minor) == (f"{ref}:refund", Status.COMPLETED, 499)
    assert (refund.occurred_at, refund.occurred_exact) == (NOW, False)


def test_the_refund_of_an_old_sale_is_found_by_the_sweep_alone(desk):
    old = desk.sim.add_sale(NOW - timedelta(days=100))
    desk.sim.add_sale(NOW - timedelta(days=99))
    desk.sim.finish_refund(old.invoice_id)
    sweep = next(feed for feed in desk.provider.feeds() if feed.name == "digiseller.sweep")
    assert (sweep.reach, sweep.every, sweep.main) == (timedelta(days=180), timedelta(days=1), False)
    assert charges(desk.pull()) == []
    pages = list(sweep.fetch(Window(NOW - sweep.reach, NOW)))
    assert list(transactions(pages)) == [str(old.invoice_id), f"{old.invoice_id}:refund"]
    assert {page.feed for page in pages} == {"digiseller.sweep"}
    assert {raw.source for page in pages for raw in page.raws} == {"digiseller.sales"}
    assert body(desk.sim.calls[-1])["returned"] == 2


def test_an_invoice_with_several_entries_is_charged_once_and_noted(desk):
    desk.sim.add_sale(NOW - timedelta(hours=1), 190000001, entries=(41600012, 41600009, 41600010))
    (page,) = desk.pull()
    assert [found.ref for found in page.transactions] == ["190000001"]
    assert page.raws[0].body["product_entry_id"] == 41600009
    notes = {aside.key: aside.reason for aside in page.quarantined}
    assert set(notes) == {"190000001:41600010", "190000001:41600012"}
    assert notes["190000001:41600010"].startswith("invoice 190000001 came with several content entries: ")
    assert "amount_in 4.99, amount_currency WMZ, returned 0" in notes["190000001:41600010"]
    assert page.drained == DAY


def test_the_smallest_entry_wins_across_pages_too(desk, monkeypatch):
    monkeypatch.setattr(sales, "ROWS", 3)
    desk.sim.switches.order = "oldest"
    desk.sim.add_sale(NOW - timedelta(hours=3), 190000001, entries=(7, 8, 9, 6))
    first, second = desk.pull()
    assert first.raws[0].body["product_entry_id"] == 7
    assert second.raws[0].body["product_entry_id"] == 6
    assert {aside.key for aside in (*first.quarantined, *second.quarantined)} == {
        "190000001:7",
        "190000001:8",
        "190000001:9",
    }


def test_a_total_that_counts_invoices_instead_of_entries_agrees_too():
    seen = sales._Pass({("1", "a"), ("1", "b"), ("2", "c")})
    assert (seen.fault(3), seen.fault(2)) == (None, None)
    assert seen.fault(4)


def test_a_repeated_row_is_counted_and_given_once(desk):
    row = sample("seller_sells_v2_page1.json")["rows"][0]
    seen = sales._Pass()
    feed = sales.SalesFeed(desk.provider._client, lambda: NOW, "digiseller.sales")
    page = feed._page([row, row], seen)
    assert (len(seen.keys), len(page.transactions), page.quarantined) == (1, 1, ())
