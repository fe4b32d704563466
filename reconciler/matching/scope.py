"""What a change can touch: the rows whose matches or findings may be others now, found as a closure over links.

Everything that joins two rows in the plan or in a detector is a link here, rather too wide than too narrow; rows that
are closed under all links give alone what they give within the whole history. Two kinds of link lead nowhere from most
rows: the fallback's only to charges and orders that no reference ties, the repeats' only to like charges of one buyer
close together. So a closed pair stays closed unless one of its rows, or of those that share a reference, changes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, MetaData, Select, String, Table

from reconciler.matching.lookups import checked, there_is
from reconciler.matching.plan import CODE, ECHO, PAYMENTS, REFERENCE
from reconciler.matching.terms import Terms
from reconciler.schema import accounts, changes, echoes, matches, orders, payments, transactions

tables = MetaData()


def _table(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(name, tables, *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")


def _columns(kind: Any, *names: str) -> list[Column[Any]]:
    return [Column(name, kind) for name in names]


in_scope = _table(
    "s_transaction",
    *_columns(String, "provider", "ref"),
    *_columns(Integer, "round"),
    Index("si_transaction", "provider", "ref", unique=True),
    Index("si_transaction_round", "round"),
)
"""Keys of transactions, known or only named; `round` is how many links away from a change they are."""

orders_in_scope = _table(
    "s_order",
    *_columns(String, "order_id"),
    *_columns(Integer, "round"),
    Index("si_order", "order_id", unique=True),
    Index("si_order_round", "round"),
)

records_in_scope = _table(
    "s_record", *_columns(String, "provider", "source", "key"), Index("si_record", "provider", "source", "key")
)
"""Records that came into quarantine or left it."""

accounts_in_scope = _table("s_account", *_columns(String, "account_id"), Index("si_account", "account_id"))
"""The accounts that orders and charges of the scope belong to."""

BY_KEY = (in_scope, records_in_scope, orders_in_scope, accounts_in_scope)
"""The tables that say what is in scope, each by the columns that name a row, the most telling first."""

buying = _table(
    "s_buying",
    *_columns(String, "side", "how", "value"),
    *_columns(BigInteger, "amount_minor", "at"),
    *_columns(Integer, "round"),
    Index("si_buying_round", "round", "how", "value"),
    Index("si_buying", "value", "at", "side", "how", "amount_minor"),
)
"""Who bought for how much and when, by each name of the buyer, on the `charge` or the `order` side; each once."""

TIED = (REFERENCE, PAYMENTS, CODE, ECHO)
"""Rules whose pairs the fallback leaves alone."""
ROUND = sa.bindparam("after", type_=Integer)
"""The round whose rows are looked at."""

_key, _order = in_scope, orders_in_scope
_own, _other = transactions.alias("own"), transactions.alias("other")


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


def bought() -> Iterator[Select[Any]]:
    """What the rows of this round say of their buyer."""
    charges = sa.join(_key, _own, _same(_own, _key))
    is_charge = sa.and_(_key.c.round == ROUND, _own.c.kind == "charge")
    for how, column in _NAMES.items():
        yield _said("charge", how, _own.c[column], _own.c.amount_minor, _own.c.occurred_at, charges).where(is_charge)
        held = sa.join(_order, orders, orders.c.order_id == _order.c.order_id)
        said = (orders.c.amount_minor, orders.c.created_at)
        yield _said("order", how, orders.c[column], *said, held).where(_order.c.round == ROUND)
        if how != "account_id":
            by_account = sa.join(held, accounts, accounts.c.account_id == orders.c.account_id)
            unsaid = sa.and_(_order.c.round == ROUND, orders.c[column].is_(None))
            yield _said("order", how, accounts.c[_OF_ACCOUNT[how]], *said, by_account).where(unsaid)
    named = sa.join(charges, echoes, _same(echoes, _key))
    yield _said("charge", "account_id", echoes.c.value, _own.c.amount_minor, _own.c.occurred_at, named).where(is_charge)


def linked_transactions(providers: Sequence[str], terms: Terms) -> Iterator[Select[Any]]:
    """Keys one link away from the rows of this round."""
    near, far = _key.c.round == ROUND, _order.c.round == ROUND
    other = sa.select(_other.c.provider, _other.c.ref)
    own = sa.join(_key, _own, _same(_own, _key))
    held = sa.join(_order, orders, orders.c.order_id == _order.c.order_id)
    yield sa.select(_own.c.provider, _own.c.group_ref).select_from(own).where(near)
    yield sa.select(_own.c.provider, _own.c.parent_ref).select_from(own).where(near, checked(_own.c.parent_ref) != "")
    shared = sa.and_(_other.c.shared, _other.c.group_ref != _other.c.ref)
    for column, holds in ((_other.c.group_ref, shared), (_other.c.parent_ref, sa.true())):
        found = sa.join(_key, _other, sa.and_(_other.c.provider == _key.c.provider, column == _key.c.ref))
        yield other.select_from(found).where(near, holds)
    yield other.select_from(sa.join(own, _other, _other.c.code_hash == _own.c.code_hash)).where(near)
    yield other.select_from(sa.join(held, _other, _other.c.code_hash == orders.c.code_hash)).where(far)
    for name in providers:
        yield _named(name, orders.c.provider, orders.c.provider_ref, far).select_from(held)
    paid = sa.join(_order, payments, payments.c.order_id == _order.c.order_id)
    yield sa.select(payments.c.provider, payments.c.provider_ref).select_from(paid).where(far)
    for table, column in ((echoes, echoes.c.value), (matches, matches.c.order_id)):
        tied = sa.join(_order, table, column == _order.c.order_id)
        yield sa.select(table.c.provider, table.c.ref).select_from(tied).where(far)
    yield from _of_account(held, far)
    yield from _like_charges(terms)


def linked_orders(terms: Terms) -> Iterator[Select[Any]]:
    """Orders one link away from the rows of this round."""
    near, far = _key.c.round == ROUND, _order.c.round == ROUND
    by_ref = sa.join(_key, orders, orders.c.provider_ref == _key.c.ref)
    yield sa.select(orders.c.order_id).select_from(by_ref).where(near)
    same = sa.and_(payments.c.provider == _key.c.provider, payments.c.provider_ref == _key.c.ref)
    yield sa.select(payments.c.order_id).select_from(sa.join(_key, payments, same)).where(near)
    coded = sa.join(sa.join(_key, _own, _same(_own, _key)), orders, orders.c.code_hash == _own.c.code_hash)
    yield sa.select(orders.c.order_id).select_from(coded).where(near)
    yield sa.select(echoes.c.value).select_from(sa.join(_key, echoes, _same(echoes, _key))).where(near)
    yield sa.select(matches.c.order_id).select_from(sa.join(_key, matches, _same(matches, _key))).where(near)
    other = orders.alias("other_order")
    held = sa.join(_order, orders, orders.c.order_id == _order.c.order_id)
    refunded = sa.join(held, other, other.c.account_id == orders.c.account_id)
    is_refunded = other.c.status == sa.literal_column("'refunded'")
    yield sa.select(other.c.order_id).select_from(refunded).where(far, is_refunded)
    yield from _like_orders(terms)


_NAMES = {"account_id": "account_id", "telegram": "telegram_user_id", "email": "buyer_email"}
_OF_ACCOUNT = {"telegram": "telegram_user_id", "email": "email"}


def _of_account(held: Any, far: ColumnElement[bool]) -> Iterator[Select[Any]]:
    """Reversed charges that name the account of an order: its unused credits count for theirs."""
    for table, column in ((_other, _other.c.account_id), (echoes, echoes.c.value)):
        found = sa.join(held, table, column == orders.c.account_id)
        yield sa.select(table.c.provider, table.c.ref).select_from(found).where(far, _is_reversed(table))


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
