"""What an answer of the Bot API means: done, try again when it says, another way of putting it, or a person's work."""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reconciler.http import Answer
from reconciler.outbox import Failed, Outcome, Refused, Sent

LONGEST_WAIT = timedelta(minutes=5)
"""An alert does not wait for an hour after its server is back."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the Bot API, understood as far as it can be."""

    status: int
    ok: bool
    result: Any = None
    said: str = ""
    retry_after_s: int | None = None
    moved_to: str | None = None


def reply(answer: Answer) -> Reply:
    """The answer as the Bot API means it; somebody else's page (a proxy's, say) is just a status."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return Reply(answer.status, ok=False)
    if not isinstance(body, dict):
        return Reply(answer.status, ok=False)
    more = body.get("parameters")
    more = more if isinstance(more, dict) else {}
    moved = more.get("migrate_to_chat_id")
    return Reply(
        answer.status,
        ok=body.get("ok") is True and answer.status == 200,
        result=body.get("result"),
        said=str(body.get("description", ""))[:200],
        retry_after_s=_seconds(more.get("retry_after")) or _seconds(answer.headers.get("retry-after")),
        moved_to=str(moved) if isinstance(moved, int) else None,
    )


def outcome(got: Reply) -> Outcome:
    """What becomes of the entry. 400 and 403 do not pass by themselves: the chat or the bot needs a person."""
    if got.ok:
        return Sent("sent")
    if _is("message is not modified", got):
        return Sent("nothing has changed in it")
    if _is("message to edit not found", got) or _is("message can't be edited", got):
        return Sent("the message is not there any more")
    if got.status == 429:
        asked = None if got.retry_after_s is None else timedelta(seconds=got.retry_after_s)
        return Failed("answered 429: too many messages", asked, LONGEST_WAIT)
    if got.status in {400, 401, 403, 404}:
        return Refused(f"answered {got.status}: {_ADVICE[got.status]}")
    return Failed(f"answered {got.status}", None, LONGEST_WAIT)


def wants_plain(got: Reply) -> bool:
    """Whether it is our markup or a button's address that the server cannot take."""
    return got.status == 400 and any(_is(words, got) for words in ("parse entities", "button", "url", "entit"))


_ADVICE = {
    400: "the chat is unknown or the message is not taken; check chat_ids, and that the bot is in the chat",
    401: "the token is wrong; correct [alerts.telegram] token",
    403: "the bot may not write there; let it into the chat again",
    404: "the token is wrong, or api_base is no Bot API; correct [alerts.telegram]",
}


def _is(words: str, got: Reply) -> bool:
    return words in got.said.casefold()


def _seconds(value: Any) -> int | None:
    return min(int(value), 86_400) if str(value).isdecimal() else None
