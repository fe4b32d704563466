"""Purchases that nobody questions: what an account has paid before, and neither reversed nor disputed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from reconciler.model import Status
from reconciler.schema import matches, orders, transactions
from reconciler.schema_cases import disputes


def settled_before(account_id: str, before: datetime, columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    """Of the charges of this account's orders, those from before a time that were paid and never went back or into
    dispute: the columns asked for.
    """
    table, back = transactions, transactions.alias("back")
    reversed_ = sa.exists().where(
        back.c.provider == table.c.provider, back.c.parent_ref == table.c.ref, back.c.status != Status.WITHDRAWN
    )
    disputed = sa.exists().where(disputes.c.provider == table.c.provider, disputes.c.ref == table.c.ref)
    return (
        sa.select(*columns)
        .select_from(table)
        .join(matches, sa.and_(matches.c.provider == table.c.provider, matches.c.ref == table.c.ref))
        .join(orders, orders.c.order_id == matches.c.order_id)
        .where(orders.c.account_id == account_id, table.c.occurred_at < before)
        .where(table.c.status == Status.PAID, ~reversed_, ~disputed)
    )
