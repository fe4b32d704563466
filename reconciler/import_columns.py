"""The columns that each importer understands, and what is wrong with a mapping onto them; pure."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ZONE = "timezone"
"""The one key of a mapping that names no column: the zone of times that are written without one."""

CONSTANT = "="
"""A mapping that begins so gives the value itself, for all rows, instead of a column's name."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file must and may say. Each group of `required` needs one of its columns.

    `also` are the provider's own words for some of them: they are understood in a file without a mapping.
    """

    required: tuple[tuple[str, ...], ...]
    optional: tuple[str, ...]
    also: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> tuple[str, ...]:
        """Every column, required ones first."""
        return (*(name for group in self.required for name in group), *self.optional)


_MONEY = ("amount", "amount_minor")
COLUMNS: Mapping[str, Columns] = {
    "digiseller": Columns(
        required=(("ref",), ("occurred_at",), _MONEY, ("currency",)),
        optional=(*("returned", "refunded_at", "credited", "product_id", "title", "buyer_email", "unique_code"),),
        also={
            "ref": ("invoice_id",),
            "occurred_at": ("date_pay",),
            "amount": ("amount_in",),
            "credited": ("amount_out",),
            "currency": ("amount_currency",),
            "title": ("product_name",),
            "buyer_email": ("email",),
        },
    ),
    "tribute": Columns(
        required=(("event",), ("occurred_at",), _MONEY, ("currency",)),
        optional=(
            *("purchase_id", "transaction_id", "product_id", "title", "refund_reason"),
            *("donation_request_id", "anonymously", "subscription_id", "period_id", "expires_at", "type", "price"),
            *("price_minor", "buyer_email", "telegram_user_id", "trb_user_id"),
        ),
        also={
            "event": ("name",),
            "occurred_at": ("created_at",),
            "title": ("product_name",),
            "buyer_email": ("email",),
        },
    ),
    "orders": Columns(
        required=(
            *(("order_id",), _MONEY, ("currency",), ("status",)),
            *(("created_at",), ("delivered_at",), ("updated_at",)),
        ),
        optional=(
            *("provider", "provider_ref", "unique_code", "account_id", "buyer_email", "telegram_user_id", "product_id"),
            *("credits_ordered", "credits", "credits_used"),
        ),
        also={},
    ),
    "chargebacks": Columns(
        required=(("provider",), ("ref",), _MONEY, ("currency",), ("opened_at",)),
        optional=("reason", "stage", "stage_at", "due_at"),
        also={},
    ),
}


def mapping_problems(importer: str, mapping: Mapping[str, str]) -> Iterator[str]:
    """A line for each name of `[import.…]` that is no column of that importer, with the nearest that is one."""
    known = (*COLUMNS[importer].names, ZONE)
    for name, column in mapping.items():
        if name not in known:
            nearest = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.0)[0]
            yield f"[import.{importer}] {name} is no column of ours; did you mean {nearest}?"
        elif not column.strip():
            yield f"[import.{importer}] {name} is empty: name the column of the file, or leave the line out"
