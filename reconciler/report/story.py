"""A finding in one sentence of the reader's language: the detector's own in English, else one made of its facts."""

from collections.abc import Mapping
from typing import Any

from reconciler.report.shown import joined
from reconciler.words.voice import Voice

Finding = Mapping[str, Any]


def story(finding: Finding, voice: Voice) -> str:
    """What happened. Kinds and reasons without a text (newer ones, say) keep the detector's own sentence."""
    key = _key(finding, voice)
    if key is None:
        return voice.sentence(str(finding["explanation"]))
    difference: Mapping[str, Any] = finding["differences"][0] if finding["differences"] else {}
    provider = finding["provider"]
    return voice.say(
        key,
        charge=joined(finding["transaction_ids"]),
        related=joined(finding["related_transaction_ids"]),
        order=finding["order_id"] or "",
        account=finding["account_id"] or "",
        amount=voice.money(finding["amount"], finding["currency"]),
        provider=voice.say(f"provider.{provider}") if provider else "",
        theirs=difference.get("provider"),
        ours=difference.get("shop"),
        original=voice.sentence(finding["explanation"]),
    )


def resolution(finding: Finding, voice: Voice) -> str | None:
    """Why a finding went away, None while it is open."""
    said = finding.get("resolution")
    key = f"resolution.{finding['kind']}"
    return voice.say(key) if said and finding["status"] == "resolved" and voice.knows(key) else said


def clause(name: str, text: str, voice: Voice) -> str:
    """What a clause of the policy says."""
    return voice.say(f"clause.{name}") if voice.knows(f"clause.{name}") else text


def _key(finding: Finding, voice: Voice) -> str | None:
    kind = f"story.{finding['kind']}"
    return next((key for key in (f"{kind}.{finding['reason']}", f"{kind}.any") if voice.knows(key)), None)
