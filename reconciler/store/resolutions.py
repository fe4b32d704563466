"""Says why a finding went away by itself."""


def resolution(kind: str, reason: str | None) -> str:
    """What ended a finding of the kind, in words for people."""
    return _OF_REASON.get((kind, reason or "")) or _OF_KIND.get(kind, "what caused it is not there any more")


_OF_KIND = {
    "duplicate_charge": "the surplus charge was reversed, or its own delivery appeared",
    "undelivered_order": "the order was delivered, matched or the money went back",
    "unclaimed_order": "the buyer presented the code, or the money went back",
    "missing_charge": "the charge appeared at the provider, or the order changed",
    "suspected_chargeback": "the reversal is explained or confirmed now, or did not happen",
    "unapproved_refund": "a decision is on record now, or the refund did not happen",
    "refund_not_executed": "the provider shows the refund now, or the approval is gone",
    "credits_not_revoked": "the credits can not be spent any more",
    "dispute_signal": "the provider does not show the sign any more",
    "feed_gap": "the missing part was read",
    "unreadable_record": "the record was read in a form that is understood",
}
"""Why a finding of each kind goes away by itself; the others name the fields, which agree now."""

_OF_REASON = {
    ("feed_gap", "no_webhook"): "the webhooks that were missing came",
    ("feed_gap", "denied"): "the provider's API shows the sale now",
    ("feed_gap", "unconfirmed"): "the provider's API shows it as the webhook said",
    ("feed_gap", "silent"): "webhooks come in again",
    ("feed_gap", "downtime"): "what came in that time was brought in from a list",
}
"""The same where the reason says more than the kind."""
