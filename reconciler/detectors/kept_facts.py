"""Findings that only say aloud what the store holds: signs of disputes, gaps in feeds, unreadable records."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select

from reconciler.detectors.base import Context, Detector, Row, about_charges, account_of, evidence
from reconciler.matching.relations import charge, signal, unread
from reconciler.matching.terms import DAY_US
from reconciler.model import Finding
from reconciler.schema import gaps

YOUNG_US = 15 * DAY_US
"""The longest time that a marketplace holds the proceeds back, so that a claim can still be settled from them."""
MAX_SPANS = 3
_SIGNS = {
    "chat_by_administration": "the provider's administration opened the chat with the buyer",
    "code_refuted": "the buyer says that the delivery did not happen",
    "bad_review": "the buyer left a bad review",
}


def _signals(context: Context) -> Select[Any]:
    """A bad review counts while the sale is young: later the provider's arbiter does not take the money back."""
    young = charge.c.occurred_us > context.horizon.now_us - YOUNG_US
    return (
        about_charges(signal)
        .add_columns(*signal.c)
        .where(sa.or_(signal.c.name != "bad_review", charge.c.ref.is_(None), young))
        .order_by(signal.c.provider, signal.c.ref, signal.c.name)
    )


def _judge_signals(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    for row in rows:
        said = f" ({row['text'][:200]})" if row["text"] else ""
        yield Finding(
            kind="dispute_signal",
            subject=f"signal:{row['provider']}/{row['ref']}/{row['name']}",
            severity="warning",
            provider=row["provider"],
            transaction_ids=(row["ref"],),
            order_id=row["order_order_id"],
            account_id=account_of(row),
            amount_minor=row["charge_amount_minor"],
            currency=row["charge_currency"],
            reason=row["name"],
            policy_clause="7",
            recommendation="manual",
            explanation=(
                f"A dispute may come for charge {row['ref']}: {_SIGNS.get(row['name'], row['name'])}{said}. "
                f"Answer the buyer before it becomes a claim."
            ),
            evidence=evidence(row),
        )


def _gaps(_context: Context) -> Select[Any]:
    return sa.select(gaps).order_by(gaps.c.feed, gaps.c.since)


def _judge_gaps(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    """One finding a feed, however its gaps move, shrink and part while it is read again."""
    for feed, group in groupby(rows, key=lambda row: row["feed"]):
        spans = list(group)
        shown = ", and from ".join(_span(row) for row in spans[:MAX_SPANS])
        more = f", and {len(spans) - MAX_SPANS} more times" if len(spans) > MAX_SPANS else ""
        yield Finding(
            kind="feed_gap",
            subject=f"gap:{feed}",
            severity="warning",
            provider=feed.split(".")[0],
            transaction_ids=(),
            reason="pages_missing",
            recommendation="manual",
            explanation=(
                f"Feed {feed} could not be read completely from {shown}{more}: {spans[-1]['reason']}. Nothing is "
                f"concluded for that time; it is read again with each run."
            ),
            evidence={"feed": feed, "gaps": [_span(row) for row in spans]},
        )


def _span(row: Row) -> str:
    return f"{row['since']:%Y-%m-%d %H:%M} to {row['until']:%Y-%m-%d %H:%M} UTC"


def _quarantined(_context: Context) -> Select[Any]:
    return sa.select(unread).order_by(unread.c.provider, unread.c.source, unread.c.key)


def _judge_quarantined(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    for row in rows:
        ours = row["provider"] == "shop"
        yield Finding(
            kind="unreadable_record",
            subject=f"record:{row['provider']}/{row['source']}/{row['key']}",
            severity="warning",
            provider=None if ours else row["provider"],
            transaction_ids=() if ours else (row["key"],),
            order_id=row["key"] if row["source"] == "shop.orders" else None,
            reason="not_understood",
            recommendation="manual",
            explanation=(
                f"A record of {row['source']} ({row['key']}) could not be understood: {row['reason']}. It waits in "
                f"quarantine; the other records went on."
            ),
            evidence={"source": row["source"], "key": row["key"]},
        )


SIGNALS = Detector(("dispute_signal",), _signals, _judge_signals)
GAPS = Detector(("feed_gap",), _gaps, _judge_gaps)
UNREADABLE = Detector(("unreadable_record",), _quarantined, _judge_quarantined)
