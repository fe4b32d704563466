"""The shop's stored rows as facts again; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from providers.base import Charges, Stored
from providers.shop import rows
from reconciler.errors import BadRecord
from reconciler.model import Page
from reconciler.text import known_hash


def facts(unit: Sequence[Stored], _charges: Charges) -> Iterator[Page]:
    """What each row said when it was read; raises BadRecord."""
    for record in unit:
        yield page(record.source, record.key, record.body)


def page(source: str, key: str, body: Mapping[str, Any]) -> Page:
    """One row; a time that is stored without a zone was taken for UTC, and of a unique code its hash is kept."""
    if source == f"shop.{rows.ORDERS.name}":
        order = rows.order({**body, "order_id": key}, zoneless=True)
        return Page(source, orders=(replace(order, code_hash=known_hash(body.get("unique_code"))),))
    if source == f"shop.{rows.ACCOUNTS.name}":
        return Page(source, accounts=(rows.account({**body, "account_id": key}, zoneless=True),))
    if source == f"shop.{rows.PAYMENTS.name}":
        return Page(source, payments=(rows.payment(body),))
    raise BadRecord(f"nothing reads records of {source}")
