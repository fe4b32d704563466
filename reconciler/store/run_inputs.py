"""Keeps what a run was judged with besides facts, so that it can be judged again: settings, feeds, the pull's books."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Table

from reconciler import __version__
from reconciler.columns import UtcTime, from_us, to_us
from reconciler.schema import feeds, gaps
from reconciler.schema_replay import kept_texts, readings, run_inputs
from reconciler.schema_webhooks import webhook_gaps, webhooks
from reconciler.store.readings import keep_text

_TOLD = ("id", "provider", "name", "key", "ref", "received_at")
_UNTOLD = {
    "late": False, "old_key": False, "method": "POST", "query": b"", "headers": "[]", "body": b"", "deliveries": 1,
    "state": "conflict", "result": "", "looks": 0,
}  # fmt: skip
"""Of an event that contradicts another, what no finding says."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run was judged with. `last_reading` is how far the log of readings had come."""

    run_id: int
    last_reading: int
    version: str
    settings: dict[str, Any]
    feeds: list[dict[str, Any]]
    books: dict[str, list[dict[str, Any]]]


def keep_inputs(connection: sa.Connection, run_id: int, settings: str) -> None:
    """Keep what a run that begins now is judged with; what equals that of the last run takes no room."""
    last = connection.execute(sa.select(sa.func.max(readings.c.id))).scalar() or 0
    connection.execute(
        sa.insert(run_inputs).values(
            run_id=run_id,
            last_reading=last,
            version=__version__,
            settings=keep_text(connection, settings),
            feeds=list(_plain(connection, sa.select(feeds).order_by(feeds.c.name))),
            books={name: keep_text(connection, _text(rows)) for name, rows in _books(connection).items()},
        )
    )


def inputs_of(connection: sa.Connection, run_id: int) -> Inputs | None:
    """What a run was judged with, None where that was not kept."""
    row = connection.execute(sa.select(run_inputs).where(run_inputs.c.run_id == run_id)).one_or_none()
    if row is None:
        return None
    named: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for name in sorted(row.books):
        named[name.partition(" ")[0]] += json.loads(kept_text(connection, row.books[name]))
    settings = json.loads(kept_text(connection, row.settings))
    return Inputs(run_id, row.last_reading, row.version, settings, row.feeds, dict(named))


def kept_text(connection: sa.Connection, digest: str) -> str:
    """A kept text by its digest."""
    return str(connection.execute(sa.select(kept_texts.c.text).where(kept_texts.c.digest == digest)).scalar_one())


def restore_books(connection: sa.Connection, inputs: Inputs) -> None:
    """Bring the feeds and the pull's books of a store to what a run was judged with."""
    told = [{**_UNTOLD, **row, "content": str(row["id"]), "last_received_at": row["received_at"]} for row in
            inputs.books.get(webhooks.name, [])]  # fmt: skip
    rows = {table.name: inputs.books.get(table.name, []) for table in (gaps, webhook_gaps)}
    for table, given in ((feeds, inputs.feeds), (webhooks, told), *((t, rows[t.name]) for t in (gaps, webhook_gaps))):
        connection.execute(sa.delete(table))
        if given:
            connection.execute(sa.insert(table), [_typed(table, row) for row in given])


def _books(connection: sa.Connection) -> dict[str, list[dict[str, Any]]]:
    """Gaps and contradicting events, in parts that change seldom: what webhooks lack by the day of it."""
    conflicts = sa.select(*(webhooks.c[name] for name in _TOLD)).where(webhooks.c.state == "conflict")
    named = {
        gaps.name: list(_plain(connection, sa.select(gaps).order_by(gaps.c.feed, gaps.c.since))),
        webhooks.name: list(_plain(connection, conflicts.order_by(webhooks.c.id))),
    }
    missing = sa.select(webhook_gaps).order_by(*webhook_gaps.primary_key)
    by_day: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _plain(connection, missing):
        by_day[f"{webhook_gaps.name} {row['provider']} {from_us(row['since']):%Y-%m-%d}"].append(row)
    return {name: rows for name, rows in {**named, **by_day}.items() if rows}


def _plain(connection: sa.Connection, query: sa.Select[Any]) -> Iterable[dict[str, Any]]:
    for row in connection.execute(query).mappings():
        yield {name: to_us(value) if isinstance(value, datetime) else value for name, value in row.items()}


def _typed(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: from_us(value) if value is not None and isinstance(table.c[name].type, UtcTime) else value
        for name, value in row.items()
    }


def _text(rows: Any) -> str:
    return json.dumps(rows, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
