"""What the two inputs of `match` look like: their columns, and how each is to be read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of an input: text unless they are listed as `whole` numbers, `moments`, `flags` or `decimals`.

    Text that is `compared` with the other input's is looked at for its clean form there; of columns with `few` words
    each word is looked at once.
    """

    name: str
    key: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    whole: tuple[str, ...] = ("amount_minor",)
    moments: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    decimals: tuple[str, ...] = ()
    one_of: tuple[tuple[str, tuple[str, ...]], ...] = ()
    compared: tuple[str, ...] = ()
    few: tuple[str, ...] = ("provider", "currency", "status")

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column, those that must be there first."""
        return (*self.required, *self.optional)

    def type_of(self, name: str) -> str:
        """The SQL type that a column has once it is read: times are microseconds."""
        if name in self.flags:
            return "BOOLEAN"
        if name in self.decimals:
            return "DECIMAL(30, 6)"
        return "BIGINT" if name in (*self.whole, *self.moments) else "VARCHAR"


CHARGES = Shape(
    "charges",
    ("provider", "ref"),
    ("provider", "ref", "kind", "status", "amount_minor", "currency", "occurred_at"),
    ("parent_ref", "order_ref", "account_id", "buyer_email", "telegram_user_id", "product_id", "claimed"),
    moments=("occurred_at",),
    flags=("claimed",),
    one_of=(("kind", ("charge", "refund", "chargeback")),),
    compared=("ref", "account_id", "buyer_email", "telegram_user_id", "product_id"),
)
ORDERS = Shape(
    "orders",
    ("order_id",),
    ("order_id", "amount_minor", "currency", "status", "created_at", "delivered_at", "updated_at"),
    (
        "provider",
        "provider_ref",
        "unique_code",
        "account_id",
        "buyer_email",
        "telegram_user_id",
        "product_id",
        "credits_ordered",
        "credits",
        "credits_used",
    ),
    moments=("created_at", "delivered_at", "updated_at"),
    decimals=("credits_ordered", "credits", "credits_used"),
    one_of=(("status", ("pending", "delivered", "cancelled", "refunded")),),
)
MAY_BE_EMPTY = ("delivered_at",)
"""Columns that have to be there, but may say nothing."""
