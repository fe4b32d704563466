"""Gathers the evidence for one dispute: what is on record about the charge, and what is missing."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reconciler import schema
from reconciler.errors import BadRecord, ConfigError
from reconciler.findings import iso, kept_charge
from reconciler.policy.disputes import family, scheme
from reconciler.policy.facts import Purchase
from reconciler.schema_cases import cases, disputes, reviews
from reconciler.settings import Settings
from reconciler.store import queries
from reconciler.store.case_views import case_document, chargeback_documents
from reconciler.store.cases import case_id, charge_root
from reconciler.store.purchases import read_purchases
from reconciler.store.settled import settled_before

Packet = dict[str, Any]
CE3 = (timedelta(days=120), timedelta(days=365))
"""How old earlier purchases are that Visa's compelling evidence 3.0 counts (reason 10.4 alone)."""


def gather(connection: sa.Connection, settings: Settings, id_: str, now: datetime) -> Packet:
    """The packet of one chargeback, as JSON values. Raises BadRecord for an unknown one, ConfigError for its policy."""
    row = connection.execute(sa.select(disputes).where(disputes.c.id == id_)).mappings().one_or_none()
    if row is None:
        raise BadRecord(f"no chargeback has the id {id_}: `reconciler cases list` shows those that there are")
    key = (row["provider"], row["ref"])
    purchase = read_purchases(connection, [key], settings.currency.equivalents)[key]
    transactions = queries.transactions(connection, row["provider"], [row["ref"]])
    earlier = list(_earlier(connection, purchase))
    packet: Packet = {
        "made_at": iso(now),
        "chargeback": chargeback_documents(connection, [row], now)[0],
        "scheme": scheme(row["reason_code"]),
        "about": family(row["reason_code"]),
        "charge": next((one for one in transactions if one["kind"] == "charge"), None),
        "reversals": [one for one in transactions if one["kind"] != "charge"],
        "order": queries.order(connection, purchase.order_id),
        "account": queries.account(connection, purchase.account_id),
        "accounts_that_fit": list(purchase.accounts),
        "earlier_purchases": earlier,
        "duplicates": list(_duplicates(connection, *key)),
        "policy": _policy(settings),
        "correspondence": _correspondence(connection, *key),
        "case": _case(connection, key, now),
        "raw": _raw(connection, row, purchase),
    }
    packet["compelling_evidence"] = _compelling(packet, row["opened_at"]) if packet["scheme"] == "Visa" else None
    packet["missing"] = list(_missing(packet, purchase))
    return packet


def _earlier(connection: sa.Connection, purchase: Purchase) -> Iterator[Packet]:
    """The account's purchases from before this one that were paid, never reversed and never disputed, oldest first."""
    if purchase.account_id is None or purchase.occurred_at is None:
        return
    row = schema.transactions.c
    query = settled_before(purchase.account_id, purchase.occurred_at, (row.provider, row.ref))
    query = query.order_by(row.occurred_at, row.ref)
    for provider, ref in connection.execute(query).all():
        for one in queries.transactions(connection, provider, [ref]):
            yield one | {"order": queries.order(connection, one.get("order_id"))}


def _duplicates(connection: sa.Connection, provider: str, ref: str) -> Iterator[Packet]:
    """Where the charge is one of a duplicate: both charges, and why they pay one purchase."""
    table = schema.findings
    for row in connection.execute(sa.select(table).where(table.c.kind == "duplicate_charge")).mappings():
        said = row["document"]
        surplus = [(row["provider"], one) for one in said["transaction_ids"]]
        kept = kept_charge(row["provider"], said)
        if (provider, ref) in (kept, *surplus):
            charges = [one for by, name in (kept, *surplus) for one in queries.transactions(connection, by, [name])]
            yield {"status": row["status"], "why": said["explanation"], "charges": charges}


def _policy(settings: Settings) -> Packet:
    """The published policy with its digest: the version that was in force when this was made."""
    if not settings.policy.document:
        return {"document": None, "sha256": None}
    try:
        text = Path(settings.policy.document).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"[policy] document = {settings.policy.document!r} cannot be read: {error}") from None
    return {"document": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _correspondence(connection: sa.Connection, provider: str, ref: str) -> Packet:
    """The buyer's requests with their files, and the signs that the provider showed."""
    asked = connection.execute(
        sa.select(reviews).where(reviews.c.provider == provider, reviews.c.ref == ref).order_by(reviews.c.received_at)
    ).mappings()
    requests, files = [], []
    for row in asked:
        requests.append({"received_at": iso(row["received_at"]), "text": row["text"], "email": row["email"]})
        files += row["evidence"]
    table = schema.signals
    signs = sa.select(table).where(table.c.provider == provider, table.c.ref == ref).order_by(table.c.name)
    return {
        "requests": requests,
        "files": files,
        "signs": [
            {"name": one.name, "text": one.text, "at": iso(one.occurred_at), "active": one.active}
            for one in connection.execute(signs)
        ],
    }


def _case(connection: sa.Connection, key: tuple[str, str], now: datetime) -> Packet | None:
    id_ = case_id(charge_root(*key))
    if connection.execute(sa.select(cases.c.id).where(cases.c.id == id_)).first() is None:
        return None
    said = case_document(connection, id_, now)
    return {name: said[name] for name in ("id", "status", "decision", "checks", "timeline")}


def _raw(connection: sa.Connection, row: Any, purchase: Purchase) -> Packet:
    shop = queries.raw_records(connection, "shop", [purchase.order_id], "shop.orders") if purchase.order_id else []
    return {"provider": queries.raw_records(connection, row["provider"], [row["ref"]]), "shop": shop}


def _compelling(packet: Packet, opened_at: datetime) -> Packet:
    """A hint, no filing: earlier purchases of the right age, with what agrees. IP or device would have to agree too."""
    charge = packet["charge"] or {}
    pairs = []
    for one in packet["earlier_purchases"]:
        age = opened_at - datetime.fromisoformat(one["occurred_at"])
        if CE3[0] <= age <= CE3[1]:
            same = [
                name
                for name in ("buyer_email", "telegram_user_id")
                if one.get(name) and one.get(name) == charge.get(name)
            ]
            pairs.append({"ref": one["ref"], "days_old": age.days, "agrees": ["account_id", *same]})
    applies = packet["chargeback"]["reason"].strip() == "10.4"
    return {"applies": applies, "pairs": pairs, "enough": applies and len(pairs) >= 2}


def _missing(packet: Packet, purchase: Purchase) -> Iterator[str]:
    """What an answer usually needs and is not on record here."""
    order = packet["order"] or {}
    lacks = (
        (packet["charge"] is None, "the charge itself: it has not been pulled yet"),
        (packet["order"] is None, "the shop's order"),
        (not order.get("delivered_at"), "the delivery with its time"),
        (order.get("credits_used") is None, "the use of the credits after delivery"),
        (purchase.account_id is None, "the account: none, or more than one, fits"),
        (not packet["earlier_purchases"], "earlier undisputed purchases of the buyer"),
        (packet["policy"]["document"] is None, "the published policy: name its file in [policy] document"),
        (not packet["correspondence"]["requests"], "correspondence with the buyer"),
        (True, "IP address and device of purchase, log-ins and use: the shop's own logs have them"),
        (True, "the time at which the buyer accepted the policy: the shop's own logs have it"),
    )
    yield from (text for lacking, text in lacks if lacking)
