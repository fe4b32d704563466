"""The shop's stored rows as facts again; pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from providers.shop import rows
from reconciler.errors import BadRecord
from reconciler.model import Page
from reconciler.text import known_hash


def facts(source: str, body: Mapping[str, Any]) -> Page:
    """What a row said when it was read; raises BadRecord.

    A time that is stored without a zone was taken for UTC, and of a unique code the hash alone is kept.
    """
    if source == f"shop.{rows.ORDERS.name}":
        order = rows.order(body, zoneless=True)
        return Page(source, orders=(replace(order, code_hash=known_hash(body.get("unique_code"))),))
    if source == f"shop.{rows.ACCOUNTS.name}":
        return Page(source, accounts=(rows.account(body, zoneless=True),))
    if source == f"shop.{rows.PAYMENTS.name}":
        return Page(source, payments=(rows.payment(body),))
    raise BadRecord(f"nothing reads records of {source}")
