"""Decides on plain values which charges paid for one purchase, and which of them paid it again (policy 3)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MAX_SUMS = 10_000
"""So many sums of charges are tried for one order; past that no charge of it is called surplus."""


@dataclass(frozen=True, slots=True)
class Member:
    """A charge as far as repeats are concerned, with the order that it is tied to."""

    provider: str
    ref: str
    occurred_us: int
    amount_minor: int
    money: str | None
    reversed: bool
    approved: bool
    looked_up: bool
    disputed: bool
    order_id: str | None
    order_amount_minor: int | None
    order_money: str | None
    delivered: bool
    named: bool

    @property
    def key(self) -> tuple[str, str]:
        """What identifies the charge."""
        return self.provider, self.ref

    @property
    def place(self) -> tuple[int, tuple[str, str]]:
        """Where the charge stands in time."""
        return self.occurred_us, self.key


@dataclass(slots=True)
class Purchase:
    """All charges of one purchase; `surplus` are those that paid it again, on top of `kept`.

    `passed` names charges that take over the order of a charge refunded with approval.
    """

    members: list[Member]
    kept: Member | None = None
    surplus: list[Member] = field(default_factory=list)
    passed: list[tuple[Member, str]] = field(default_factory=list)

    @property
    def subject(self) -> str:
        """The name of the purchase, by its earliest charge: it stays when orders are tied and charges go back."""
        first = min(self.members, key=lambda one: one.place)
        return f"charge:{first.provider}/{first.ref}"


def purchases(
    held: Iterable[list[Member]], clusters: Iterable[list[Member]], tolerance_minor: int, settled_us: int
) -> list[Purchase]:
    """The purchases that more than one charge may have paid; a charge is in one of them at most.

    `held` are the charges of each order with several of them, `clusters` like charges close together, in time order.
    An order is the stronger evidence: what it holds is not judged again, and the other charges of a cluster belong
    to the first such order in it. `settled_us` is the time before which a missing delivery counts.
    """
    found = [_of_order(members, tolerance_minor) for members in held]
    owners = {one.key: purchase for purchase in found for one in purchase.members}
    for cluster in clusters:
        owned = [owners[one.key] for one in cluster if one.key in owners and not one.reversed]
        purchase = owned[0] if owned else Purchase([])
        if not owned:
            found.append(purchase)
        loose = [one for one in cluster if one.key not in owners]
        purchase.members += loose
        _judge_loose(purchase, loose, _vacant(cluster, owners), settled_us)
    return found


def _of_order(members: list[Member], tolerance_minor: int) -> Purchase:
    """The charges of one order: surplus are those beyond the ones that make up the order's amount.

    The charge that the order itself names comes first, then the earliest. A reversed charge is not surplus any more.
    """
    standing = sorted((one for one in members if not one.reversed), key=lambda one: (not one.named, one.place))
    if not standing:
        return Purchase(members)
    paying = _paying(standing, tolerance_minor)
    keys = {one.key for one in paying}
    return Purchase(members, paying[0], [one for one in standing if one.key not in keys])


def _paying(standing: list[Member], tolerance_minor: int) -> list[Member]:
    """The first charges that make up the order's amount; all when they fall short of it, else the first alone.

    Only charges in the order's money make up its amount, and the one that the order names is always among them.
    """
    first, wanted = standing[0], standing[0].order_amount_minor or 0
    like = [one for one in standing if one.money is not None and one.money == one.order_money]
    if first not in like or wanted <= tolerance_minor:
        return [first]
    forced = like[:1] if first.named else []
    rest = like[len(forced) :]
    left = wanted - sum(one.amount_minor for one in forced)
    places = _making([one.amount_minor for one in rest], left, tolerance_minor)
    if places is not None:
        return forced + [rest[place] for place in places]
    short = like == standing and sum(one.amount_minor for one in standing) < wanted
    return standing if short else [first]


def _making(amounts: list[int], wanted: int, tolerance_minor: int) -> list[int] | None:
    """Places of the first amounts that add up to `wanted`, None when none do.

    All of them when there is too much to try: a person then sees amounts that differ.
    """
    reach: list[set[int]] = [{0}]
    for amount in reversed(amounts):
        more = {amount + paid for paid in reach[-1] if amount + paid <= wanted + tolerance_minor}
        reach.append(reach[-1] | more)
        if len(reach[-1]) > MAX_SUMS:
            return list(range(len(amounts)))
    reach.reverse()
    if not _has(reach[0], wanted, tolerance_minor):
        return None
    places, left = [], wanted
    for place, amount in enumerate(amounts):
        if abs(left) > tolerance_minor and _has(reach[place + 1], left - amount, tolerance_minor):
            places.append(place)
            left -= amount
    return places


def _has(sums: set[int], wanted: int, tolerance_minor: int) -> bool:
    return wanted in sums or (tolerance_minor > 0 and any(abs(paid - wanted) <= tolerance_minor for paid in sums))


def _vacant(cluster: list[Member], owners: Mapping[tuple[str, str], Purchase]) -> list[str]:
    """Delivered orders whose charge was refunded with approval, where no other charge pays for them."""
    return list(
        dict.fromkeys(
            one.order_id
            for one in cluster
            if one.reversed and one.approved and one.delivered and one.order_id is not None
            if one.key not in owners or owners[one.key].kept is None
        )
    )


def _judge_loose(purchase: Purchase, loose: list[Member], vacant: list[str], settled_us: int) -> None:
    """Mark what is surplus of like charges that hold no order together: nothing where each got its own delivery.

    A charge whose code was not looked up, or whose order is in conflict, is never called surplus.
    """
    standing = [one for one in loose if not one.reversed]
    served, lacking = [one for one in standing if one.delivered], [one for one in standing if not one.delivered]
    passed = list(zip((one for one in lacking if not one.disputed), vacant, strict=False))
    heirs = [heir for heir, _ in passed]
    purchase.passed += passed
    purchase.kept = purchase.kept or next(iter([*served, *heirs, *lacking]), None)
    purchase.surplus += [
        one for one in lacking if one not in heirs and one is not purchase.kept and _is_settled(one, settled_us)
    ]


def _is_settled(one: Member, settled_us: int) -> bool:
    return one.looked_up and not one.disputed and one.occurred_us <= settled_us
