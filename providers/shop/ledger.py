"""The shop's ledger as a source: three feeds of pages, and a check of its tables and of what it must not allow."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice

from providers.base import Check, Feed
from providers.shop import rows
from providers.shop.database import Database
from providers.shop.files import Folder
from providers.shop.reader import Reader, usable
from providers.shop.rows import ACCOUNTS, ORDERS, PAYMENTS, Row, Shape
from reconciler.errors import BadRecord, ConfigError, NeedsOperator, Retryable
from reconciler.model import Account, Order, Page, Payment, Quarantined, RawRecord, Window
from reconciler.settings import Shop

PAGE_ROWS = 2_000
WHOLE_EVERY = timedelta(days=7)
"""How often every row is read again, for those that changed without saying so in `updated_at`."""
SAMPLE_ROWS = 100
"""How many rows `check` tries to understand."""

_NOT_READ = "until then the shop's side is not compared"
Record = tuple[Order | Account | Payment, RawRecord]


@dataclass(frozen=True)
class ShopLedger:
    """A `providers.base.Source`. What it has read completely reaches up to the start of the read, by `now`."""

    reader: Reader
    now: Callable[[], datetime]
    name: str = field(default="shop", init=False)
    ahead_s: float | None = field(default=None, init=False)

    def feeds(self) -> tuple[Feed, ...]:
        """Orders, whose completeness lets an absence be concluded; then accounts and the ties of payments."""
        return (
            Feed("shop.orders", lambda window: self._fetch(ORDERS, window), main=True, whole_every=WHOLE_EVERY),
            Feed("shop.accounts", lambda window: self._fetch(ACCOUNTS, window), whole_every=WHOLE_EVERY),
            Feed("shop.payments", lambda window: self._fetch(PAYMENTS, window)),
        )

    def check(self) -> Iterator[Check]:
        """Tables and columns, whether rows can be understood, and that the credentials cannot write."""
        try:
            for shape in (ORDERS, ACCOUNTS, PAYMENTS):
                yield from self._check_table(shape)
            yield from self.reader.rights()
        except (NeedsOperator, Retryable) as error:
            yield Check("shop", "failed", str(error), _NOT_READ)

    def close(self) -> None:
        """Nothing is kept open between reads."""

    def _fetch(self, shape: Shape, window: Window) -> Iterator[Page]:
        start = self.now()
        found = self.reader.rows(shape, None if shape is PAYMENTS else window.since)
        chunk, understood = list(islice(found, PAGE_ROWS)), True
        while following := list(islice(found, PAGE_ROWS)):
            page = self._page(shape, chunk)
            understood = understood and not page.quarantined
            yield self._part_of(shape, start, page)
            chunk = following
        last = replace(self._page(shape, chunk), drained=Window(window.since, max(start, window.since)))
        understood = understood and not last.quarantined
        yield self._part_of(shape, start, last) if understood and self._is_there(shape, chunk) else last

    def _part_of(self, shape: Shape, start: datetime, page: Page) -> Page:
        """The page as a part of a reading of the whole table, which only that of payments always is."""
        return replace(page, snapshot=start) if shape is PAYMENTS else page

    def _is_there(self, shape: Shape, rows: list[Row]) -> bool:
        """Whether the table was read and not merely absent: a file may be missing while it is exported anew."""
        return bool(rows) or self.reader.columns(shape) is not None

    def _page(self, shape: Shape, chunk: Iterable[Row]) -> Page:
        good: list[Record] = []
        bad: list[Quarantined] = []
        for row in chunk:
            try:
                good.append((self._understood(shape, row), rows.raw(shape, row.cells)))
            except BadRecord as error:
                bad.append(rows.quarantined(shape, row, str(error)))
        records = tuple(record for record, _ in good)
        return Page(
            feed=f"shop.{shape.name}",
            orders=tuple(record for record in records if isinstance(record, Order)),
            accounts=tuple(record for record in records if isinstance(record, Account)),
            payments=tuple(record for record in records if isinstance(record, Payment)),
            raws=tuple(body for _, body in good),
            quarantined=tuple(bad),
        )

    def _understood(self, shape: Shape, row: Row) -> Order | Account | Payment:
        if row.fault:
            raise BadRecord(row.fault)
        if shape is ORDERS:
            return rows.order(row.cells, zoneless=self.reader.zoneless)
        if shape is ACCOUNTS:
            return rows.account(row.cells, zoneless=self.reader.zoneless)
        return rows.payment(row.cells)

    def _check_table(self, shape: Shape) -> Iterator[Check]:
        name, where = f"shop {shape.name}", self.reader.where(shape)
        columns = self.reader.columns(shape)
        try:
            if not usable(shape, columns, where) or columns is None:
                yield _absent(shape, where)
                return
        except NeedsOperator as error:
            yield Check(name, "failed", str(error), _NOT_READ)
            return
        yield _columns_found(shape, where, columns)
        bad = self._page(shape, self.reader.rows(shape, limit=SAMPLE_ROWS)).quarantined
        if bad:
            message = f"{where}: {len(bad)} of the first {SAMPLE_ROWS} rows cannot be understood: {bad[0].reason}"
            yield Check(name, "warning", message, "correct these rows, or the query for them in [shop]")


def build(settings: Shop, *, now: Callable[[], datetime]) -> ShopLedger:
    """The ledger that `[shop]` names; nothing is opened yet.

    Raises ConfigError when it names none, and NeedsOperator when `url` is no database address.
    """
    url = settings.url.get_secret_value()
    if url:
        queries = {
            "orders": settings.orders_query,
            "accounts": settings.accounts_query,
            "payments": settings.payments_query,
        }
        return ShopLedger(Database(url, queries), now)
    if settings.directory:
        return ShopLedger(Folder(settings.directory), now)
    raise ConfigError("[shop] has neither url nor directory: say where the shop's ledger is")


def _absent(shape: Shape, where: str) -> Check:
    if shape is ACCOUNTS:
        message = f"{where} is not there: accounts, their balances and states stay unknown"
        return Check("shop accounts", "warning", message, "set accounts_query in [shop] if the shop has accounts")
    return Check(f"shop {shape.name}", "ok", f"{where} is not there; it is optional")


def _columns_found(shape: Shape, where: str, columns: tuple[str, ...]) -> Check:
    if missing := shape.without(columns):
        message = f"{where} can be read, but has no column {', '.join(missing)}"
        return Check(f"shop {shape.name}", "warning", message, "add what the shop knows of it; else it is not compared")
    return Check(f"shop {shape.name}", "ok", f"{where} can be read, with all columns")
