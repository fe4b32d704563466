"""Text from outside made safe to compare and to keep: folding, hashing, masking."""

import hashlib
import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

_CODE = re.compile(r"[0-9A-Za-z]{16}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_UUID_REF = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[0-9]+)?", re.IGNORECASE | re.ASCII)
_CARD = re.compile(r"(?<![0-9A-Za-z-])[0-9](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z-])", re.ASCII)


def fold_email(value: str | None) -> str | None:
    """The form in which e-mails are compared: trimmed and case-folded (policy section 5); empty is None."""
    folded = (value or "").strip().casefold()
    return folded or None


def fold_uuid(ref: str) -> str:
    """A ref that is a UUID, or begins with one, in lower case: either case names the same thing; others unchanged."""
    return ref.lower() if _UUID_REF.fullmatch(ref) else ref


def clean(value: object) -> str | None:
    """A trimmed text id, or None when it is absent or empty; numbers become their decimal text."""
    text = "" if value is None else str(value).strip()
    return text or None


def code_hash(code: str | None) -> str | None:
    """SHA-256 of a unique code, or None when the text does not have a code's form (16 characters, or a UUID)."""
    text = (code or "").strip()
    return hashlib.sha256(text.upper().encode()).hexdigest() if _CODE.fullmatch(text) else None


def known_hash(value: object) -> str | None:
    """The hash of a unique code as it was stored; None for anything else."""
    return value if isinstance(value, str) and _HASH.fullmatch(value) else None


def storable(value: Any) -> Any:
    """A JSON value that every database stores alike: no NUL, no lone surrogate, card-like numbers masked."""
    if isinstance(value, str):
        return _mask_cards(value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode())
    if isinstance(value, dict):
        return {storable(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    return value


_DIGITS = 40
"""A whole number with more digits keeps the exponent that it came with."""


def body_text(body: Any) -> str:
    """The stored text of a raw body: JSON with sorted keys and exact numbers."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_exact)


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        whole = value.adjusted() < _DIGITS and value == int(value)  # 8E+591487 has more digits than anybody stores
        return int(value) if whole else str(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _mask_cards(text: str) -> str:
    return _CARD.sub(lambda match: _mask_if_card(match.group()), text) if len(text) >= 13 else text


def _mask_if_card(text: str) -> str:
    digits = [int(char) for char in text if char.isdigit()]
    doubled = [sum(divmod(digit * 2, 10)) for digit in digits[-2::-2]]
    if (sum(digits[-1::-2]) + sum(doubled)) % 10:
        return text
    return "*" * (len(text) - 4) + text[-4:]
