"""Says what the findings of a case recommend where the case knows better: both speak with one voice."""

from collections.abc import Iterator, Mapping

from reconciler.cases.assess import DUPLICATE, refundable_of_duplicate, standing
from reconciler.cases.model import Facts, Found, Picture
from reconciler.findings import RESOLVED
from reconciler.money import format_minor

Advice = Mapping[str, str | None]
_GIVES = ("refund", "deliver")


def advice(facts: Facts, picture: Picture) -> Iterator[tuple[Found, Advice | None]]:
    """Each finding that is not resolved, with what takes the place of its own words; None: they stand.

    A detector knows the rows of one charge; whether an account may be touched takes all that is on record. While a
    chargeback of the charge stands nothing is given for it: the money would leave twice (policy 6).
    """
    for one in facts.findings:
        if one.status != RESOLVED:
            yield one, _of(one, facts, picture)


def _of(found: Found, facts: Facts, picture: Picture) -> Advice | None:
    said = {"recommendation": picture.recommendation, "policy_clause": picture.clause}
    if found.kind == "chargeback":
        return said
    if found.kind == DUPLICATE and any(one.surplus for one in facts.purchases):
        left = refundable_of_duplicate(facts, found.refundable_minor)
        if left is not None and left != found.refundable_minor:
            return {"refundable_amount": format_minor(left, found.currency)}
    stands = facts.purchase is not None and standing(facts.purchase)
    if stands and found.recommendation in _GIVES:
        return said | {"refundable_amount": format_minor(0, found.currency)}
    return None
