"""What stands in the place of an erased buyer's personal data, in texts and documents; pure."""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.text import fold_email

EMAIL, TELEGRAM = "email", "telegram"
ERASED = "erased"
ANY_EMAIL = re.compile(r"[^\s\"'<>()\[\],;:\\]+@[^\s\"'<>()\[\],;:\\]+")
_PERSONAL = re.compile(
    r"^ip$|_ip$|ip_?addr|phone|user_?name|first_?name|last_?name|full_?name|buyer_?name|nick", re.IGNORECASE
)
"""Further fields of a record that is the buyer's: nothing is matched or judged by them."""
_TELLING = ("provider", "shop")
"""Where a finding's difference says what each side has; one of them may be a Telegram id."""


def keyed(key: str, kind: str, value: str) -> str:
    """The keyed hash by which an address or a Telegram id is known again without being kept."""
    return hmac.new(key.encode(), f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def pseudonym(digest: str) -> str:
    """What stands instead: the same for all rows of a buyer, so that they still belong together."""
    return f"{ERASED}-{digest[:16]}"


def exactly(email: str) -> re.Pattern[str]:
    """One address in any text, in either case, and no longer address that contains it."""
    return re.compile(rf"(?<![\w.+%-]){re.escape(email)}(?![\w-])(?!\.\w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Redactor:
    """Puts pseudonyms in place: `known(kind, value)` gives one for what is erased, None for everything else."""

    addresses: re.Pattern[str]
    known: Callable[[str, str], str | None]

    def text(self, value: str) -> str:
        """The text with every erased address replaced."""
        return self.addresses.sub(lambda found: self._email(found.group()) or found.group(), value)

    def field(self, name: str, value: Any) -> Any:
        """The value of one column or key of a record."""
        if isinstance(value, str) and "@" in value:
            return self.text(value)
        if isinstance(value, str | int) and ("telegram" in name.lower() or name in _TELLING):
            return self.known(TELEGRAM, str(value)) or value
        return value

    def document(self, value: Any, name: str = "") -> Any:
        """A JSON value without the erased; in a record that tells of one, the other personal fields are gone too."""
        redacted = self._walk(value, name)
        return _without_personal(redacted) if redacted != value else value

    def _walk(self, value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return {key: self._walk(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._walk(item, name) for item in value]
        return self.field(name, value)

    def _email(self, found: str) -> str | None:
        return self.known(EMAIL, fold_email(found) or "")


def _without_personal(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: ERASED if _PERSONAL.search(str(key)) and item and not isinstance(item, dict | list)
            else _without_personal(item)
            for key, item in value.items()
        }  # fmt: skip
    return [_without_personal(item) for item in value] if isinstance(value, list) else value
