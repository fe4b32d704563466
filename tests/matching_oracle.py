"""The rules of matching written a second time, row by row and slowly, to hold against the plan's selects."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from reconciler.model import Account, ChargeState, Order, Payment, Transaction
from reconciler.money import comparable

EQUIVALENTS = {"WMR": "RUB", "WMZ": "USD", "WME": "EUR", "WMT": "USD"}
Key = tuple[str, str]


class Oracle:
    """Ties charges to orders by the words of the rules."""

    def __init__(
        self,
        charges: list[Transaction],
        orders: list[Order],
        payments: list[Payment],
        states: list[ChargeState],
        accounts: list[Account],
        window_s: int = 3600,
    ) -> None:
        self.charges = {(one.provider, one.ref): one for one in charges}
        self.orders = {one.order_id: one for one in orders}
        self.payments = payments
        self.accounts = {one.account_id: one for one in accounts}
        self.echoes = {(one.provider, one.ref): set(one.echoes) for one in states}
        self.window_s = window_s
        self.ties: dict[Key, str] = {}
        self.contested: set[Key] = set()
        self.contested_orders: set[str] = set()
        self.likely: dict[Key, str] = {}

    def run(self) -> "Oracle":
        """Apply the steps in their order."""
        self._settle({key: self._claims(key) for key in self.charges})
        self._shared()
        free = [key for key in self.charges if self._is_free(key) and not self.charges[key].shared]
        self._settle({key: {e for e in self.echoes.get(key, set()) if e in self.orders} for key in free})
        self._greedy(contradicting=False)
        self._greedy(contradicting=True)
        return self

    def _settle(self, claims: dict[Key, set[str]]) -> None:
        for key, wanted in claims.items():
            if len(wanted) == 1:
                self.ties[key] = next(iter(wanted))
            elif wanted:
                self.contested.add(key)
                self.contested_orders |= wanted

    def _claims(self, key: Key) -> set[str]:
        charge = self.charges[key]
        if charge.shared and charge.ref == charge.group_ref:
            return self._by_code(charge)
        named = {
            order.order_id
            for order in self.orders.values()
            if order.provider_ref == charge.ref
            and (order.provider == charge.provider or (order.provider is None and not self._elsewhere(charge)))
        }
        paid = {one.order_id for one in self.payments if (one.provider, one.provider_ref) == key}
        return named | (paid & set(self.orders)) | self._by_code(charge)

    def _elsewhere(self, charge: Transaction) -> bool:
        return any(other.ref == charge.ref and other.provider != charge.provider for other in self.charges.values())

    def _by_code(self, charge: Transaction) -> set[str]:
        if charge.code_hash is None:
            return set()
        if sum(other.code_hash == charge.code_hash for other in self.charges.values()) > 1:
            return set()
        return {
            order.order_id
            for order in self.orders.values()
            if order.code_hash == charge.code_hash
            and not self._named(order)
            and order.provider in {None, charge.provider}
        }

    def _named(self, order: Order) -> bool:
        return order.provider_ref is not None or any(one.order_id == order.order_id for one in self.payments)

    def _shared(self) -> None:
        groups: defaultdict[Key, list[Transaction]] = defaultdict(list)
        for key, charge in self.charges.items():
            if charge.shared and self._is_free(key):
                groups[charge.provider, charge.group_ref or ""].append(charge)
        for (provider, uuid), charges in groups.items():
            charges.sort(key=lambda one: (one.occurred_at, one.ref))
            orders = sorted(self._members(provider, uuid), key=lambda one: (one.created_at, one.order_id))
            recurring = any(one.recurring for one in charges)
            for place, charge in enumerate(charges):
                if orders and (place < len(orders) or not recurring):
                    self.ties[charge.provider, charge.ref] = orders[min(place, len(orders) - 1)].order_id

    def _members(self, provider: str, uuid: str) -> list[Order]:
        ids = {
            order.order_id
            for order in self.orders.values()
            if order.provider_ref == uuid and order.provider in {None, provider}
        }
        ids |= {one.order_id for one in self.payments if (one.provider, one.provider_ref) == (provider, uuid)}
        for (of, ref), values in self.echoes.items():
            charge = self.charges.get((of, ref))
            if charge is not None and of == provider and charge.shared and charge.group_ref == uuid:
                ids |= values
        return [self.orders[id_] for id_ in ids if id_ in self.orders]

    def _is_free(self, key: Key) -> bool:
        return key not in self.ties and key not in self.contested and key not in self.likely

    def _greedy(self, contradicting: bool) -> None:
        taken = set(self.ties.values()) | self.contested_orders | set(self.likely.values())
        free_orders = [order for order in self.orders.values() if order.order_id not in taken]
        edges = []
        for key, charge in self.charges.items():
            if not self._is_free(key):
                continue
            edges += [
                (
                    order.status != "delivered" and not (order.status == "refunded" and order.delivered_at is not None),
                    abs((charge.occurred_at - order.created_at).total_seconds()),
                    *key,
                    order.order_id,
                )
                for order in free_orders
                if self._near(charge, order) and self._contradicts(charge, order) == contradicting
            ]
        used: set[str] = set()
        for _, _, provider, ref, order_id in sorted(edges):
            if self._is_free((provider, ref)) and order_id not in used:
                used.add(order_id)
                (self.likely if contradicting else self.ties)[provider, ref] = order_id

    def _near(self, charge: Transaction, order: Order) -> bool:
        account = self.accounts.get(order.account_id or "")
        mine = [self._account(charge), charge.telegram_user_id, charge.buyer_email]
        theirs = [
            order.account_id,
            order.telegram_user_id or (account.telegram_user_id if account else None),
            order.buyer_email or (account.email if account else None),
        ]
        stated = [(left, right) for left, right in zip(mine, theirs, strict=True) if left and right]
        money = comparable(charge.currency, EQUIVALENTS)
        return (
            bool(stated)
            and stated[0][0] == stated[0][1]
            and money is not None
            and money == comparable(order.currency, EQUIVALENTS)
            and charge.amount_minor == order.amount_minor
            and _agree(charge.product_id, order.product_id)
            and _agree(charge.provider, order.provider)
            and _seconds(charge.occurred_at, order.created_at) <= self.window_s
        )

    def _account(self, charge: Transaction) -> str | None:
        named = {one for one in self.echoes.get((charge.provider, charge.ref), set()) if one in self.accounts}
        return charge.account_id or (next(iter(named)) if len(named) == 1 else None)

    def _contradicts(self, charge: Transaction, order: Order) -> bool:
        codes = charge.code_hash is not None and order.code_hash is not None and charge.code_hash != order.code_hash
        return self._named(order) or codes


def _agree(left: str | None, right: str | None) -> bool:
    return left is None or right is None or left == right


def _seconds(left: datetime, right: datetime) -> float:
    return abs((left - right).total_seconds())


def ties_of(oracle: Oracle) -> set[tuple[str, str, str]]:
    """The ties as plain triples."""
    return {(provider, ref, order_id) for (provider, ref), order_id in oracle.ties.items()}


def keys_of(rows: Iterable[Transaction]) -> set[Key]:
    """The keys of charges."""
    return {(row.provider, row.ref) for row in rows}
