"""The steps that stories of cases are told in, and the worlds that they begin with."""

from dataclasses import dataclass
from typing import Any

from tests.builders import CREDIT, account, ago, charge, looked_up, order, pending, refund

Step = tuple[Any, ...]


@dataclass(frozen=True)
class Story:
    """What happens, and how it ends: (status, recommendation, clause) and the commands sent."""

    title: str
    steps: tuple[Step, ...]
    then: tuple[str, str, str | None]
    sends: tuple[str, ...] = ()
    mode: str = "propose"
    about: str = "charge"
    ref: str = "1001"


def story(
    title: str, *steps: Step, then: tuple[str, str, str | None], sends: tuple[str, ...] = (), **more: Any
) -> Story:
    """A story in the shape of a sentence."""
    return Story(title, steps, then, sends, **more)


def facts(*given: Any) -> Step:
    """Facts arrive by a pull, and are judged."""
    return ("facts", given)


def disputed(stage: str = "opened", *, days: float = 1, reason: str = "10.4", **more: Any) -> Step:
    """An operator records a chargeback that was opened so many days ago."""
    return ("disputed", stage, days, reason, more)


def entered(stage: str, *, days: float = 1, reason: str = "10.4", **more: Any) -> Step:
    """The same, and no run comes before the next step."""
    return ("disputed", stage, days, reason, more | {"run": False})


def stage(name: str, *, days: float = 0) -> Step:
    """The operator hears that the chargeback reached a stage, so many days ago."""
    return ("stage", name, days)


def asked(text: str = "please look", **more: Any) -> Step:
    """A buyer's review request is entered."""
    return ("asked", text, more)


def decided(action: str, **more: Any) -> Step:
    """An operator decides the case."""
    return ("decided", action, more)


def snoozed(*, days: float | None = None) -> Step:
    """An operator puts the case aside for so many days; without days, until more is at stake."""
    return ("snoozed", days)


def refused(step: Step) -> Step:
    """The step is refused, and changes nothing."""
    return ("refused", step)


def later(days: float) -> Step:
    """Time goes by, and the next run comes."""
    return ("later", days)


BOUGHT = facts(charge(), order(account_id="acc", credits_micro=10 * CREDIT, credits_used_micro=4 * CREDIT), account())
UNDELIVERED = facts(charge(), looked_up(), pending(account_id="acc"), account())
TWICE = facts(
    charge(occurred_at=ago(hours=4.95)),
    charge("1000", occurred_at=ago(hours=5)),
    looked_up(),
    looked_up("1000"),
    order(ref="1000", account_id="acc"),
    account(),
)
REFUNDED_BY_SHOP = facts(
    charge(), order(account_id="acc", status="refunded", credits_micro=10 * CREDIT, credits_used_micro=0), account()
)
KNOWN_BUYER = facts(
    *(charge(f"9{n}", occurred_at=ago(days=90 + n)) for n in range(3)),
    *(order(f"K{n}", f"9{n}", account_id="acc", created_at=ago(days=90 + n)) for n in range(3)),
)
LATER_PURCHASES = facts(
    *(charge(f"8{n}", occurred_at=ago(hours=n)) for n in range(1, 3)),
    *(order(f"L{n}", f"8{n}", account_id="acc", created_at=ago(hours=n)) for n in range(1, 3)),
    charge("90", occurred_at=ago(days=90)),
    order("K0", "90", account_id="acc", created_at=ago(days=90)),
)
"""One purchase long ago and two after: three in all."""
MONEY_BACK = facts(refund())
OTHER_MONEY_BACK = facts(refund(amount_minor=90_000, currency="RUB"))
"""What went back of the charge in WMZ, in a currency that cannot be compared with it."""
SECOND = facts(charge("1002"), order("A2", "1002", account_id="acc"))
SUSPEND, REINSTATE, BAN, FORFEIT = "account.suspend", "account.reinstate", "account.ban", "balance.forfeit"
