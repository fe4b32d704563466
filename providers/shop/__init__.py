"""The shop's own ledger as a source of orders, accounts and payments; it is only ever read."""

from providers.shop.ledger import ShopLedger, build

__all__ = ["ShopLedger", "build"]
