"""Calls the Bot API over the one HTTP client: each call once, with a deadline, and its token never in an error."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.alerts.telegram.answers import Reply, reply
from reconciler.http import multipart, post_once
from reconciler.settings import Telegram

File = tuple[str, bytes]
"""A file's name and content."""


class Bot:
    """The bot of the configuration. Methods raise Retryable when no answer came: nobody knows then what happened."""

    def __init__(self, settings: Telegram) -> None:
        """Nothing is called before a method is."""
        self._base = f"{settings.api_base.rstrip('/')}/bot{settings.token.get_secret_value()}"

    def call(self, method: str, fields: Mapping[str, Any], *, begin_by_s: float, end_by_s: float) -> Reply:
        """Call a method once with JSON fields, between two moments of the monotonic clock."""
        body = json.dumps({name: value for name, value in fields.items() if value is not None}).encode()
        return self._post(method, body, "application/json", begin_by_s, end_by_s)

    def documents(self, chat_id: str, text: str, files: Sequence[File], *, begin_by_s: float, end_by_s: float) -> Reply:
        """Send one to ten files with a caption, in one call."""
        if len(files) == 1:
            fields, parts = {"chat_id": chat_id, "caption": text}, {"document": files[0]}
            return self._form("sendDocument", fields, parts, begin_by_s, end_by_s)
        media = [{"type": "document", "media": f"attach://file{number}"} for number in range(len(files))]
        media[-1]["caption"] = text
        fields = {"chat_id": chat_id, "media": json.dumps(media)}
        parts = {f"file{number}": file for number, file in enumerate(files)}
        return self._form("sendMediaGroup", fields, parts, begin_by_s, end_by_s)

    def _form(
        self, method: str, fields: Mapping[str, str], files: Mapping[str, File], begin_by_s: float, end_by_s: float
    ) -> Reply:
        body, content_type = multipart(fields, files)
        return self._post(method, body, content_type, begin_by_s, end_by_s)

    def _post(self, method: str, body: bytes, content_type: str, begin_by_s: float, end_by_s: float) -> Reply:
        headers = {"content-type": content_type, "accept-encoding": "identity"}
        address = f"{self._base}/{method}"
        answer = post_once(address, body, headers, begin_by_s=begin_by_s, end_by_s=end_by_s, want_body=True)
        return reply(answer)
