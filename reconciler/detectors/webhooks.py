"""Findings about what the providers push: events that are missing, denied or contradict each other, and silence."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Select

from reconciler.detectors.base import Context, Detector, Row
from reconciler.model import Finding
from reconciler.schema_webhooks import webhook_gaps, webhooks

SHOWN = 10
CHECK_WAY = (
    "Check the webhook address at the provider and the way from there (reverse proxy, TLS, key); "
    "`reconciler webhooks send-test` tries it."
)
IMPORT = {
    "tribute": "compare with Tribute's dashboard and bring in what is missing with `reconciler import tribute FILE`",
    "digiseller": "the sales list shows the sales themselves",
}


def _gaps(_context: Context) -> Select[Any]:
    table = webhook_gaps.c
    return sa.select(webhook_gaps).order_by(table.provider, table.reason, table.since, table.subject)


def _judge_gaps(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    """A day's missing events are one finding: a lost address loses them all."""
    for (provider, reason, subject), group in groupby(rows, key=_key):
        gaps = list(group)
        story, refs = _STORIES[reason](provider, gaps), _REFS[reason](gaps)
        yield Finding(
            kind="feed_gap",
            subject=f"webhook:{provider}/{reason}/{subject}",
            severity="warning",
            provider=provider,
            transaction_ids=tuple(refs),
            reason=reason,
            recommendation="manual",
            explanation=story,
            evidence={"since": gaps[0]["since"].isoformat(), "until": gaps[-1]["until"].isoformat()},
        )


def _key(row: Row) -> tuple[str, str, str]:
    by_day = row["reason"] == "no_webhook"
    return row["provider"], row["reason"], f"{row['since']:%Y-%m-%d}" if by_day else row["subject"]


def _no_webhook(provider: str, gaps: list[Row]) -> str:
    refs = [row["subject"] for row in gaps]
    listed = ", ".join(refs[:SHOWN]) + (f" and {len(refs) - SHOWN} more" if len(refs) > SHOWN else "")
    resend = " Tribute can send it again: `POST /shop/orders/{uuid}/webhooks/resend`." if provider == "tribute" else ""
    return (
        f"{_name(provider)}'s API shows {listed} as paid on {gaps[0]['since']:%Y-%m-%d}, and no webhook told of it: "
        f"others that only webhooks tell may be missing too. {CHECK_WAY}{resend}"
    )


def _denied(provider: str, gaps: list[Row]) -> str:
    return (
        f"A signed webhook told of {gaps[0]['subject']} ({_when(gaps[0]['since'])}), and {_name(provider)}'s API knows "
        f"no such sale: it belongs to another shop of the account, or somebody else has the key. Check the provider's "
        f"section of the configuration; if the sale is not yours, change the key."
    )


def _unconfirmed(provider: str, gaps: list[Row]) -> str:
    return (
        f"A signed webhook told of {gaps[0]['subject']} ({_when(gaps[0]['since'])}), and {_name(provider)}'s API did "
        f"not show it so for a day. Compare with the provider's dashboard; `reconciler webhooks replay` asks again."
    )


def _silent(provider: str, gaps: list[Row]) -> str:
    return (
        f"No webhook of {_name(provider)} came since {_when(gaps[0]['since'])}; its own rhythm explains silence until "
        f"{_when(gaps[0]['until'])}. {CHECK_WAY} If any were lost, {IMPORT.get(provider, 'bring them in by hand')}."
    )


def _downtime(provider: str, gaps: list[Row]) -> str:
    span = f"{_when(gaps[0]['since'])} to {_when(gaps[0]['until'])}"
    return (
        f"Nobody could take webhooks in for longer than {_name(provider)} tries again: events of {span} may be lost "
        f"for good. For that time, {IMPORT.get(provider, 'bring in what is missing by hand')}."
    )


def _name(provider: str) -> str:
    return {"digiseller": "DigiSeller", "tribute": "Tribute"}.get(provider, provider)


def _when(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC"


def _subjects(gaps: list[Row]) -> list[str]:
    return [row["subject"] for row in gaps]


def _nothing(_gaps: list[Row]) -> list[str]:
    return []


_STORIES: dict[str, Callable[[str, list[Row]], str]] = {
    "no_webhook": _no_webhook,
    "denied": _denied,
    "unconfirmed": _unconfirmed,
    "silent": _silent,
    "downtime": _downtime,
}
_REFS: dict[str, Callable[[list[Row]], list[str]]] = {
    "no_webhook": _subjects,
    "denied": _subjects,
    "unconfirmed": _subjects,
    "silent": _nothing,
    "downtime": _nothing,
}


def _conflicts(_context: Context) -> Select[Any]:
    table = webhooks.c
    columns = (table.id, table.provider, table.name, table.ref, table.key, table.received_at)
    return sa.select(*columns).where(table.state == "conflict").order_by(table.id)


def _judge_conflicts(rows: Iterable[Row], _context: Context) -> Iterator[Finding]:
    for row in rows:
        ref = row["ref"] or row["key"]
        yield Finding(
            kind="unreadable_record",
            subject=f"webhook:{row['id']}",
            severity="warning",
            provider=row["provider"],
            transaction_ids=(ref,),
            reason="contradicting_event",
            recommendation="manual",
            explanation=(
                f"The event {row['name']} about {ref} came twice, and the second one ({_when(row['received_at'])}) "
                f"says something else about money or ids. The first one counts; compare both with the provider's "
                f"dashboard: `reconciler webhooks show {row['id']}`."
            ),
            evidence={"webhook_id": str(row["id"]), "key": row["key"]},
        )


GAPS = Detector(("feed_gap",), _gaps, _judge_gaps)
CONFLICTS = Detector(("unreadable_record",), _conflicts, _judge_conflicts)
