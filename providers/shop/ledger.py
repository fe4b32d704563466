"""The shop's ledger as a source: three feeds of pages, and a check of its tables and of what it must not allow."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
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

    def feeds(self) -> tuple[Feed, ...]:
        """Orders, whose completeness lets an absence be concluded; then accounts and the ties of payments."""
        return (
            Feed("shop.orders", lambda window: self._fetch(ORDERS, window), main=True),
            Feed("shop.accounts", lambda window: self._fetch(ACCOUNTS, window)),
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
        since = None if shape is PAYMENTS else window.since
        found = self.reader.rows(shape, since)
        chunk = list(islice(found, PAGE_ROWS))
        while following := list(islice(found, PAGE_ROWS)):
            yield self._page(shape, chunk, None)
            chunk = following
        yield self._page(shape, chunk, Window(window.since, max(start, window.since)))

    def _page(self, shape: Shape, chunk: Iterable[Row], drained: Window | None) -> Page:
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
            drained=drained,
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
        bad = self._page(shape, self.reader.rows(shape, limit=SAMPLE_ROWS), None).quarantined
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
