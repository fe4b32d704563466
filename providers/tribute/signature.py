"""Tells a delivery of Tribute from anybody else's: HMAC-SHA256 over the raw bytes, by the API key (fact sheet A6.1)."""

import hashlib
import hmac
import re
from collections.abc import Sequence

from reconciler.webhooks import Delivery, Forged

HEADER = b"trbt-signature"
_HEX = re.compile(rb"[0-9a-fA-F]{64}")


def sign(key: str, body: bytes) -> str:
    """The signature that Tribute sends with a body."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def has_form(delivery: Delivery) -> bool:
    """Whether there is one signature, and in a signature's form."""
    given = delivery.header(HEADER)
    return len(given) == 1 and bool(_HEX.fullmatch(given[0]))


def signed_by(keys: Sequence[str], delivery: Delivery) -> int:
    """The place of the key that signed a delivery; raises Forged. Every key is tried, whichever fits.

    The form is checked first: comparing what is not ASCII would raise instead of refuse.
    """
    if not has_form(delivery):
        raise Forged("the signature is missing or has no signature's form")
    said = delivery.header(HEADER)[0].lower()
    fits = [hmac.compare_digest(sign(key, delivery.body).encode(), said) for key in keys]
    if True not in fits:
        raise Forged("the signature is not ours")
    return fits.index(True)
