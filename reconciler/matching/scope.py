"""What a change can touch: the rows whose matches or findings may be others now, found as a closure over links.

Everything that joins two rows in the plan or in a detector is a link here, rather too wide than too narrow; rows that
are closed under all links give alone what they give within the whole history. Two kinds of link lead nowhere from most
rows: the fallback's only to charges and orders that no reference ties, the repeats' only to like charges of one buyer
close together. So a closed pair stays closed unless one of its rows, or of those that share a reference, changes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, ColumnElement, Integer, Select, Table

from reconciler.matching.lookups import there_is
from reconciler.matching.plan import CODE, ECHO, PAYMENTS, REFERENCE
from reconciler.matching.scope_tables import buying, held, in_scope, orders_in_scope, own
from reconciler.matching.terms import Terms
from reconciler.schema import accounts, changes, echoes, matches, orders, payments, transactions

TIED = (REFERENCE, PAYMENTS, CODE, ECHO)
"""Rules whose pairs the fallback leaves alone."""
ROUND = sa.bindparam("after", type_=Integer)
"""The round whose rows are looked at."""

_key, _order = in_scope, orders_in_scope
_other = transactions.alias("other")


def moved_transactions(providers: Sequence[str]) -> list[Select[Any]]:
    """Keys that the log names, and those that changed rows were linked with before; the charges of changed accounts."""
    row = changes.c
    by_code = sa.select(_other.c.provider, _other.c.ref).join(changes, _other.c.code_hash == row.code_hash)
    group = sa.select(row.provider, row.other_ref).where(row.target == "transaction", row.other_ref.is_not(None))
    named = (_named(name, row.provider, row.other_ref, row.target == "order") for name in providers)
    of_account = sa.and_(row.target == "account", sa.or_(_is_reversed(_other), _is_partly_delivered(_other)))
    named_account = sa.or_(sa.not_(row.old), _is_reversed(echoes), _is_partly_delivered(echoes))
    return [
        sa.select(row.provider, row.ref).where(row.target == "transaction"),
        group,
        *named,
        by_code,
        sa.select(_other.c.provider, _other.c.ref).join(changes, _other.c.account_id == row.ref).where(of_account),
        sa.select(echoes.c.provider, echoes.c.ref)
        .join(changes, echoes.c.value == row.ref)
        .where(row.target == "account", named_account),
    ]


def moved_orders() -> list[Select[Any]]:
    """The same for orders; those of a changed account where they take its e-mail or their credits may be judged."""
    row = changes.c
    reversed_tie = there_is(matches, matches.c.order_id == orders.c.order_id, _is_reversed(matches))
    is_account = row.target == "account"
    of_account = sa.select(orders.c.order_id).join(changes, orders.c.account_id == row.ref)
    left = sa.select(orders.c.order_id).join(changes, orders.c.account_id == row.account_id)
    return [
        sa.select(row.ref).where(row.target == "order"),
        sa.select(orders.c.order_id).join(changes, orders.c.code_hash == row.code_hash),
        of_account.where(is_account, sa.or_(reversed_tie, _lacks_credits())),
        of_account.outerjoin(accounts, accounts.c.account_id == row.ref).where(is_account, _is_renamed()),
        left.where(row.target == "order", orders.c.status == sa.literal_column("'refunded'")),
    ]


def moved_records() -> Select[Any]:
    """Records in quarantine that the log names."""
    return sa.select(changes.c.provider, changes.c.other_ref, changes.c.ref).where(changes.c.target == "record")


def bought_before() -> Iterator[Select[Any]]:
    """What changed rows said of their buyer before they changed."""
    row = changes.c
    for how in ("account_id", "email", "telegram"):
        for target, side in (("transaction", "charge"), ("order", "order")):
            yield sa.select(sa.literal(side), sa.literal(how), row[how], row.amount_minor, row.at).where(
                row.target == target, row[how].is_not(None)
            )
        if how != "account_id":
            other_now = accounts.c[_OF_ACCOUNT[how]].is_distinct_from(row[how])
            yield (
                sa.select(sa.literal("order"), sa.literal(how), row[how], orders.c.amount_minor, orders.c.created_at)
                .join(orders, orders.c.account_id == row.ref)
                .outerjoin(accounts, accounts.c.account_id == row.ref)
                .where(row.target == "account", row[how].is_not(None), other_now)
            )


def of_round() -> Iterator[tuple[Table, Select[Any]]]:
    """What fills `own` and `held`."""
    for table, facts, key in ((own, transactions, _key), (held, orders, _order)):
        names = [column.name for column in key.columns if column.name != "round"]
        same = sa.and_(*(facts.c[name] == key.c[name] for name in names))
        columns = (facts.c[column.name] for column in table.columns)
        yield table, sa.select(*columns).select_from(sa.join(key, facts, same)).where(key.c.round == ROUND)


def bought() -> Iterator[Select[Any]]:
    """What the rows of this round say of their buyer."""
    of_charge, of_order = (own.c.amount_minor, own.c.occurred_at), (held.c.amount_minor, held.c.created_at)
    is_charge = own.c.kind == "charge"
    for how, column in _NAMES.items():
        yield _said("charge", how, own.c[column], *of_charge, own).where(is_charge)
        yield _said("order", how, held.c[column], *of_order, held)
        if how != "account_id":
            by_account = sa.join(held, accounts, accounts.c.account_id == held.c.account_id)
            unsaid = held.c[column].is_(None)
            yield _said("order", how, accounts.c[_OF_ACCOUNT[how]], *of_order, by_account).where(unsaid)
    named = sa.join(own, echoes, _same(echoes, own))
    yield _said("charge", "account_id", echoes.c.value, *of_charge, named).where(is_charge)


def linked_transactions(providers: Sequence[str], terms: Terms) -> Iterator[Select[Any]]:
    """Keys one link away from the rows of this round."""
    near, far = _key.c.round == ROUND, _order.c.round == ROUND
    other = sa.select(_other.c.provider, _other.c.ref)
    yield sa.select(own.c.provider, own.c.group_ref)
    yield sa.select(own.c.provider, own.c.parent_ref).where(own.c.parent_ref.is_not(None))
    shared = sa.and_(_other.c.shared, _other.c.group_ref != _other.c.ref)
    for column, holds in ((_other.c.group_ref, shared), (_other.c.parent_ref, sa.true())):
        found = sa.join(_key, _other, sa.and_(_other.c.provider == _key.c.provider, column == _key.c.ref))
        yield other.select_from(found).where(near, holds)
    for row in (own, held):
        yield other.select_from(sa.join(row, _other, _other.c.code_hash == row.c.code_hash))
    for name in providers:
        yield _named(name, held.c.provider, held.c.provider_ref, sa.true())
    paid = sa.join(_order, payments, payments.c.order_id == _order.c.order_id)
    yield sa.select(payments.c.provider, payments.c.provider_ref).select_from(paid).where(far)
    for table, column in ((echoes, echoes.c.value), (matches, matches.c.order_id)):
        tied = sa.join(_order, table, column == _order.c.order_id)
        yield sa.select(table.c.provider, table.c.ref).select_from(tied).where(far)
    yield from _of_account()
    yield from _like_charges(terms)


def linked_orders(terms: Terms) -> Iterator[Select[Any]]:
    """Orders one link away from the rows of this round."""
    near = _key.c.round == ROUND
    by_ref = sa.join(_key, orders, orders.c.provider_ref == _key.c.ref)
    yield sa.select(orders.c.order_id).select_from(by_ref).where(near)
    same = sa.and_(payments.c.provider == _key.c.provider, payments.c.provider_ref == _key.c.ref)
    yield sa.select(payments.c.order_id).select_from(sa.join(_key, payments, same)).where(near)
    yield sa.select(orders.c.order_id).join(own, orders.c.code_hash == own.c.code_hash)
    yield sa.select(echoes.c.value).select_from(sa.join(_key, echoes, _same(echoes, _key))).where(near)
    yield sa.select(matches.c.order_id).select_from(sa.join(_key, matches, _same(matches, _key))).where(near)
    is_refunded = orders.c.status == sa.literal_column("'refunded'")
    yield sa.select(orders.c.order_id).join(held, orders.c.account_id == held.c.account_id).where(is_refunded)
    yield from _like_orders(terms)


_NAMES = {"account_id": "account_id", "telegram": "telegram_user_id", "email": "buyer_email"}
_OF_ACCOUNT = {"telegram": "telegram_user_id", "email": "email"}


def _of_account() -> Iterator[Select[Any]]:
    """Reversed charges that name the account of an order: its unused credits count for theirs."""
    for table, column in ((_other, _other.c.account_id), (echoes, echoes.c.value)):
        found = sa.join(held, table, column == held.c.account_id)
        yield sa.select(table.c.provider, table.c.ref).select_from(found).where(_is_reversed(table))


def _like_charges(terms: Terms) -> Iterator[Select[Any]]:
    """Charges of the same buyer: repeats of a charge of this round, or such as its fallback may take."""
    found_yet = there_is(_key, _same(_key, _other))
    tied = there_is(matches, _same(matches, _other), matches.c.rule.in_(TIED))
    distance = sa.func.abs(sa.type_coerce(_other.c.occurred_at, BigInteger) - buying.c.at)
    repeats = sa.and_(
        buying.c.side == "charge",
        distance <= terms.duplicate_window_us,
        _other.c.amount_minor == buying.c.amount_minor,
    )
    free = sa.and_(buying.c.side == "order", _near_in_money(_other, terms), ~found_yet, ~tied)
    reach = max(terms.duplicate_window_us, terms.fallback_window_us)
    like = sa.and_(_other.c.kind == "charge", _around(_other.c.occurred_at, reach), sa.or_(repeats, free))
    base = sa.select(_other.c.provider, _other.c.ref)
    for how, column in _NAMES.items():
        found = sa.join(buying, _other, _other.c[column] == buying.c.value)
        yield base.select_from(found).where(_by(how), like)
    named = sa.join(buying, echoes, echoes.c.value == buying.c.value)
    yield base.select_from(sa.join(named, _other, _same(_other, echoes))).where(_by("account_id"), like)


def _like_orders(terms: Terms) -> Iterator[Select[Any]]:
    """Orders of the same buyer that the fallback may give to a charge of this round."""
    found_yet = there_is(_order, _order.c.order_id == orders.c.order_id)
    tied = there_is(matches, matches.c.order_id == orders.c.order_id, matches.c.rule.in_(TIED))
    around = _around(orders.c.created_at, terms.fallback_window_us)
    like = sa.and_(buying.c.side == "charge", around, _near_in_money(orders, terms), ~found_yet, ~tied)
    for how, column in _NAMES.items():
        found: Any = sa.join(buying, orders, orders.c[column] == buying.c.value)
        yield sa.select(orders.c.order_id).select_from(found).where(_by(how), like)
        if how != "account_id":
            found = sa.join(buying, accounts, accounts.c[_OF_ACCOUNT[how]] == buying.c.value)
            found = sa.join(found, orders, orders.c.account_id == accounts.c.account_id)
            yield sa.select(orders.c.order_id).select_from(found).where(_by(how), orders.c[column].is_(None), like)


def _said(side: str, how: str, value: Any, amount: Any, at: Any, source: Any) -> Select[Any]:
    said = sa.select(sa.literal(side), sa.literal(how), value, amount, at)
    return said.select_from(source).where(value.is_not(None))


def _by(how: str) -> ColumnElement[bool]:
    return sa.and_(buying.c.round == ROUND, buying.c.how == how)


def _near_in_money(row: Any, terms: Terms) -> ColumnElement[bool]:
    return sa.func.abs(row.c.amount_minor - buying.c.amount_minor) <= terms.tolerance_minor


def _around(time: ColumnElement[Any], reach_us: int) -> ColumnElement[bool]:
    return sa.type_coerce(time, BigInteger).between(buying.c.at - reach_us, buying.c.at + reach_us)


def _named(name: str, provider: Any, ref: Any, condition: ColumnElement[bool]) -> Select[Any]:
    """The key of a reference at one provider; a reference without provider may be of any."""
    agrees = sa.or_(provider.is_(None), provider == name)
    return sa.select(sa.literal(name), ref).where(condition, agrees, ref.is_not(None))


def _same(left: Any, right: Any) -> ColumnElement[bool]:
    return sa.and_(left.c.provider == right.c.provider, left.c.ref == right.c.ref)


def _is_reversed(row: Any) -> ColumnElement[bool]:
    back = transactions.alias("back")
    return there_is(back, back.c.provider == row.c.provider, back.c.parent_ref == row.c.ref)


def _is_partly_delivered(row: Any) -> ColumnElement[bool]:
    """The charge holds an order that lacks credits: what may be refunded of it depends on the account's balance."""
    return there_is(
        sa.join(matches, orders, orders.c.order_id == matches.c.order_id), _same(matches, row), _lacks_credits()
    )


def _lacks_credits() -> ColumnElement[bool]:
    return orders.c.credits_micro < orders.c.credits_ordered_micro


def _is_renamed() -> ColumnElement[bool]:
    """A changed account whose e-mail or Telegram id is another now, or that was not there before."""
    row = changes.c
    return sa.or_(
        sa.not_(row.old),
        accounts.c.email.is_distinct_from(row.email),
        accounts.c.telegram_user_id.is_distinct_from(row.telegram),
    )


def together(selects: Iterable[Select[Any]]) -> Any:
    """All rows of several selects, each once."""
    return sa.union(*selects).subquery("linked")
