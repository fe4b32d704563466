"""The readable summary of an evidence packet: one HTML page that needs nothing else."""

from collections.abc import Mapping
from typing import Any

from reconciler.report import shown
from reconciler.report.environment import templates

_ABOUT = {
    "fraud": "The card holder says that somebody else paid.",
    "duplicate": "The card holder says that the purchase was paid twice.",
    "amount": "The card holder says that amount or currency are wrong.",
    "not_received": "The card holder says that nothing was delivered.",
    "not_as_described": "The card holder says that the goods were not as described.",
    "credit_not_processed": "The card holder says that a promised refund was not made.",
    "authorisation": "The bank says that the payment was not authorised as it has to be.",
    "cancelled": "The card holder says that the purchase was cancelled.",
    "unknown": "The reason code is not one that this program knows.",
}


def render(packet: Mapping[str, Any]) -> bytes:
    """The page in UTF-8; buyers' words are text in it and nothing else."""
    about = _ABOUT.get(packet["about"], _ABOUT["unknown"])
    return templates(shown.NOTHING).get_template("evidence.html.j2").render(packet=packet, about=about).encode()
