"""Carries commands to the shop: signed as Standard Webhooks has it, posted to the one address of the configuration."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from reconciler.commands import outcome
from reconciler.errors import Retryable
from reconciler.http import post_once, retry_after_s
from reconciler.outbox import COMMAND, Failed, Outcome
from reconciler.settings import Commands


class CommandChannel:
    """The way to the shop; raises nothing that an attempt can run into."""

    name = COMMAND
    kind = COMMAND

    def __init__(self, settings: Commands, now: Callable[[], datetime]) -> None:
        """`settings` name the address and the signing secret; `now` dates the signatures."""
        self._url, self._now = settings.url, now
        self._signer = Webhook(settings.secret.get_secret_value())

    def deliver(self, key: str, body: str, *, begin_by_s: float, end_by_s: float) -> Outcome:
        """Post one command once; id and body are those of every attempt, the timestamp is this one's."""
        now = self._now().astimezone(UTC)  # the signer takes any time for UTC
        headers = {
            "content-type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(key, now, body),
        }
        try:
            answer = post_once(self._url, body.encode(), headers, begin_by_s=begin_by_s, end_by_s=end_by_s)
        except Retryable as error:
            return Failed(str(error))
        asked_s = retry_after_s(answer.headers)
        return outcome(answer.status, None if asked_s is None else timedelta(seconds=min(asked_s, 10**9)))
