"""Stores what a pull brought, page by page, each page in the caller's one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Table

from reconciler import schema
from reconciler.model import Kind, Page, Quarantined, Signal, Status, Transaction
from reconciler.schema_pull import payments_read
from reconciler.store.coverage import advance, save_gap
from reconciler.store.erasure import without_erased
from reconciler.store.looks import note_looks
from reconciler.store.readings import Beside, note_reading, save_records
from reconciler.store.upsert import insert_new, keep_others, upsert, upsert_changed
from reconciler.text import body_text


def save_page(connection: sa.Connection, page: Page, now: datetime) -> None:
    """Write all that a page holds, and the progress that it proves."""
    page = without_erased(connection, page)
    _save_transactions(connection, page.transactions, now)
    _save_states(connection, page)
    _save_signals(connection, page.signals, now)
    upsert(connection, schema.orders, _oldest_first(page.orders, schema.orders), changes=_newer)
    upsert(connection, schema.accounts, _oldest_first(page.accounts, schema.accounts), changes=_newer)
    beside = Beside()
    _save_payments(connection, page, beside)
    records = save_records(connection, page, beside, now)
    beside.released += _release(connection, page, now)
    lasting, forgotten = note_looks(connection, page.failed, page.states, now)
    beside.released += forgotten
    beside.aside = _save_quarantined(connection, [*page.quarantined, *lasting], now)
    note_reading(connection, page, records, beside, now)
    if page.drained:
        advance(connection, page.feed, page.drained)
    if page.gap:
        save_gap(connection, page.feed, page.gap, now)


def begin_feed(connection: sa.Connection, feed: str, now: datetime, wanted_since: datetime | None = None) -> None:
    """Note that a feed is being read, and how far back it is to be read in all."""
    values: dict[str, Any] = {"name": feed, "last_attempt_at": now}
    if wanted_since is not None:
        values["wanted_since"] = wanted_since
    upsert(connection, schema.feeds, [tuple(values.values())], columns=tuple(values))


def end_feed(connection: sa.Connection, feed: str, now: datetime, error: str | None) -> None:
    """Note how reading a feed ended; without `error` it was a success."""
    values: dict[str, Any] = {"last_error": error}
    if error is None:
        values["last_success_at"] = now
    connection.execute(sa.update(schema.feeds).where(schema.feeds.c.name == feed).values(**values))


def feed_rows(connection: sa.Connection) -> dict[str, Any]:
    """The state of every feed, by name."""
    return {row.name: row for row in connection.execute(sa.select(schema.feeds))}


def expire_feeds(connection: sa.Connection, ending: str) -> None:
    """Make the feeds whose name ends so due again, however lately they were read."""
    table = schema.feeds
    connection.execute(
        sa.update(table).where(table.c.name.endswith(ending, autoescape=True)).values(last_success_at=None)
    )


def _save_transactions(connection: sa.Connection, rows: Sequence[Transaction], now: datetime) -> None:
    table = schema.transactions
    names = _names(table)
    charges = [row for row in rows if row.kind is Kind.CHARGE]
    reversals = [row for row in rows if row.kind is not Kind.CHARGE]
    upsert(connection, table, (_transaction(row, now) for row in charges), columns=names, changes=_newer_charge)
    standing = [row for row in reversals if row.status is not Status.WITHDRAWN]
    standing.sort(key=lambda row: (row.status is Status.COMPLETED, row.occurred_exact))  # of one ref the last counts
    upsert(connection, table, (_transaction(row, now) for row in standing), columns=names, changes=_newer_reversal)
    for row in reversals:
        if row.status is Status.WITHDRAWN:
            _withdraw(connection, row)


def _transaction(row: Transaction, now: datetime) -> tuple[Any, ...]:
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    values |= {"group_ref": row.group_ref or row.ref, "first_seen_at": now}
    return tuple(values[name] for name in _names(schema.transactions))


def _newer_charge(table: Table, new: Any) -> dict[str, ColumnElement[Any]]:
    """A look at one charge does not change what the list said; `first_seen_at` never changes."""
    wins = sa.or_(new.listed, sa.not_(table.c.listed))
    names = [name for name in _names(table) if name not in {"provider", "ref", "first_seen_at"}]
    return {name: sa.case((wins, new[name]), else_=table.c[name]) for name in names}


def _newer_reversal(table: Table, new: Any) -> dict[str, ColumnElement[Any]]:
    """A reversal never falls back from completed; exact times and amounts replace those that were inferred."""
    completed: ColumnElement[str] = sa.literal_column(f"'{Status.COMPLETED}'")
    status = sa.case((table.c.status == completed, completed), else_=new.status)
    better = sa.or_(new.occurred_exact, sa.not_(table.c.occurred_exact))
    inferred = sa.and_(sa.not_(new.occurred_exact), sa.not_(table.c.occurred_exact))
    changes: dict[str, ColumnElement[Any]] = {
        name: sa.case((better, new[name]), else_=table.c[name]) for name in ("amount_minor", "currency")
    }
    changes |= {
        name: sa.case((sa.and_(better, sa.not_(inferred)), new[name]), else_=table.c[name])
        for name in ("occurred_at", "occurred_text", "occurred_exact")
    }
    changes |= {
        name: sa.func.coalesce(table.c[name], new[name])
        for name in ("title", "product_id", "buyer_email", "telegram_user_id", "account_id")
    }
    return changes | {
        "status": status,
        "seller_started": sa.or_(table.c.seller_started, new.seller_started),
        "reason": sa.func.coalesce(new.reason, table.c.reason),
    }


def _withdraw(connection: sa.Connection, row: Transaction) -> None:
    table = schema.transactions
    connection.execute(
        sa.update(table)
        .where(table.c.provider == row.provider, table.c.ref == row.ref, table.c.status == Status.INITIATED)
        .values(status=Status.WITHDRAWN)
    )


def _save_states(connection: sa.Connection, page: Page) -> None:
    rows = [(s.provider, s.ref, s.found, s.state, s.claimed, s.read_at) for s in page.states]
    upsert(connection, schema.charge_states, rows)
    echoes = [(state.provider, state.ref, value) for state in page.states for value in state.echoes]
    insert_new(connection, schema.echoes, _names(schema.echoes), echoes)


def _save_signals(connection: sa.Connection, signals: Sequence[Signal], now: datetime) -> None:
    """A cause that was never there leaves no row; one that went away is kept as inactive."""
    names = ("provider", "ref", "name", "active", "occurred_at", "text", "first_seen_at")
    rows = [(s.provider, s.ref, s.name, s.active, s.occurred_at, s.text, now) for s in signals if s.active]
    upsert(
        connection,
        schema.signals,
        rows,
        columns=names,
        changes=lambda _table, new: {"active": new.active, "occurred_at": new.occurred_at, "text": new.text},
    )
    table = schema.signals
    for gone in (signal for signal in signals if not signal.active):
        connection.execute(
            sa.update(table)
            .where(table.c.provider == gone.provider, table.c.ref == gone.ref, table.c.name == gone.name)
            .values(active=False)
        )


def _newer(table: Table, new: Any) -> dict[str, ColumnElement[Any]]:
    """A row of the shop replaces an older version of itself, never a newer one."""
    wins = new.updated_at >= table.c.updated_at
    names = [name for name in _names(table) if not table.c[name].primary_key]
    return {name: sa.case((wins, new[name]), else_=table.c[name]) for name in names}


def _save_payments(connection: sa.Connection, page: Page, beside: Beside) -> None:
    """Payments have no time of change: those that a whole reading did not show are gone once it is drained."""
    table, seen = schema.payments, payments_read
    rows, names = list(_tuples(page.payments, table)), _names(table)
    come = upsert_changed(connection, table, rows, names, columns=names, changes=keep_others)
    beside.paid.update(tuple(row) for row in come)
    if page.snapshot is None:
        return
    upsert(connection, seen, [(*row, page.snapshot) for row in rows])
    if page.drained:
        same = sa.and_(*(seen.c[column.name] == column for column in table.columns))
        shown = sa.exists().where(same, seen.c.read_at == page.snapshot)
        gone = connection.execute(sa.delete(table).where(~shown).returning(*table.columns))
        beside.gone = sorted(tuple(row) for row in gone)
        connection.execute(sa.delete(seen))


def _release(connection: sa.Connection, page: Page, now: datetime) -> list[tuple[str, ...]]:
    """A record that is understood now leaves quarantine, with the time on record; returns which did."""
    doubtful = {(record.provider, record.source, record.key) for record in page.quarantined}
    understood = {(raw.provider, raw.source, raw.key) for raw in page.raws} - doubtful
    table = schema.quarantine
    released: list[tuple[str, ...]] = []
    held = connection.execute(
        sa.select(table.c.provider, table.c.source, table.c.key).where(table.c.released_at.is_(None))
    ).all()
    for provider, source, key in held:
        if (provider, source, key) in understood:
            connection.execute(
                sa.update(table)
                .where(table.c.provider == provider, table.c.source == source, table.c.key == key)
                .values(released_at=now)
            )
            released.append((provider, source, key))
    return released


def _save_quarantined(connection: sa.Connection, rows: Sequence[Quarantined], now: datetime) -> list[tuple[str, ...]]:
    """Put records into quarantine; returns those that were not there, or for another reason."""
    names = ("provider", "source", "key", "reason", "body", "first_seen_at", "released_at")
    held = upsert_changed(
        connection,
        schema.quarantine,
        [(row.provider, row.source, row.key, row.reason, body_text(row.body), now, None) for row in rows],
        names[:4],
        columns=names,
        changes=lambda _table, new: {"reason": new.reason, "body": new.body, "released_at": new.released_at},
    )
    return sorted(tuple(row) for row in held)


def _oldest_first(rows: Iterable[Any], table: Table) -> Iterable[tuple[Any, ...]]:
    """Of several versions of a row in one page the newest comes last, where it counts on every engine."""
    return _tuples(sorted(rows, key=lambda row: row.updated_at), table)


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def _tuples(rows: Iterable[Any], table: Table) -> Iterable[tuple[Any, ...]]:
    names = _names(table)
    return (tuple(getattr(row, name) for name in names) for row in rows)
