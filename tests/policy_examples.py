"""For each clause of the policy: matters to which it applies, and matters that only look like it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.model import Window
from reconciler.policy import Dispute, Matter, Purchase, Request

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CREDIT = 1_000_000
BOUGHT = Purchase(
    "digiseller",
    "1001",
    paid_minor=1000,
    currency="WMZ",
    occurred_at=NOW - timedelta(days=3),
    order_id="A1",
    delivered=True,
    delivered_at=NOW - timedelta(days=3),
    credits_micro=10 * CREDIT,
    credits_used_micro=4 * CREDIT,
    balance_micro=6 * CREDIT,
    accounts=("acc",),
    account_status="active",
    emails=("buyer@example.com",),
)
ASKED = Request(NOW, "A1", " Buyer@Example.COM ", "acc", "please", "other")
DISPUTE = Dispute("d", 1000, "WMZ", "10.4", NOW - timedelta(days=1), NOW)


def matter(*, purchase: Purchase | None = BOUGHT, request: Request | None = ASKED, out: float = 0) -> Matter:
    """A matter with an outage over the last `out` days, if any."""
    outages = (Window(NOW - timedelta(days=out), NOW),) if out else ()
    return Matter(NOW, purchase, request, outages)


def bought(**changes: object) -> Matter:
    """The ordinary purchase, otherwise."""
    return matter(purchase=replace(BOUGHT, **changes))  # type: ignore[arg-type]


def asked(**changes: object) -> Matter:
    """The ordinary request, otherwise."""
    return matter(request=replace(ASKED, **changes))  # type: ignore[arg-type]


EXAMPLES: dict[str, tuple[list[Matter], list[Matter]]] = {
    "1": ([matter()], [bought(delivered=False), matter(purchase=None)]),
    "2": (
        [bought(credits_used_micro=10 * CREDIT), bought(balance_micro=0)],
        [matter(), bought(credits_used_micro=None)],
    ),
    "3.outage": ([matter(out=2), matter(out=90)], [matter(out=1.5), matter(), matter(out=2, request=None)]),
    "3.duplicate_charge": ([bought(surplus=True)], [matter()]),
    "3.undelivered": ([bought(undelivered=True, delivered=False)], [matter(), bought(delivered=False)]),
    "3.fraud": ([asked(reason="fraud", evidence=("proof.png",))], [asked(reason="fraud"), asked(evidence=("a.png",))]),
    "4.change_of_mind": ([asked(reason="change_of_mind")], [asked(reason="quality"), matter()]),
    "4.quality": ([asked(reason="quality")], [asked(reason="integration"), matter()]),
    "4.integration": ([asked(reason="integration")], [asked(reason="upstream"), matter()]),
    "4.upstream": ([asked(reason="upstream")], [asked(reason="change_of_mind"), matter()]),
    "4.account_suspended": ([bought(account_status="suspended"), bought(account_status="banned")], [matter()]),
    "4.other_account": (
        [asked(account_id="thief"), asked(account_id="", email="thief@example.com"), asked(account_id="Acc")],
        [matter(), asked(account_id=""), bought(accounts=(), emails=())],
    ),
    "5": (
        [asked(identifier=""), asked(email=" "), asked(text=""), matter(purchase=None),
         asked(email="other@example.com")],
        [matter(), asked(account_id="")],
    ),
    "6": (
        [bought(disputes=(DISPUTE,)), bought(approved_minor=1000), bought(returned_minor=1000),
         bought(reversals=1, uncompared=1),
         bought(disputes=(replace(DISPUTE, state="prevented"),)),
         bought(disputes=(replace(DISPUTE, state="prevented", amount_minor=3, currency="RUB"),))],
        [matter(), bought(approved_minor=999), bought(disputes=(replace(DISPUTE, state="won"),)),
         bought(disputes=(replace(DISPUTE, state="prevented", amount_minor=400),))],
    ),
    "7": (
        [bought(disputes=(replace(DISPUTE, state=state),)) for state in ("open", "lost", "signal")],
        [matter(), matter(purchase=None)],
    ),
}  # fmt: skip
"""Clause: where it applies, and where it does not."""
