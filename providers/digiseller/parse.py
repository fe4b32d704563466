"""DigiSeller's records as the program's own values; pure, and a record it cannot understand raises BadRecord."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from providers.digiseller.fields import decimal, digest, echoes, flag, invoice, kept, moment, plain, whole
from reconciler.errors import BadRecord
from reconciler.model import ChargeState, Kind, Page, Quarantined, RawRecord, Signal, Status, Transaction
from reconciler.money import check_minor, exponent, to_minor
from reconciler.text import code_hash, fold_email, known_hash

PROVIDER = "digiseller"
SALES, DETAILS, RECEIPTS, CHATS = (f"{PROVIDER}.{name}" for name in ("sales", "details", "receipts", "chats"))
CODE_HASH = "code_hash"
"""What stands in a stored row for the content that was sold, where that was a unique code."""
MAX_REVIEW_CHARS = 1000
PAID, REFUND_STARTED, REFUNDED = 3, 35, 5
CODE_UNCHECKED, CODE_REFUTED = 1, 4
OPENED_BY_ADMINISTRATION = 2
CHAT_STATES = (0, 1, OPENED_BY_ADMINISTRATION)
_CURRENCY = re.compile(r"[A-Z][A-Z0-9]{1,9}", re.ASCII)
_STATUSES = {
    1: Status.PENDING,
    2: Status.FAILED,
    PAID: Status.PAID,
    4: Status.FAILED,
    REFUND_STARTED: Status.PAID,
    REFUNDED: Status.PAID,
}


@dataclass(frozen=True, slots=True)
class Sale:
    """A row of the sales list: its charge, the content piece that it is about, and whether it was refunded."""

    charge: Transaction
    entry: str
    returned: bool

    def transactions(self, seen_at: datetime) -> tuple[Transaction, ...]:
        """The charge, and its refund where it was refunded."""
        return (self.charge, refund_of(self.charge, seen_at)) if self.returned else (self.charge,)


def sale(row: Any) -> Sale:
    """Read a row of `seller-sells/v2` (fact sheet A3); raises BadRecord."""
    row = record(row)
    ref = invoice(row.get("invoice_id"), "invoice_id")
    currency = _currency(row, "amount_currency")
    amount = _amount(row.get("amount_in"), "amount_in", currency)
    entry = row.get("product_entry")
    charge = Transaction(
        provider=PROVIDER,
        ref=ref,
        kind=Kind.CHARGE,
        status=Status.PAID,
        amount_minor=amount,
        currency=currency,
        occurred_at=_required(row, "date_pay"),
        occurred_text=plain(row.get("date_pay")) or "",
        group_ref=ref,
        fee_minor=_fee(row.get("amount_in"), row.get("amount_out"), "amount_out", currency),
        product_id=plain(row.get("product_id")),
        title=plain(row.get("product_name")),
        buyer_email=fold_email(plain(row.get("email"))),
        code_hash=code_hash(entry) if isinstance(entry, str) else known_hash(row.get(CODE_HASH)),
    )
    return Sale(charge, plain(row.get("product_entry_id")) or "", flag(row.get("returned"), "returned"))


def sale_record(sale: Sale, row: Any, seen_at: datetime) -> RawRecord:
    """A row of the list as it is stored: the hash of the unique code in the place of what was sold."""
    hashed = {CODE_HASH: sale.charge.code_hash} if sale.charge.code_hash else {}
    return RawRecord(PROVIDER, SALES, sale.charge.ref, kept(row) | hashed, seen_at if sale.returned else None)


def refund_of(charge: Transaction, seen_at: datetime, *, started_only: bool = False) -> Transaction:
    """The refund of a whole sale whose time is not told: it is `seen_at` and marked as not exact (fact sheet A9).

    With `started_only` the buyer has not completed it yet (invoice state 35), and the seller began it.
    """
    return replace(
        charge,
        ref=f"{charge.ref}:refund",
        kind=Kind.REFUND,
        status=Status.INITIATED if started_only else Status.COMPLETED,
        parent_ref=charge.ref,
        occurred_at=seen_at,
        occurred_text="",
        occurred_exact=False,
        fee_minor=None,
        code_hash=None,
        seller_started=started_only,
    )


def receipt(item: Any) -> Transaction | None:
    """The refund in an account operation, with its exact time; None for other operations (fact sheet A6).

    The sign of `price` on debits is unknown, so its size counts. Raises BadRecord.
    """
    operation = record(record(item).get("operation"), "operation")
    if operation.get("type") != "refund":
        return None
    ref = invoice(operation.get("id"), "operation.id")
    if ref == plain(item.get("account_operation_id")):
        raise BadRecord(f"refund operation {ref} names no invoice")
    currency = _currency(operation, "currency")
    product = item.get("product")
    return Transaction(
        provider=PROVIDER,
        ref=f"{ref}:refund",
        kind=Kind.REFUND,
        status=Status.COMPLETED,
        amount_minor=abs(to_minor(decimal(operation.get("price"), "price"), currency)),
        currency=currency,
        occurred_at=_required(operation, "datetime"),
        occurred_text=plain(operation.get("datetime")) or "",
        parent_ref=ref,
        group_ref=ref,
        product_id=plain(product.get("id")) if isinstance(product, dict) else None,
    )


def details(ref: str, content: Any, now: datetime) -> Page:
    """What `purchase/info` says about one invoice (fact sheet A4); what cannot be understood is quarantined."""
    problems: list[str] = []
    states = _try(problems, lambda: (_state(ref, content, now),))
    signals = _try(problems, lambda: _signals(ref, content)) if states else ()
    transactions = _try(problems, lambda: _from_info(ref, content, now)) if states else ()
    bad = (unreadable(DETAILS, content, "; ".join(problems), ref),) if problems else ()
    raw = RawRecord(PROVIDER, DETAILS, ref, kept(content), read_at=now)
    return Page(DETAILS, transactions, states, signals, raws=(raw,), quarantined=bad)


def not_found(ref: str, now: datetime) -> Page:
    """DigiSeller knows no such invoice."""
    return Page(DETAILS, states=(ChargeState(PROVIDER, ref, now, found=False),))


def chat(item: Any) -> tuple[str, datetime]:
    """Invoice and last message time of one chat (fact sheet A8); raises BadRecord."""
    item = record(item)
    return invoice(item.get("id_i"), "id_i"), _required(item, "last_date")


def chat_signal(ref: str, answer: Mapping[str, Any], last_at: datetime) -> Signal:
    """Whether the administration has opened the chat (state 2); an unknown state raises BadRecord."""
    state = whole(answer.get("chat_state"), "chat_state")
    if state not in CHAT_STATES:
        raise BadRecord(f"unknown chat_state {state}")
    return Signal(PROVIDER, ref, "chat_by_administration", state == OPENED_BY_ADMINISTRATION, last_at)


def record(value: Any, name: str = "record") -> dict[str, Any]:
    """`value` as a JSON object; raises BadRecord."""
    if not isinstance(value, dict):
        raise BadRecord(f"the {name} is no object but {type(value).__name__}")
    return value


def unreadable(source: str, body: Any, reason: str, key: str | None = None) -> Quarantined:
    """A record put aside under its own number, or its digest where it has none; secrets are dropped."""
    return Quarantined(PROVIDER, source, key or digest(body), reason, kept(body))


def _try(problems: list[str], make: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
    try:
        return make()
    except BadRecord as error:
        problems.append(str(error))
        return ()


def _state(ref: str, content: Any, now: datetime) -> ChargeState:
    content = record(content, "content")
    code = _code_state(content)
    return ChargeState(
        PROVIDER,
        ref,
        now,
        state=str(whole(content.get("invoice_state"), "invoice_state")),
        claimed=None if code is None else code != CODE_UNCHECKED,
        echoes=echoes(content.get("query_string"), content.get("external_order_id")),
    )


def _code_state(content: Mapping[str, Any]) -> int | None:
    code = content.get("unique_code_state")
    value = None if code is None else record(code, "unique_code_state").get("state")
    return None if value is None else whole(value, "unique_code_state.state")


def _signals(ref: str, content: Mapping[str, Any]) -> tuple[Signal, ...]:
    refuted = _code_state(content) == CODE_REFUTED
    refuted_at = _moment_or_none(content["unique_code_state"].get("date_refuted")) if refuted else None
    review = content.get("feedback")
    review = {} if review is None else record(review, "feedback")
    negative = str(review.get("feedback_type")).casefold() == "negative" and not _deleted(review)
    text = (plain(review.get("feedback")) or "")[:MAX_REVIEW_CHARS]
    return (
        Signal(PROVIDER, ref, "code_refuted", refuted, refuted_at),
        Signal(
            PROVIDER, ref, "bad_review", negative, _moment_or_none(content.get("date_pay")), text if negative else ""
        ),
    )


def _moment_or_none(value: Any) -> datetime | None:
    try:
        return moment(value)
    except BadRecord:  # the form of these dates is unknown, and the signal counts without its time
        return None


def _deleted(review: Mapping[str, Any]) -> bool:
    return review.get("deleted") is not None and flag(review["deleted"], "feedback.deleted")


def _from_info(ref: str, content: Mapping[str, Any], now: datetime) -> tuple[Transaction, ...]:
    """The charge, and its refund as far as it has come; a sale that reads as paid ends a refund only started."""
    state = whole(content.get("invoice_state"), "invoice_state")
    charge = _info_charge(ref, state, content)
    if state == PAID:
        return charge, replace(refund_of(charge, now), status=Status.WITHDRAWN)
    if state not in (REFUND_STARTED, REFUNDED):
        return (charge,)
    if charge.amount_minor == 0:  # may be zeroed by the refund (unknown): the sales list alone tells the sum then
        return ()
    return charge, refund_of(charge, now, started_only=state == REFUND_STARTED)


def _info_charge(ref: str, state: int, content: Mapping[str, Any]) -> Transaction:
    currency = _currency(content, "currency_type")
    dated = "date_pay" if moment(content.get("date_pay")) else "purchase_date"
    buyer = content.get("buyer_info")
    fee = _fee(content.get("amount"), content.get("profit"), "profit", currency) if state == PAID else None
    return Transaction(
        provider=PROVIDER,
        ref=ref,
        kind=Kind.CHARGE,
        status=_STATUSES.get(state, Status.UNKNOWN),
        amount_minor=_amount(content.get("amount"), "amount", currency),
        currency=currency,
        occurred_at=_required(content, dated),
        occurred_text=plain(content.get(dated)) or "",
        group_ref=ref,
        fee_minor=fee,
        product_id=plain(content.get("item_id")),
        title=plain(content.get("name")),
        buyer_email=fold_email(plain(buyer.get("email"))) if isinstance(buyer, dict) else None,
        reason=None if state in _STATUSES else f"invoice_state {state}",
        listed=False,
    )


def _currency(body: Mapping[str, Any], name: str) -> str:
    code = (plain(body.get(name)) or "").upper()
    if not _CURRENCY.fullmatch(code):
        raise BadRecord(f"{name}: expected a currency, got {body.get(name)!r:.40}")
    return code


def _amount(value: Any, name: str, currency: str) -> int:
    minor = to_minor(decimal(value, name), currency)
    if minor < 0:
        raise BadRecord(f"{name}: {value} is below zero")
    return minor


def _fee(paid: Any, credited: Any, name: str, currency: str) -> int | None:
    """What the provider kept, rounded to a minor unit (its share may be finer); None where it does not say."""
    if credited is None:
        return None
    kept_back = (decimal(paid, "amount") - decimal(credited, name)).scaleb(exponent(currency))
    return check_minor(int(kept_back.quantize(Decimal(1), ROUND_HALF_UP)))


def _required(body: Mapping[str, Any], name: str) -> datetime:
    try:
        when = moment(body.get(name))
    except BadRecord as error:
        raise BadRecord(f"{name}: {error}") from None
    if when is None:
        raise BadRecord(f"{name} is missing")
    return when
