"""Chargebacks from a list of the provider's or the bank's, one row for each stage that one reached; pure."""

from datetime import UTC, datetime
from typing import Any

from providers.imports import values
from providers.imports.base import FEED, Importer, Understood
from providers.imports.mapping import Values
from providers.shop.rows import PROVIDERS, UUID_PROVIDERS
from reconciler.errors import BadRecord
from reconciler.model import RawRecord
from reconciler.money import Money
from reconciler.policy.disputes import STAGES
from reconciler.store.disputes import NewDispute
from reconciler.text import fold_uuid

FIRST = "opened"


def read(row: Values, now: datetime) -> Understood:
    """A chargeback at one of its stages; times without zone are UTC. Raises BadRecord.

    Where a row does not say when the stage was reached, the opening has its own time and the others are as of now.
    """
    provider = row.need("provider", _provider)
    opened_at = row.need("opened_at", lambda value: _past(row, value, now))
    stage = row.get("stage", _stage) or FIRST
    reached_at = row.get("stage_at", lambda value: _past(row, value, now)) or (opened_at if stage == FIRST else None)
    if reached_at is not None and reached_at < opened_at and stage != "signal":
        raise BadRecord("stage_at: it lies before opened_at")
    new = NewDispute(
        provider,
        row.need("ref", lambda value: _ref(value, provider)),
        _money(row),
        row.get("reason", values.id_text) or "",
        opened_at,
        stage,
        row.get("due_at", lambda value: values.deadline(value, row.zone or UTC)),
        "import",
        reached_at,
        row.zone or UTC,
    )
    raw = RawRecord(provider, f"{FEED}chargebacks", f"{new.ref}:{new.id}:{stage}", row.kept())
    return Understood((new,), raw, opened_at)


def _provider(value: Any) -> str:
    name = (values.text(value) or "").lower()
    if name not in PROVIDERS:
        raise BadRecord(f"{values.shown(value)} is none of {', '.join(PROVIDERS)}")
    return name


def _ref(value: Any, provider: str) -> str | None:
    ref = values.id_text(value)
    return fold_uuid(ref) if ref and provider in UUID_PROVIDERS else ref


def _stage(value: Any) -> str:
    stage = (values.text(value) or "").lower()
    if stage not in STAGES:
        raise BadRecord(f"{values.shown(value)} is none of {', '.join(STAGES)}")
    return stage


def _past(row: Values, value: Any, now: datetime) -> datetime | None:
    when = values.moment(value, row.zone or UTC)
    if when is not None and when > now:
        raise BadRecord(f"{values.shown(value)} is in the future")
    return when


def _money(row: Values) -> Money:
    currency = row.need("currency", values.currency)
    minor = row.money(currency)
    if not minor:
        raise BadRecord("amount: it is empty" if minor is None else "amount: nothing is disputed")
    return Money(minor, currency)


IMPORTER = Importer("chargebacks", "chargebacks", read)
