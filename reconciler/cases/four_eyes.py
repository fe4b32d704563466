"""Two people for one decision: what takes something from an account can wait for the word of a second operator."""

from dataclasses import replace

from reconciler.cases.model import Action, Case, Decision, Entry
from reconciler.errors import BadRecord
from reconciler.findings import iso

HARSH: tuple[Action, ...] = ("suspend", "forfeit", "ban")
"""Actions that one person alone does not take."""


def seconds(case: Case, wanted: Decision) -> bool:
    """Whether the wanted decision is the second word: somebody else has asked for the same on the same account.

    Raises BadRecord where the same person has.
    """
    first = case.pending
    if first is None or (first.action, first.account_id) != (wanted.action, wanted.account_id):
        return False
    if first.by.casefold() == wanted.by.casefold():
        raise BadRecord(
            f"{first.by} asked to {first.action} in case {case.id} at {iso(first.at)}: a second operator, somebody "
            f"else, has to decide the same"
        )
    return True


def ask(case: Case, wanted: Decision) -> tuple[Case, Entry]:
    """The case with the wanted decision waiting for a second operator; it takes the place of what waited before."""
    before = {"action": case.pending.action if case.pending else None}
    entry = Entry(wanted.at, wanted.by, "requested", wanted.note, before, {"action": wanted.action})
    return replace(case, pending=wanted), entry
