"""The sales list read window by window, with proof that nothing was missed while its pages shifted (fact sheet A3)."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from providers.digiseller import parse
from providers.digiseller.client import Client, verdict
from providers.digiseller.fields import digest, invoice, kept, moscow_text, plain, whole
from reconciler.errors import BadRecord, Retryable
from reconciler.model import Gap, Page, Quarantined, RawRecord, Transaction, Window

ROWS = 1000
PASSES = 3
MANY_PAGES = 20
MAX_PAGES = 200
MAX_SIZE_SPLITS = 6
MAX_DOUBT_SPLITS = 3
SHORTEST_SPLIT = timedelta(minutes=1)
OVERLAP = timedelta(seconds=1)
ALL, ONLY_RETURNED = 0, 2


@dataclass(frozen=True, slots=True)
class _Listed:
    """One page of the list as answered: how much there is in all, and this page's rows."""

    total_rows: int
    pages: int
    rows: list[Any]


@dataclass(frozen=True, slots=True)
class _End:
    """The last page of a pass, and what speaks against calling the window complete (None: nothing)."""

    page: Page
    fault: str | None
    large: bool = False


@dataclass(slots=True)
class _Pass:
    """What one pass over a window has seen: rows by (invoice, entry), and the entry each invoice was taken from."""

    keys: set[tuple[str, str]] = field(default_factory=set)
    taken: dict[str, str] = field(default_factory=dict)

    def fault(self, total_rows: int) -> str | None:
        """Whether the rows seen are as many as the list says it has (by entries or, where it counts so, invoices)."""
        if total_rows in (len(self.keys), len({ref for ref, _ in self.keys})):
            return None
        return f"{PASSES} passes saw other counts than the list: {len(self.keys)} rows against total_rows {total_rows}"


@dataclass(frozen=True, slots=True)
class SalesFeed:
    """Sales with a payment time in a window; `returned` chooses all of them or only the refunded ones."""

    client: Client
    now: Callable[[], datetime]
    name: str
    returned: int = ALL

    def fetch(self, window: Window) -> Iterator[Page]:
        """Pages of `window`, whose end must be past. Large windows are read, and completed, piece by piece.

        A pass whose count disagrees with the list's proves nothing and is repeated; after three the window is halved,
        and a piece that still disagrees ends in a gap. Raises Retryable or NeedsOperator.
        """
        yield from self._read(window, MAX_SIZE_SPLITS, MAX_DOUBT_SPLITS)

    def _read(self, window: Window, size_splits: int, doubt_splits: int) -> Iterator[Page]:
        halves = _halves(window)
        for attempt in range(1, PASSES + 1):
            end = yield from self._pass(window, splittable=bool(halves) and size_splits > 0)
            if end.fault is None:
                yield replace(end.page, drained=window)
                return
            if not end.large and attempt == PASSES and not (halves and doubt_splits):
                yield replace(end.page, gap=Gap(window, end.fault))
                return
            yield end.page
            if end.large:
                break
        for half in halves:
            yield from self._read(half, size_splits - 1, doubt_splits if end.large else doubt_splits - 1)

    def _pass(self, window: Window, *, splittable: bool) -> Generator[Page, None, _End]:
        seen = _Pass()
        for number in range(1, MAX_PAGES + 1):
            listed = self._list(window, number)
            page = self._page(listed.rows, seen)
            if splittable and listed.pages > MANY_PAGES:
                return _End(page, f"{listed.pages} pages are read in pieces", large=True)
            if number >= listed.pages or not listed.rows:
                return _End(page, seen.fault(listed.total_rows))
            yield page
        return _End(Page(self.name), f"the list has more than {MAX_PAGES} pages")

    def _list(self, window: Window, number: int) -> _Listed:
        body = request(window, number, self.returned, ROWS)
        listed: _Listed = self.client.call("POST", "seller-sells/v2", pace="sells", body=body, read=_listed)
        return listed

    def _page(self, rows: list[Any], seen: _Pass) -> Page:
        found: dict[str, Transaction] = {}
        raws: dict[str, RawRecord] = {}
        bad: dict[str, Quarantined] = {}
        now = self.now()
        for row in rows:
            key = _key(row)
            seen.keys.add(key)
            try:
                sale = parse.sale(row)
            except BadRecord as error:
                bad[key[0]] = parse.unreadable(parse.SALES, row, str(error), key[0])
                continue
            other = _second_entry(sale, row, seen)
            if other:
                bad[other.key] = other
            if seen.taken[sale.charge.ref] == sale.entry:
                raws[sale.charge.ref] = parse.sale_record(sale, row, now)
                found.update({one.ref: one for one in sale.transactions(now)})
        return Page(self.name, tuple(found.values()), raws=tuple(raws.values()), quarantined=tuple(bad.values()))


def request(window: Window, page: int, returned: int, rows: int) -> dict[str, Any]:
    """The body that asks for one page. Whether the list's bounds are inclusive is unknown, so both reach further."""
    since = window.since.replace(microsecond=0) - OVERLAP
    until = window.until.replace(microsecond=0) + OVERLAP
    return {
        "product_ids": [],
        "date_start": moscow_text(since),
        "date_finish": moscow_text(until),
        "returned": returned,
        "page": page,
        "rows": rows,
    }


def _listed(answer: dict[str, Any]) -> _Listed:
    """The answer in full shape; anything less is a failed read, not an empty list. `rows` may be null."""
    rows = answer.get("rows")
    try:
        total = whole(answer.get("total_rows"), "total_rows")
        pages = whole(answer.get("pages"), "pages")
    except BadRecord as error:
        raise Retryable(f"DigiSeller's sales list is not in its shape ({error})") from None
    if verdict(answer) is None or "rows" not in answer or not isinstance(rows, list | None):
        raise Retryable("DigiSeller's sales list is not in its shape (retval or rows are missing)")
    return _Listed(total, pages, rows or [])


def _key(row: Any) -> tuple[str, str]:
    """What a row is about, for counting: invoice and entry, or its digest when it names no invoice."""
    try:
        body = parse.record(row)
        return invoice(body.get("invoice_id"), "invoice_id"), plain(body.get("product_entry_id")) or ""
    except BadRecord:
        return digest(row), ""


def _second_entry(sale: parse.Sale, row: Any, seen: _Pass) -> Quarantined | None:
    """Take the invoice's charge from its smallest entry, and note any other for a person (fact sheet A3)."""
    ref, entry = sale.charge.ref, sale.entry
    taken = seen.taken.setdefault(ref, entry)
    if taken == entry:
        return None
    first, other = sorted((taken, entry), key=lambda name: (len(name), name))
    seen.taken[ref] = first
    body = row if other == entry else {"invoice_id": ref, "product_entry_id": other}
    reason = f"invoice {ref} came with several content entries: the charge is taken from {first}, not from {other}"
    return parse.unreadable(parse.SALES, body, reason + _said(body), f"{ref}:{other}")


def _said(body: dict[str, Any]) -> str:
    parts = [f"{name} {kept(body[name])}" for name in ("amount_in", "amount_currency", "returned") if name in body]
    return f" ({', '.join(parts)})" if parts else ""


def _halves(window: Window) -> tuple[Window, ...]:
    """The two halves of a window longer than a minute, cut at a whole second; otherwise nothing."""
    length = window.until - window.since
    if length <= SHORTEST_SPLIT:
        return ()
    middle = (window.since + length / 2).replace(microsecond=0)
    return Window(window.since, middle), Window(middle, window.until)
