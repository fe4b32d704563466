"""Says what the findings of a case recommend where the case knows better: both speak with one voice."""

from collections.abc import Iterator, Mapping

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
    stands = facts.purchase is not None and any(one.standing for one in facts.purchase.disputes)
    for one in facts.findings:
        if one.status != RESOLVED:
            yield one, _of(one, picture, stands=stands)


def _of(found: Found, picture: Picture, *, stands: bool) -> Advice | None:
    said = {"recommendation": picture.recommendation, "policy_clause": picture.clause}
    if found.kind == "chargeback":
        return said
    if stands and found.recommendation in _GIVES:
        return said | {"refundable_amount": format_minor(0, found.currency)}
    return None
