"""The buttons below a message, and what a press of one says."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from reconciler.words import say

Action = Literal["acknowledge", "snooze"]
_LETTERS: dict[str, tuple[str, Action, timedelta | None]] = {
    "a": ("acknowledge", "acknowledge", None),
    "h": ("hour", "snooze", timedelta(hours=1)),
    "d": ("day", "snooze", timedelta(days=1)),
}


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody pressed a button; whether he may is not said yet."""

    callback_id: str
    user_id: int
    user_name: str
    chat_id: str
    message_id: str
    action: Action
    pause: timedelta | None
    token: str


def keyboard(token: str | None, link: str | None, language: str = "en") -> dict[str, Any]:
    """The buttons: those that act carry `token`, and are left out without one; *Open* leads to `link`."""
    rows = []
    if token is not None:
        named = ((letter, say(language, f"button.{name}")) for letter, (name, _, _) in _LETTERS.items())
        rows.append([{"text": text, "callback_data": f"{letter}:{token}"} for letter, text in named])
    if link is not None:
        rows.append([{"text": say(language, "button.open"), "url": link}])
    return {"inline_keyboard": rows}


def press(update: Any) -> Press | None:
    """The press that an update tells of; None when it tells of something else, or in a form that nobody made."""
    try:
        query = update["callback_query"]
        letter, _, token = query["data"].partition(":")
        _, action, pause = _LETTERS[letter]
        message, user = query["message"], query["from"]
        return Press(
            str(query["id"]),
            int(user["id"]),
            str(user.get("username") or user.get("first_name") or user["id"])[:64],
            str(message["chat"]["id"]),
            str(message["message_id"]),
            action,
            pause,
            str(token),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
