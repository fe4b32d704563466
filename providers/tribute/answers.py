"""The shapes of Tribute's answers: what is wrapped in what, and the shops of an account; pure."""

from dataclasses import dataclass
from typing import Any

from providers.tribute import fields
from reconciler.errors import Retryable


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop of the account; `id` is None in the answers of 2025, which had none (fact sheet A5.2)."""

    id: int | None
    name: str
    active: bool


def bare_list(value: Any) -> list[Any]:
    """The list of `/shops` or `/shop/orders`: a bare array, null when it is empty (fact sheet A5.1, A10.3)."""
    if value is not None and not isinstance(value, list):
        raise Retryable(f"expected an array, got {type(value).__name__}")
    return value or []


def one_record(value: Any) -> dict[str, Any]:
    """A single object such as `/shop/orders/{uuid}`."""
    if not isinstance(value, dict):
        raise Retryable(f"expected an object, got {type(value).__name__}")
    return value


def transaction_page(value: Any) -> tuple[list[Any], str]:
    """The rows of one page of transactions and the `startFrom` of the next, "" at the end (fact sheet A5.5)."""
    answer = one_record(value)
    if "transactions" not in answer:
        raise Retryable("the answer has no transactions")
    following = answer.get("nextFrom")
    if following is not None and (isinstance(following, bool) or not isinstance(following, str | int)):
        raise Retryable("nextFrom is no text")
    return bare_list(answer["transactions"]), str("" if following is None else following)


def order_page(value: Any) -> tuple[list[Any], int | None]:
    """The rows of one page of `/physical/orders` and the size of a full page, where it says so (fact sheet A4.4).

    `meta.offset` is the page's number, not a row's, and `meta.total` is not to be trusted: neither is used.
    """
    answer = one_record(value)
    if "rows" not in answer:
        raise Retryable("the answer has no rows")
    meta = answer.get("meta")
    limit = meta.get("limit") if isinstance(meta, dict) else None
    return bare_list(answer["rows"]), limit if isinstance(limit, int) and limit > 0 else None


def shop(record: Any) -> Shop:
    """A shop (fact sheet A5.2); without a status it is active, since inactive ones are never listed."""
    values = fields.record_of(record)
    number = fields.id_of(values, "id")
    status = values.get("status")
    return Shop(int(number) if number else None, fields.text_of(values, "name") or "", str(status) != "0")
