"""Keeps how far each feed was read, and what stayed unread within that: spans of time that join, shrink and close."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.model import Gap, Window
from reconciler.schema import feeds, gaps
from reconciler.store.upsert import upsert


def advance(connection: sa.Connection, feed: str, window: Window) -> None:
    """Note that a window was read completely: it joins what was complete, and gaps lose what lies in it.

    A window apart from what was complete proves nothing about the time between.
    """
    row = _row(connection, feed)
    for gap in _gaps(connection, feed):
        _drop(connection, gap)
        for rest in _outside(gap, window):
            _put(connection, feed, rest, gap.reason, gap.found_at, row)
    wanted = row.wanted_since if row is not None else None
    if wanted is not None and window.since <= wanted:
        connection.execute(sa.update(feeds).where(feeds.c.name == feed).values(whole_at=window.until))
    since, until = window.since, window.until
    if row is not None and row.complete_since is not None and row.complete_until is not None:
        if since > row.complete_until or until < row.complete_since:
            return
        since, until = min(since, row.complete_since), max(until, row.complete_until)
    upsert(connection, feeds, [(feed, since, until)], columns=("name", "complete_since", "complete_until"))


def save_gap(connection: sa.Connection, feed: str, gap: Gap, now: datetime) -> None:
    """Note that a window could not be read completely; gaps that meet are one, found when the first of them was."""
    since, until, found_at = gap.window.since, gap.window.until, now
    for other in _gaps(connection, feed):
        if other.since <= until and since <= other.until:
            _drop(connection, other)
            since, until = min(since, other.since), max(until, other.until)
            found_at = min(found_at, other.found_at)
    _put(connection, feed, Window(since, until), gap.reason, found_at, _row(connection, feed))


def oldest_gaps(connection: sa.Connection) -> dict[str, datetime]:
    """Where the oldest gap of each feed that has one begins: the feed has to be read again from there."""
    query = sa.select(gaps.c.feed, sa.func.min(gaps.c.since)).group_by(gaps.c.feed)
    return {name: since for name, since in connection.execute(query)}


def restart(connection: sa.Connection, feed: str) -> None:
    """Forget how far a feed was read, so that it begins anew; its gaps stay until they are read."""
    nothing = {"complete_since": None, "complete_until": None}
    connection.execute(sa.update(feeds).where(feeds.c.name == feed).values(**nothing))


def _row(connection: sa.Connection, feed: str) -> Any:
    return connection.execute(sa.select(feeds).where(feeds.c.name == feed)).one_or_none()


def _gaps(connection: sa.Connection, feed: str) -> list[Any]:
    return list(connection.execute(sa.select(gaps).where(gaps.c.feed == feed)))


def _drop(connection: sa.Connection, gap: Any) -> None:
    key = (gaps.c.feed == gap.feed, gaps.c.since == gap.since, gaps.c.until == gap.until)
    connection.execute(sa.delete(gaps).where(*key))


def _outside(gap: Any, window: Window) -> Iterator[Window]:
    """The parts of a gap before and after a window."""
    if gap.since < window.since:
        yield Window(gap.since, min(gap.until, window.since))
    if gap.until > window.until:
        yield Window(max(gap.since, window.until), gap.until)


def _put(connection: sa.Connection, feed: str, span: Window, reason: str, found_at: datetime, row: Any) -> None:
    """Keep a gap as far as the feed is wanted: nothing reads what lies before, and nothing is concluded about it."""
    since = max(span.since, row.wanted_since) if row is not None and row.wanted_since else span.since
    if since < span.until:
        values = (feed, since, span.until, reason, found_at)
        upsert(connection, gaps, [values], changes=lambda _table, new: {"reason": new.reason})
