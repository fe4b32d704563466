"""Reads what is on record about charges, many at a time: orders, accounts that fit, refunds, chargebacks, history."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler import schema
from reconciler.findings import OPEN, finding_id
from reconciler.model import Kind, Status
from reconciler.policy import Dispute, Purchase
from reconciler.policy.chargeback import foremost
from reconciler.schema_cases import disputes, reviews
from reconciler.schema_told import commands
from reconciler.store.refunds import approved_minor, returned
from reconciler.store.settled import settled_before
from reconciler.text import fold_email

Key = tuple[str, str]
Row = sa.RowMapping
_PART = 400
_FEW = 20
STATUS_AFTER = {"account.suspend": "suspended", "account.ban": "banned", "account.reinstate": "active"}
"""What an account is once the shop has done a command; a forfeiture does not change it."""


@dataclass(slots=True)
class Known:
    """Everything read about some charges, by (provider, ref), and about their accounts."""

    charges: dict[Key, Row] = field(default_factory=dict)
    reversals: dict[Key, list[Row]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[Key, Row] = field(default_factory=dict)
    owners: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    accounts: dict[str, Row] = field(default_factory=dict)
    approvals: dict[Key, list[Row]] = field(default_factory=lambda: defaultdict(list))
    disputes: dict[Key, list[Dispute]] = field(default_factory=lambda: defaultdict(list))
    asked: dict[Key, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    flags: dict[Key, set[str]] = field(default_factory=lambda: defaultdict(set))
    commanded: dict[str, Row] = field(default_factory=dict)


def read_purchases(
    connection: sa.Connection, keys: Collection[Key], equivalents: Mapping[str, str]
) -> dict[Key, Purchase]:
    """What is on record about each of these charges, known or not yet."""
    known = Known()
    for part in parts(sorted(keys)):
        _read_money(connection, part, known)
        _read_owners(connection, part, known)
        _read_asked(connection, part, known)
    _read_flags(connection, set(keys), known)
    _read_accounts(connection, known)
    return {key: _purchase(connection, key, known, equivalents) for key in keys}


def without_charge(connection: sa.Connection, order_id: str) -> Purchase:
    """An order whose charge nobody knows: what the shop alone says of it."""
    row = connection.execute(sa.select(schema.orders).where(schema.orders.c.order_id == order_id)).mappings().one()
    owners = (row["account_id"],) if row["account_id"] else ()
    emails = tuple(_emails(None, row, None))
    return Purchase(row["provider"] or "", "", **_paid(None, row), accounts=owners, emails=emails)


def parts(values: list[Any]) -> Iterator[list[Any]]:
    """The values in pieces that one query takes."""
    for start in range(0, len(values), _PART):
        yield values[start : start + _PART]


def _of(table: Any, keys: list[Key], column: str = "ref") -> sa.ColumnElement[bool]:
    by_provider: defaultdict[str, list[str]] = defaultdict(list)
    for provider, ref in keys:
        by_provider[provider].append(ref)
    return sa.or_(
        *(sa.and_(table.c.provider == provider, table.c[column].in_(refs)) for provider, refs in by_provider.items())
    )


def _rows(connection: sa.Connection, query: Any) -> list[Row]:
    return list(connection.execute(query).mappings())


def _read_money(connection: sa.Connection, keys: list[Key], known: Known) -> None:
    table = schema.transactions
    for row in _rows(connection, sa.select(table).where(_of(table, keys), table.c.kind == Kind.CHARGE)):
        known.charges[row["provider"], row["ref"]] = row
    back = sa.and_(_of(table, keys, "parent_ref"), table.c.kind != Kind.CHARGE, table.c.status != Status.WITHDRAWN)
    # sorted here: asked to sort, SQLite walks all charges of the provider in the order of their refs
    for row in sorted(_rows(connection, sa.select(table).where(back)), key=lambda row: str(row["ref"])):
        known.reversals[row["provider"], row["parent_ref"]].append(row)
    approvals = schema.refund_approvals
    for row in _rows(connection, sa.select(approvals).where(_of(approvals, keys))):
        known.approvals[row["provider"], row["ref"]].append(row)
    query = sa.select(disputes).where(_of(disputes, keys)).order_by(disputes.c.opened_at, disputes.c.id)
    for row in _rows(connection, query):
        known.disputes[row["provider"], row["ref"]].append(dispute_of(row))
    for key, rows in known.reversals.items():
        if all(one.state == "signal" for one in known.disputes[key]):
            known.disputes[key] += [_told_by_provider(row) for row in rows if row["kind"] == Kind.CHARGEBACK]


def dispute_of(row: Row) -> Dispute:
    """A stored chargeback as the policy sees it."""
    names = ("id", "amount_minor", "currency", "reason_code", "opened_at", "recorded_at", "origin", "state", "stage")
    return Dispute(**{name: row[name] for name in (*names, "due_at", "due_given", "round")})


def _told_by_provider(row: Row) -> Dispute:
    amount = (row["amount_minor"], row["currency"], row["reason"] or "")
    return Dispute(
        f"{row['provider']}:{row['ref']}", *amount, row["occurred_at"], row["first_seen_at"], origin="provider"
    )


def _read_owners(connection: sa.Connection, keys: list[Key], known: Known) -> None:
    """The accounts that fit: of the orders that hold or claim a charge, and those that the charge itself names."""
    orders, matches, echoes, accounts = schema.orders, schema.matches, schema.echoes, schema.accounts
    tied = sa.select(matches.c.ref.label("charge_ref"), matches.c.provider.label("by"), orders).join(
        orders, orders.c.order_id == matches.c.order_id
    )
    for row in _rows(connection, tied.where(_of(matches, keys))):
        known.orders[row["by"], row["charge_ref"]] = row
        _own(known, (row["by"], row["charge_ref"]), row["account_id"])
    claims = _rows(connection, sa.select(orders).where(_of(orders, keys, "provider_ref")))
    claims.sort(key=lambda row: (row["created_at"], row["order_id"]))  # of several that claim a charge the first counts
    for row in claims:
        key = (row["provider"], row["provider_ref"])
        known.orders.setdefault(key, row)
        _own(known, key, row["account_id"])
    named = sa.select(echoes.c.provider, echoes.c.ref, accounts.c.account_id).join(
        accounts, accounts.c.account_id == echoes.c.value
    )
    for row in _rows(connection, named.where(_of(echoes, keys))):
        _own(known, (row["provider"], row["ref"]), row["account_id"])
    for key in keys:
        if not known.owners[key] and key in known.charges:
            known.owners[key] = _by_buyer(connection, known.charges[key])


def _own(known: Known, key: Key, account_id: str | None) -> None:
    if account_id:
        known.owners[key].add(account_id)


def _read_asked(connection: sa.Connection, keys: list[Key], known: Known) -> None:
    """When the buyer asked for a review of the charge, or of the order that it paid for."""
    by_order: defaultdict[str, list[Key]] = defaultdict(list)
    for key in keys:
        if key in known.orders:
            by_order[known.orders[key]["order_id"]].append(key)
    named = sa.or_(_of(reviews, keys), reviews.c.order_id.in_(list(by_order)))
    for row in _rows(connection, sa.select(reviews).where(named)):
        for key in {(row["provider"], row["ref"]), *by_order.get(row["order_id"], [])}:
            known.asked[key].append(row["received_at"])


def _by_buyer(connection: sa.Connection, charge: Row) -> set[str]:
    """Where no order and no echo names an account: those with the Telegram id that the provider vouches for.

    An e-mail address is what a buyer has typed, maybe somebody else's: it makes nobody the owner of a charge.
    """
    if not charge["telegram_user_id"]:
        return set()
    table = schema.accounts.c
    query = sa.select(table.account_id).where(table.telegram_user_id == charge["telegram_user_id"])
    return set(connection.execute(query).scalars())


def _read_flags(connection: sa.Connection, keys: set[Key], known: Known) -> None:
    """Which of the charges are open billing errors: a finding about one charge has an id that follows from it."""
    table = schema.findings.c
    ids = {
        finding_id(kind, f"charge:{key[0]}/{key[1]}"): (key, kind)
        for key in keys
        for kind in ("undelivered_order", "amount_mismatch", "currency_mismatch")
    }
    for part in parts(sorted(ids)):
        for id_, status in connection.execute(sa.select(table.id, table.status).where(table.id.in_(part))):
            key, kind = ids[id_]
            known.flags[key] |= {kind} if status == OPEN else set()
    for provider, refs in connection.execute(_duplicates({ref for _, ref in keys})):
        for ref in json.loads(refs):
            if (provider, ref) in keys:
                known.flags[provider, ref].add("duplicate_charge")


def _duplicates(refs: set[str]) -> sa.Select[Any]:
    """The surplus charges of open duplicates: of a few charges those alone that speak of them."""
    table = schema.findings.c
    query = sa.select(table.provider, table.surplus).where(table.status == OPEN, table.surplus.is_not(None))
    if len(refs) > _FEW:
        return query
    named = (table.surplus.contains(json.dumps(ref), autoescape=True) for ref in sorted(refs))
    return query.where(sa.or_(sa.false(), *named))


def _read_accounts(connection: sa.Connection, known: Known) -> None:
    ids = sorted({account_id for owners in known.owners.values() for account_id in owners})
    for part in parts(ids):
        for row in _rows(connection, sa.select(schema.accounts).where(schema.accounts.c.account_id.in_(part))):
            known.accounts[row["account_id"]] = row
        query = sa.select(commands).where(commands.c.account_id.in_(part), commands.c.type.in_(list(STATUS_AFTER)))
        for row in _rows(connection, query.order_by(commands.c.seq)):
            known.commanded[row["account_id"]] = row


def _purchase(connection: sa.Connection, key: Key, known: Known, equivalents: Mapping[str, str]) -> Purchase:
    charge, order = known.charges.get(key), known.orders.get(key)
    owners = tuple(sorted(known.owners[key]))
    account = known.accounts.get(owners[0]) if len(owners) == 1 else None
    command = known.commanded.get(owners[0]) if len(owners) == 1 else None
    status = account_status(account, command)
    dispute = foremost(known.disputes[key])
    settled, since = (
        _settled(connection, key, owners[0], dispute.opened_at) if dispute and len(owners) == 1 else (0, None)
    )
    flags = known.flags[key]
    completed = [row for row in known.reversals[key] if row["status"] == Status.COMPLETED]
    back = returned([dict(row) for row in completed], dict(charge) if charge else None, equivalents)
    return Purchase(
        provider=key[0],
        ref=key[1],
        **_paid(charge, order),
        balance_micro=account["balance_micro"] if account else None,
        accounts=owners,
        account_status=status,
        held_by_us=command is not None and command["type"] != "account.reinstate" and status in {"suspended", "banned"},
        emails=tuple(_emails(charge, order, account)),
        surplus="duplicate_charge" in flags,
        undelivered="undelivered_order" in flags,
        mismatched=bool(flags & {"amount_mismatch", "currency_mismatch"}),
        approved_minor=_approved(known.approvals[key], charge, equivalents),
        returned_minor=back.minor,
        reversals=len(completed),
        uncompared=back.uncompared,
        shop_refunded=order is not None and order["status"] == "refunded",
        seller_refunded=any(row["seller_started"] for row in known.reversals[key]),
        disputes=tuple(known.disputes[key]),
        asked_at=tuple(sorted(known.asked[key])),
        settled=settled,
        settled_since=since,
    )


def _approved(approvals: list[Row], charge: Row | None, equivalents: Mapping[str, str]) -> int:
    return approved_minor(map(dict, approvals), dict(charge), equivalents) if charge else 0


def _paid(charge: Row | None, order: Row | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if charge is not None:
        values |= {
            "paid_minor": charge["amount_minor"],
            "currency": charge["currency"],
            "occurred_at": charge["occurred_at"],
        }
    if order is not None:
        whole = order["status"] == "delivered" or (order["status"] == "refunded" and order["delivered_at"] is not None)
        values |= {"order_id": order["order_id"], "delivered": whole, "delivered_at": order["delivered_at"]}
        values |= {"credits_micro": order["credits_micro"], "credits_used_micro": order["credits_used_micro"]}
    return values


def account_status(account: Row | None, command: Row | None) -> str | None:
    """An account's state as the shop's ledger says, or as our newer command makes it."""
    if command is not None and (account is None or command["made_at"] >= account["updated_at"]):
        return STATUS_AFTER[command["type"]]
    return account["status"] if account else None


def _emails(charge: Row | None, order: Row | None, account: Row | None) -> Iterator[str]:
    """The addresses of the purchase: the charge's and the order's; the account's where neither states one."""
    said = [row["buyer_email"] for row in (charge, order) if row is not None]
    if not any(said) and account is not None:
        said = [account["email"]]
    yield from dict.fromkeys(folded for folded in map(fold_email, said) if folded)


def _settled(connection: sa.Connection, key: Key, owner: str, before: datetime) -> tuple[int, datetime | None]:
    """The account's other purchases that were paid before a time, not reversed and not disputed; when the first was."""
    table = schema.transactions
    columns = (sa.func.count(), sa.func.min(sa.type_coerce(table.c.occurred_at, table.c.occurred_at.type)))
    other = sa.or_(table.c.provider != key[0], table.c.ref != key[1])
    query = settled_before(owner, before, columns).where(other)
    count, first = connection.execute(query).one()
    return int(count), first
