"""Reads the plan's inputs out of the store's tables: the selects that say what stored facts mean for matching."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import BigInteger, ColumnElement, Select, Table

from reconciler import schema, schema_cases
from reconciler.matching import relations, scope_tables
from reconciler.matching.lookups import checked, there_is
from reconciler.matching.terms import Horizon

UUID_FORM = "________-____-____-____-____________%"
ANY_REF = "%"
FINDABLE_REFS: Mapping[str, str] = {"tribute": UUID_FORM}
"""The form of refs that a provider can be asked for, where not every one: other sales arrive by webhook only."""
NOT_DELIVERED_BY_SHOP = ("physical:%", "donation:%", "subscription:%")
"""Charges for goods sent by post, donations and channel memberships: the shop's ledger delivers none of them."""
NEEDS_LOOK = ("digiseller",)
"""Providers whose list does not say whether the unique code was presented: a single look has to."""


def sources(equivalents: Mapping[str, str], horizon: Horizon, *, scoped: bool = False) -> dict[Table, Select[Any]]:
    """For each input table of the plan, the select over the store that fills it; `scoped`: with what is in scope alone.

    Accounts come last: their scope is what the orders and charges name.
    """
    providers = tuple(horizon.providers)
    found = {
        relations.charge: (_charges(equivalents, horizon), schema.transactions),
        relations.echo: (_echoes(), schema.echoes),
        relations.order: (_orders(equivalents, providers), schema.orders),
        relations.payment: (sa.select(*schema.payments.c), schema.payments),
        relations.reversal: (_reversals(equivalents, providers), schema.transactions),
        relations.approval: (_approvals(equivalents, providers), schema.refund_approvals),
        relations.dispute: (_disputes(), schema_cases.disputes),
        relations.signal: (_signals(), schema.signals),
        relations.unread: (_unread(), schema.quarantine),
        relations.account: (_accounts(), schema.accounts),
    }
    return {table: _within(source, row) if scoped else source for table, (source, row) in found.items()}


def _within(source: Select[Any], row: Table) -> Select[Any]:
    """Only the rows of `row` that are in scope."""
    for table in scope_tables.BY_KEY:
        names = [column.name for column in table.columns if column.name != "round"]
        if set(names) <= set(row.columns.keys()):
            keys = sa.select(*(table.c[name] for name in names))
            return source.where(sa.tuple_(*(row.c[name] for name in names)).in_(keys))
    raise ValueError(f"no table says which rows of {row.name} are in scope")


def comparable(currency: ColumnElement[str], equivalents: Mapping[str, str]) -> ColumnElement[Any]:
    """SQL of `money.comparable`: the currency that amounts may be compared in, or NULL."""
    known = {"RUR": "RUB", **equivalents}
    return sa.case(
        *((currency == code, sa.literal(iso)) for code, iso in known.items()),
        (currency.like("WM%"), sa.null()),
        else_=currency,
    )


def is_delivered(row: Any) -> ColumnElement[bool]:
    """The shop delivered the order: it says so, or it delivered first and refunded later (policy, Words)."""
    return sa.or_(row.c.status == "delivered", sa.and_(row.c.status == "refunded", row.c.delivered_at.is_not(None)))


def _us(column: ColumnElement[Any]) -> ColumnElement[int]:
    return sa.type_coerce(column, BigInteger)


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return sa.case((condition, 1), else_=0)


def _accounts() -> Select[Any]:
    table = schema.accounts.c
    return sa.select(
        *(table[name] for name in ("account_id", "telegram_user_id", "email", "status", "balance_micro")), _unused()
    )


def _unused() -> ColumnElement[Any]:
    """Unused credits of an account's delivered orders; they count only where it has a refunded order as well."""
    row, mine = schema.orders, schema.orders.alias("mine")
    is_refunded = row.c.status == sa.literal_column("'refunded'")
    refunded = there_is(row, row.c.account_id == schema.accounts.c.account_id, is_refunded)
    unused = (
        sa.select(sa.func.sum(mine.c.credits_micro - sa.func.coalesce(mine.c.credits_used_micro, 0)))
        .where(mine.c.account_id == schema.accounts.c.account_id, mine.c.status == "delivered")
        .correlate(schema.accounts)
        .scalar_subquery()
    )
    return sa.case((refunded, sa.func.coalesce(unused, 0)), else_=0)


def _signals() -> Select[Any]:
    table = schema.signals.c
    return sa.select(table.provider, table.ref, table.name, table.text).where(table.active)


def _unread() -> Select[Any]:
    table = schema.quarantine.c
    return sa.select(table.provider, table.source, table.key, table.reason).where(table.released_at.is_(None))


def _echoes() -> Select[Any]:
    table = schema.echoes.c
    return sa.select(table.provider, table.ref, table.value).where(
        sa.exists().where(schema.orders.c.order_id == table.value)
    )


def _charges(equivalents: Mapping[str, str], horizon: Horizon) -> Select[Any]:
    row, state = schema.transactions, schema.charge_states
    account = sa.func.coalesce(row.c.account_id, _named_account(row))
    return (
        sa.select(
            *(row.c[name] for name in ("provider", "ref", "group_ref", "currency")),
            comparable(row.c.currency, equivalents),
            account,
            *(row.c[name] for name in ("telegram_user_id", "buyer_email", "product_id", "title", "code_hash")),
            row.c.amount_minor,
            _us(row.c.occurred_at),
            _flag(row.c.shared),
            _flag(row.c.recurring),
            _flag(state.c.claimed.is_(False)),
            _flag(
                sa.and_(
                    *(row.c.ref.not_like(form) for form in NOT_DELIVERED_BY_SHOP),
                    sa.or_(row.c.provider.not_in(NEEDS_LOOK), state.c.ref.is_not(None)),
                )
            ),
            _flag(_is_history(row, horizon)),
            _flag(_has_reversal(row)),
            _flag(_has_approval(row)),
        )
        .outerjoin(state, sa.and_(state.c.provider == row.c.provider, state.c.ref == row.c.ref))
        .where(row.c.kind == "charge", row.c.status == "paid", row.c.provider.in_(list(horizon.providers)))
    )


def _named_account(row: Table) -> ColumnElement[Any]:
    """The account that a charge's echoes name, where they name exactly one."""
    echo, account = schema.echoes, schema.accounts
    return (
        sa.select(sa.func.min(account.c.account_id))
        .join(echo, account.c.account_id == echo.c.value)
        .where(echo.c.provider == row.c.provider, echo.c.ref == row.c.ref)
        .having(sa.func.count() == 1)
        .correlate(row)
        .scalar_subquery()
    )


def _is_history(row: Table, horizon: Horizon) -> ColumnElement[bool]:
    starts = [
        sa.and_(row.c.provider == provider, _us(row.c.occurred_at) < coverage.since_us)
        for provider, coverage in horizon.providers.items()
        if coverage.since_us is not None
    ]
    return sa.or_(sa.false(), *starts)


def _has_reversal(row: Table) -> ColumnElement[bool]:
    other = schema.transactions.alias("reversal")
    return there_is(
        other,
        other.c.provider == row.c.provider,
        other.c.parent_ref == row.c.ref,
        other.c.kind != "charge",
        other.c.status != "withdrawn",
    )


def _has_approval(row: Table) -> ColumnElement[bool]:
    table = schema.refund_approvals
    return there_is(table, table.c.provider == row.c.provider, table.c.ref == row.c.ref)


def _orders(equivalents: Mapping[str, str], providers: tuple[str, ...]) -> Select[Any]:
    """Orders of enabled providers, completed from their account where they state no e-mail or Telegram id."""
    row, account, paid = schema.orders, schema.accounts, schema.payments
    named = sa.or_(row.c.provider_ref.is_not(None), there_is(paid, paid.c.order_id == row.c.order_id))
    return (
        sa.select(
            *(row.c[name] for name in ("order_id", "provider", "provider_ref", "code_hash", "account_id")),
            sa.func.coalesce(row.c.telegram_user_id, account.c.telegram_user_id),
            sa.func.coalesce(row.c.buyer_email, account.c.email),
            row.c.product_id,
            row.c.currency,
            comparable(row.c.currency, equivalents),
            row.c.status,
            row.c.amount_minor,
            *(_us(row.c[name]) for name in ("created_at", "delivered_at", "updated_at")),
            *(row.c[name] for name in ("credits_ordered_micro", "credits_micro", "credits_used_micro")),
            _flag(is_delivered(row)),
            _flag(named),
            _flag(_is_findable(row, providers)),
            _absence(row),
        )
        .outerjoin(account, account.c.account_id == row.c.account_id)
        .where(sa.or_(row.c.provider.is_(None), row.c.provider.in_(providers)))
    )


def _is_findable(row: Table, providers: tuple[str, ...]) -> ColumnElement[bool]:
    """Whether the provider's feed would have to show the order's charge, by what the shop says of it.

    A sale whose order names nothing but a code may be older than the feed, and a code must not be looked up.
    """
    paid = schema.payments
    by_payment = there_is(paid, paid.c.order_id == row.c.order_id)
    ways = []
    for provider in providers:
        form = FINDABLE_REFS.get(provider, ANY_REF)
        unnamed = sa.and_(row.c.provider_ref.is_(None), by_payment)
        bare = sa.and_(row.c.provider_ref.is_(None), row.c.code_hash.is_(None), sa.literal(form == ANY_REF))
        ways.append(sa.and_(row.c.provider == provider, sa.or_(row.c.provider_ref.like(form), unnamed, bare)))
    hidden = [
        sa.and_(paid.c.provider == provider, paid.c.provider_ref.not_like(form))
        for provider, form in FINDABLE_REFS.items()
    ]
    by_hidden = there_is(paid, paid.c.order_id == row.c.order_id, sa.or_(sa.false(), *hidden))
    return sa.and_(sa.or_(sa.false(), *ways), ~by_hidden)


def _absence(row: Table) -> ColumnElement[int]:
    """What is established about the references that an order names (see `relations.order`).

    That one is not paid, or not often enough, holds only if it was read after the order last changed, and read whole.
    """
    charge, state, paid, aside = schema.transactions, schema.charge_states, schema.payments, schema.quarantine
    unpaid = ("pending", "failed", "prepaid")

    def named(says: Callable[[Any, Any], ColumnElement[bool]]) -> ColumnElement[bool]:
        by_payment = there_is(paid, paid.c.order_id == row.c.order_id, says(paid.c.provider, paid.c.provider_ref))
        return sa.or_(says(row.c.provider, row.c.provider_ref), by_payment)

    def with_status(*statuses: str) -> Callable[[Any, Any], ColumnElement[bool]]:
        return lambda provider, ref: there_is(
            charge, charge.c.provider == provider, charge.c.ref == ref, charge.c.status.in_(statuses)
        )

    def read(provider: Any, ref: Any, says: ColumnElement[bool]) -> ColumnElement[bool]:
        return there_is(state, state.c.provider == provider, state.c.ref == ref, says)

    def denied(provider: Any, ref: Any) -> ColumnElement[bool]:
        return read(provider, ref, state.c.found.is_(False))

    def told(provider: Any, ref: Any) -> ColumnElement[bool]:
        parts = sa.or_(aside.c.key == ref, aside.c.key.startswith(ref + ":"))
        doubtful = there_is(aside, aside.c.provider == provider, parts, aside.c.released_at.is_(None))
        since = read(provider, ref, state.c.read_at >= row.c.updated_at)
        return sa.and_(with_status(*unpaid, "paid")(provider, ref), since, ~doubtful)

    def unanswered(provider: Any, ref: Any) -> ColumnElement[bool]:
        return sa.and_(ref.is_not(None), ~told(provider, ref), ~denied(provider, ref))

    return sa.case(
        (named(unanswered), 0),
        (named(with_status(*unpaid)), 2),
        (named(with_status("paid")), 3),
        (named(denied), 1),
        else_=0,
    )


def _reversals(equivalents: Mapping[str, str], providers: tuple[str, ...]) -> Select[Any]:
    row = schema.transactions
    return sa.select(
        *(row.c[name] for name in ("provider", "ref", "parent_ref", "kind", "status", "currency")),
        comparable(row.c.currency, equivalents),
        row.c.reason,
        row.c.amount_minor,
        _us(row.c.occurred_at),
        _flag(row.c.seller_started),
    ).where(row.c.kind != "charge", row.c.status != "withdrawn", checked(row.c.provider).in_(providers))


def _approvals(equivalents: Mapping[str, str], providers: tuple[str, ...]) -> Select[Any]:
    row = schema.refund_approvals
    return sa.select(
        *(row.c[name] for name in ("id", "provider", "ref", "currency")),
        comparable(row.c.currency, equivalents),
        row.c.decided_by,
        row.c.amount_minor,
        _us(row.c.recorded_at),
    ).where(row.c.provider.in_(providers))


def _disputes() -> Select[Any]:
    row = schema_cases.disputes
    names = ("id", "provider", "ref", "currency", "reason_code", "state", "stage", "amount_minor")
    return sa.select(*(row.c[name] for name in names), _us(row.c.opened_at))
