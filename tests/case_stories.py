"""Lifecycle stories of cases, readable by an operator: what happens, and what has to be true of the case after it.

A story is a list of steps. `then` says what must hold of the case of charge 1001 (or of the request) at the end: its
status, what is recommended, by which clause; `sends` are the commands that reached the outbox, in order. A step that
has to be refused is wrapped in `refused`.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reconciler.model import Kind, Payment
from tests.builders import (
    CREDIT,
    NOW,
    Approval,
    account,
    ago,
    charge,
    looked_up,
    order,
    pending,
    refund,
    tribute_charge,
    tribute_order,
)

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
MONEY_BACK = facts(refund())
SECOND = facts(charge("1002"), order("A2", "1002", account_id="acc"))
SUSPEND, REINSTATE, BAN, FORFEIT = "account.suspend", "account.reinstate", "account.ban", "balance.forfeit"

CHARGEBACKS = (
    story("a confirmed chargeback proposes to suspend, and does nothing by itself", BOUGHT, disputed(),
          then=("open", "suspend", "7")),
    story("money that went back unexplained is a suspicion, for a person", BOUGHT, MONEY_BACK,
          then=("open", "manual", "7")),
    story("a suspicion alone never suspends", BOUGHT, MONEY_BACK, refused(decided("suspend")),
          then=("open", "manual", "7")),
    story("an early warning is no chargeback", BOUGHT, disputed("signal"), refused(decided("suspend")),
          then=("open", "manual", "7")),
    story("an early warning that becomes a chargeback", BOUGHT, disputed("signal", days=3), stage("opened", days=1),
          then=("open", "suspend", "7")),
    story("an early warning that comes late takes nothing back", BOUGHT, disputed(), stage("lost"), stage("signal"),
          then=("open", "suspend", "7")),
    story("opened heard after lost changes nothing", BOUGHT, disputed("lost", days=2), stage("opened", days=3),
          then=("open", "suspend", "7")),
    story("won heard before opened was recorded", BOUGHT, disputed("won", days=1), stage("opened", days=5),
          then=("resolved", "none", "7")),
    story("an operator confirms the suspension", BOUGHT, disputed(), decided("suspend"),
          then=("decided", "none", "7"), sends=(SUSPEND,)),
    story("a second decision is refused", BOUGHT, disputed(), decided("suspend"), refused(decided("ban")),
          then=("decided", "none", "7"), sends=(SUSPEND,)),
    story("suspended, then lost: done", BOUGHT, disputed(), decided("suspend"), stage("lost"),
          then=("resolved", "none", "7"), sends=(SUSPEND,)),
    story("suspended, then won: reinstate is proposed", BOUGHT, disputed(), decided("suspend"), stage("won"),
          then=("open", "reinstate", "7"), sends=(SUSPEND,)),
    story("suspended, then withdrawn: reinstate is proposed", BOUGHT, disputed(), decided("suspend"),
          stage("withdrawn"), then=("open", "reinstate", "7"), sends=(SUSPEND,)),
    story("reinstated after it was won", BOUGHT, disputed(), decided("suspend"), stage("won"), decided("reinstate"),
          then=("resolved", "none", "7"), sends=(SUSPEND, REINSTATE)),
    story("won after lost", BOUGHT, disputed(), decided("suspend"), stage("lost", days=0.5), stage("won"),
          then=("open", "reinstate", "7"), sends=(SUSPEND,)),
    story("lost after won: the newest outcome counts", BOUGHT, disputed(), stage("won", days=0.5), stage("lost"),
          then=("open", "suspend", "7")),
    story("a second chargeback after it was won opens the case again", BOUGHT, disputed(), stage("won", days=0.5),
          stage("second"), then=("open", "suspend", "7")),
    story("arbitration after it was lost, then won", BOUGHT, disputed(), decided("suspend"), stage("lost", days=0.6),
          stage("arbitration", days=0.4), stage("won"), then=("open", "reinstate", "7"), sends=(SUSPEND,)),
    story("pre-arbitration while it is open is the same matter", BOUGHT, disputed(), decided("suspend"),
          stage("pre_arbitration"), then=("decided", "none", "7"), sends=(SUSPEND,)),
    story("accepted is lost", BOUGHT, disputed("accepted"), then=("open", "suspend", "7")),
    story("expired is lost", BOUGHT, disputed("expired"), then=("open", "suspend", "7")),
    story("prevented by an alert is no chargeback", BOUGHT, disputed("prevented"),
          then=("resolved", "none", "7")),
    story("prevented, then opened all the same", BOUGHT, disputed("prevented", days=2), stage("opened"),
          then=("open", "suspend", "7")),
    story("part of the charge is disputed", BOUGHT, disputed(amount=300), then=("open", "suspend", "7")),
    story("more than the charge is disputed, by the exchange rate", BOUGHT, disputed(amount=1200),
          then=("open", "suspend", "7")),
    story("the same chargeback told twice", BOUGHT, disputed(), disputed(), decided("suspend"), disputed(),
          then=("decided", "none", "7"), sends=(SUSPEND,)),
    story("the reversal comes after the record", BOUGHT, disputed(), MONEY_BACK, then=("open", "suspend", "7")),
    story("the reversal comes before the record", BOUGHT, MONEY_BACK, disputed(), then=("open", "suspend", "7")),
    story("the charge was not pulled yet", disputed(), refused(decided("suspend")), then=("open", "manual", "7")),
    story("the charge is pulled later", disputed(), BOUGHT, then=("open", "suspend", "7")),
    story("no account is known", facts(charge(), order()), disputed(), refused(decided("suspend")),
          then=("open", "manual", "7")),
    story("two accounts claim the charge", facts(charge(), order(account_id="acc"), order("A2", account_id="acd"),
          account(), account("acd")), disputed(), refused(decided("suspend")), then=("open", "manual", "7")),
    story("a look-alike account is another account", facts(charge(), order(account_id="Acc"), account()), disputed(),
          decided("suspend"), then=("decided", "none", "7"), sends=(SUSPEND,)),
    story("the charge is a duplicate: we are at fault", TWICE, disputed(), refused(decided("suspend")),
          then=("open", "manual", "3.duplicate_charge")),
    story("the charge was not delivered: we are at fault", UNDELIVERED, disputed(reason="13.1"),
          refused(decided("suspend")), then=("open", "manual", "3.undelivered")),
    story("delivered after the dispute: no fault of ours any more", UNDELIVERED, disputed(reason="13.1"),
          facts(order(account_id="acc", updated_at=ago(hours=1))), then=("open", "suspend", "7")),
    story("the buyer had asked first", BOUGHT, asked(days=2), disputed(), then=("open", "manual", "7")),
    story("the buyer asked only afterwards", BOUGHT, asked(days=0), disputed(), then=("open", "suspend", "7")),
    story("a known good customer is for a person", BOUGHT, KNOWN_BUYER, disputed(), then=("open", "manual", "7")),
    story("who may still be suspended by that person", BOUGHT, KNOWN_BUYER, disputed(), decided("suspend"),
          then=("decided", "none", "7"), sends=(SUSPEND,)),
    story("a refund was approved: the money would leave twice", BOUGHT, facts(Approval(amount_minor=600)), disputed(),
          then=("open", "manual", "6")),
    story("no refund while a chargeback stands", BOUGHT, disputed(), refused(decided("refund")),
          then=("open", "suspend", "7")),
    story("a refund is possible again once it is won", BOUGHT, disputed(), stage("won"), asked(),
          decided("refund"), then=("decided", "decline", "1"), about="review"),
    story("the account is suspended already", facts(charge(), order(account_id="acc"), account(status="suspended")),
          disputed(), refused(decided("suspend")), then=("open", "manual", "7")),
    story("forfeit and ban are decisions of their own", BOUGHT, disputed(), decided("forfeit"), ("reopened",),
          decided("ban"), then=("decided", "none", "7"), sends=(FORFEIT, BAN)),
    story("two chargebacks of one buyer: one won does not reinstate", BOUGHT, SECOND, disputed(), disputed(ref="1002"),
          decided("suspend"), stage("won"), then=("resolved", "none", "7"), sends=(SUSPEND,)),
    story("a chargeback more than a year old is for a person", BOUGHT, disputed(days=400),
          then=("open", "manual", "7")),
    story("a provider's own word is a confirmed chargeback", BOUGHT, facts(refund(kind=Kind.CHARGEBACK)),
          then=("open", "suspend", "7")),
    story("Tribute's charge, the account known by its order", facts(tribute_charge("1001"),
          tribute_order(ref="1001", account_id="acc"), account()), disputed(provider="tribute", currency="USD"),
          then=("open", "suspend", "7")),
    story("dismissed by an operator: nothing is sent", BOUGHT, disputed(), decided("dismiss"), stage("lost"),
          then=("resolved", "suspend", "7")),
    story("the answer is overdue", BOUGHT, disputed(), later(30), then=("open", "suspend", "7")),
    story("the shop had marked the order refunded itself", REFUNDED_BY_SHOP, disputed(),
          then=("open", "manual", "6")),
    story("the refund was started from our side", BOUGHT, facts(refund(seller_started=True)), disputed(),
          then=("open", "manual", "6")),
    story("an approved refund was never made, and the buyer says so", BOUGHT, facts(Approval(amount_minor=600)),
          disputed(reason="13.6"), refused(decided("suspend")), then=("open", "manual", "7")),
    story("the buyer had asked about another charge of the same order", TWICE, asked(days=2, order="A1"),
          disputed(ref="1000"), then=("open", "manual", "7"), ref="1000"),
    story("not as described is for a person", BOUGHT, disputed(reason="13.3"), then=("open", "manual", "7")),
    story("that person may suspend all the same", BOUGHT, disputed(reason="13.3"), decided("suspend"),
          then=("decided", "none", "7"), sends=(SUSPEND,)),
    story("the provider's matter is for a person", BOUGHT, disputed(reason="4808"), then=("open", "manual", "7")),
    story("an alert that comes after the loss prevents nothing", BOUGHT, disputed("lost", days=1), stage("prevented"),
          then=("open", "suspend", "7")),
    story("a warning with a late date moves no deadline", BOUGHT, disputed("opened", days=1), stage("signal"),
          decided("suspend"), then=("decided", "none", "7"), sends=(SUSPEND,)),
    story("suspended, then the charge turns out to be a duplicate: our fault", BOUGHT, disputed(), decided("suspend"),
          facts(charge("1000", occurred_at=ago(hours=5.1)), looked_up("1000"), Payment("A1", "digiseller", "1000"),
                Payment("A1", "digiseller", "1001"), order(ref="1000", account_id="acc", updated_at=ago(hours=1))),
          then=("open", "reinstate", "3.duplicate_charge"), sends=(SUSPEND,)),
    story("suspended, the money came back, and an approval explains it", BOUGHT, disputed(), decided("suspend"),
          MONEY_BACK, facts(Approval()), later(0.01), then=("open", "reinstate", "6"), sends=(SUSPEND,)),
    story("who suspends knowing of the refund is not asked to undo it", BOUGHT, MONEY_BACK, facts(Approval()),
          disputed(), decided("suspend"), later(0.01), then=("decided", "reinstate", "6"), sends=(SUSPEND,)),
    story("the shop reinstated by itself, and suspended again for another reason", BOUGHT, disputed(),
          decided("suspend"), stage("won"), decided("reinstate"),
          facts(account(status="suspended", updated_at=NOW + timedelta(hours=1))), later(1),
          then=("resolved", "none", "7"), sends=(SUSPEND, REINSTATE)),
    story("won, but a chargeback that the provider names stands on another charge", BOUGHT, SECOND, disputed(),
          decided("suspend"), facts(refund("1002", kind=Kind.CHARGEBACK)), stage("won"),
          then=("resolved", "none", "7"), sends=(SUSPEND,)),
    story("put aside, and woken by a chargeback", facts(charge(), order(amount_minor=900, account_id="acc"), account()),
          snoozed(days=30), disputed(), then=("open", "suspend", "7")),
    story("put aside until more is at stake, and a larger chargeback wakes it", BOUGHT, MONEY_BACK, snoozed(),
          disputed(amount=1200), then=("open", "suspend", "7")),
    story("put aside over its deadline, and woken when it is due", BOUGHT, disputed(), snoozed(days=60), later(16),
          then=("open", "suspend", "7")),
)  # fmt: skip

AUTOMATIC = (
    story("in mode auto every check passes: suspended at once", BOUGHT, disputed(),
          then=("decided", "none", "7"), sends=(SUSPEND,), mode="auto"),
    story("in mode auto a known customer waits for a person", BOUGHT, KNOWN_BUYER, disputed(),
          then=("open", "manual", "7"), mode="auto"),
    story("in mode auto a suspicion does nothing", BOUGHT, MONEY_BACK, then=("open", "manual", "7"), mode="auto"),
    story("in mode auto an import does nothing", BOUGHT, disputed(origin="import"),
          then=("open", "suspend", "7"), mode="auto"),
    story("in mode auto a record from before the first run does nothing", disputed(), BOUGHT, later(1),
          then=("open", "suspend", "7"), mode="auto"),
    story("in mode auto a late word of the provider does nothing", BOUGHT,
          facts(refund(kind=Kind.CHARGEBACK, occurred_at=ago(days=3))), then=("open", "suspend", "7"), mode="auto"),
    story("in mode auto reinstating is still a person's", BOUGHT, disputed(), stage("won"),
          then=("open", "reinstate", "7"), sends=(SUSPEND,), mode="auto"),
)  # fmt: skip

REFUNDS = (
    story("a duplicate is refunded, and done when the money is back", TWICE, decided("refund"), MONEY_BACK,
          then=("resolved", "none", None)),
    story("an approved refund waits for the provider", TWICE, decided("refund"),
          then=("decided", "refund", "3.duplicate_charge")),
    story("it is not executed after a week: the case is open again", TWICE, decided("refund"), later(8),
          then=("open", "refund", "6")),
    story("a refund above the charge is refused", TWICE, refused(decided("refund", amount=1001)),
          then=("open", "refund", "3.duplicate_charge")),
    story("two partial refunds together never exceed the charge", TWICE, decided("refund", amount=600), ("reopened",),
          refused(decided("refund", amount=500)), then=("open", "refund", "3.duplicate_charge")),
    story("an undelivered order is delivered", UNDELIVERED, decided("deliver"),
          facts(order(account_id="acc", updated_at=ago(hours=1))), then=("resolved", "none", None)),
    story("an undelivered order is refunded instead", UNDELIVERED, decided("refund"), MONEY_BACK,
          then=("resolved", "none", None)),
    story("an unexplained reversal was ours after all", BOUGHT, MONEY_BACK, decided("refund"), later(0.01),
          then=("decided", "manual", "6")),
    story("refund decided, chargeback comes too", TWICE, decided("refund"), disputed(),
          then=("open", "manual", "3.duplicate_charge")),
    story("a chargeback is explained later by an approval", BOUGHT, MONEY_BACK, facts(Approval()), later(0.01),
          then=("open", "manual", "6")),
    story("a refund by an alert leaves nothing to refund", TWICE, disputed("prevented"), refused(decided("refund")),
          then=("open", "refund", "3.duplicate_charge")),
    story("more went back than was approved", TWICE, decided("refund"), facts(refund(amount_minor=1001)),
          then=("open", "manual", "6")),
    story("put aside until a day that has come", TWICE, snoozed(days=3), later(4),
          then=("open", "refund", "3.duplicate_charge")),
    story("put aside until a day that has not come", TWICE, snoozed(days=3), later(2),
          then=("snoozed", "refund", "3.duplicate_charge")),
    story("put aside until more is at stake, and nothing grew", TWICE, snoozed(), later(20),
          then=("snoozed", "refund", "3.duplicate_charge")),
    story("put aside until more is at stake, and a third charge came", TWICE, snoozed(),
          facts(charge("999", occurred_at=ago(hours=4.9)), looked_up("999")),
          then=("open", "refund", "3.duplicate_charge")),
    story("put aside, and the cause goes away", UNDELIVERED, snoozed(days=3),
          facts(order(account_id="acc", updated_at=ago(hours=1))), then=("resolved", "none", None)),
    story("the first part went back, the second did not", BOUGHT, facts(account(balance_micro=0), Approval(amount_minor=300, recorded_at=ago(days=9)),
          Approval(amount_minor=400, recorded_at=ago(days=8)), refund(amount_minor=300)), later(0.01),
          then=("open", "refund", "6")),
    story("credits still spendable after an agreed refund may be taken back", BOUGHT, facts(Approval()), MONEY_BACK,
          decided("forfeit"), then=("decided", "manual", "6"), sends=(FORFEIT,)),
    story("it resolves by itself before anybody decides", UNDELIVERED,
          facts(order(account_id="acc", updated_at=ago(hours=1))), then=("resolved", "none", None)),
    story("a mismatch is dismissed and stays so", facts(charge(), order(amount_minor=900, account_id="acc")),
          decided("dismiss"), later(1), then=("resolved", "none", None)),
)  # fmt: skip

REVIEWS = (
    story("change of mind", BOUGHT, asked("I changed my mind"), then=("open", "decline", "4.change_of_mind"),
          about="review"),
    story("bad answers", BOUGHT, asked("it hallucinates"), then=("open", "decline", "4.quality"), about="review"),
    story("failed integration", BOUGHT, asked("could not connect my bot"), then=("open", "decline", "4.integration"),
          about="review"),
    story("upstream changes", BOUGHT, asked("the rate limit is too low"), then=("open", "decline", "4.upstream"),
          about="review"),
    story("another account asks", BOUGHT, asked(account="thief"), then=("open", "decline", "4.other_account"),
          about="review"),
    story("another e-mail asks", BOUGHT, asked(email="thief@example.com"),
          then=("open", "decline", "4.other_account"), about="review"),
    story("a suspended account asks", facts(charge(), order(account_id="acc"), account(status="suspended")), asked(),
          then=("open", "decline", "4.account_suspended"), about="review"),
    story("a duplicate, whatever the buyer says", TWICE, asked("changed my mind"),
          then=("open", "refund", "3.duplicate_charge"), about="review"),
    story("not delivered", UNDELIVERED, asked("where is it"), then=("open", "deliver", "3.undelivered"),
          about="review"),
    story("everything is used", facts(charge(), order(account_id="acc", credits_micro=CREDIT,
          credits_used_micro=CREDIT), account()), asked(), then=("open", "decline", "2"), about="review"),
    story("delivered, and no exception fits", BOUGHT, asked(), then=("open", "decline", "1"), about="review"),
    story("no e-mail: incomplete", BOUGHT, asked(email=""), then=("open", "manual", "5"), about="review"),
    story("an unknown order: incomplete", BOUGHT, asked(order="nothing"), then=("open", "manual", "5"),
          about="review"),
    story("it is declined", BOUGHT, asked(), decided("decline"), then=("resolved", "decline", "1"), about="review"),
    story("the unused part is granted", BOUGHT, asked(), decided("refund"), then=("decided", "decline", "1"),
          about="review"),
    story("a chargeback stands: no refund", BOUGHT, disputed(), asked(), refused(decided("refund")),
          then=("open", "manual", "6"), about="review"),
    story("put aside beyond its day: woken when it is due", BOUGHT, asked(), snoozed(days=90), later(20),
          then=("open", "decline", "1"), about="review"),
    story("it was answered in time: nothing is overdue later", BOUGHT, asked(), decided("refund", amount=100), later(6),
          then=("decided", "decline", "1"), about="review"),
    story("nobody answers in time", BOUGHT, asked(), later(40), then=("open", "decline", "1"), about="review"),
)  # fmt: skip

STORIES = (*CHARGEBACKS, *AUTOMATIC, *REFUNDS, *REVIEWS)
