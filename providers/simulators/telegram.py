"""A stand-in for Telegram's Bot API: messages that can be changed, buttons that can be pressed, and its refusals."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

from providers.simulators.server import Reply, SimulatedServer, json_reply

TOKEN = "1234567:simulated-bot-token"
_PATH = re.compile(r"/bot(?P<token>[^/]+)/(?P<method>\w+)")
_TAGS = {"a", "b", "code", "i", "pre", "s", "u"}
LIMIT = 4096


@dataclass(slots=True)
class Posted:
    """A message in a chat; `versions` are the texts that it had, the newest last."""

    chat_id: str
    message_id: int
    versions: list[str]
    buttons: list[dict[str, Any]] = field(default_factory=list)
    file_names: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it says now."""
        return self.versions[-1]


class TelegramSimulator(SimulatedServer):
    """The part of the Bot API that alerts use; faults are those of every simulator, on paths `/bot…/method`.

    `posted` are all messages in order; `moved` maps chats that became supergroups; `updates` wait for getUpdates.
    `strict` refuses what Telegram cannot parse; without it every HTML is refused, to try the plain way.
    """

    def __init__(self, chats: tuple[int, ...] = (77,)) -> None:
        """Only these chats know the bot."""
        super().__init__()
        self.chats = {str(chat) for chat in chats}
        self.posted: list[Posted] = []
        self.moved: dict[str, str] = {}
        self.updates: list[dict[str, Any]] = []
        self.answers: list[str] = []
        self.takes_html = True
        self._numbers = 0

    def method(self, name: str) -> str:
        """The path of a method, to put faults on."""
        return f"/bot{TOKEN}/{name}"

    def press(self, posted: Posted, label: str, *, user: int, chat: str | None = None, data: str | None = None) -> None:
        """Let somebody press a button of a message (`data`: with a forged content)."""
        found = [one for one in posted.buttons if one["text"] == label]
        content = data if data is not None else found[0]["callback_data"]
        with self.lock:
            self._numbers += 1
            query = {
                "id": f"q{self._numbers}",
                "from": {"id": user, "is_bot": False, "first_name": "Ann", "username": "ann"},
                "message": {"message_id": posted.message_id, "chat": {"id": int(chat or posted.chat_id)}},
                "data": content,
            }
            self.updates.append({"update_id": 500 + self._numbers, "callback_query": query})

    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Answer a method as the Bot API does."""
        called = _PATH.fullmatch(path)
        if called is None or called["token"] != TOKEN:
            return _refused(404 if called is None else 401, "Unauthorized")
        form = "multipart" in self.calls[-1].headers.get("content-type", "")
        fields = _form(body) if form else json.loads(body or b"{}")
        handler = getattr(self, f"_{called['method']}", None)
        return _refused(404, "Not Found") if handler is None else handler(fields)

    def _getMe(self, _fields: dict[str, Any]) -> Reply:
        return _fine({"id": 1234567, "is_bot": True, "first_name": "Reconciler"})

    def _getChat(self, fields: dict[str, Any]) -> Reply:
        return self._refusal(fields) or _fine({"id": int(fields["chat_id"]), "type": "group"})

    def _sendMessage(self, fields: dict[str, Any]) -> Reply:
        return self._refusal(fields) or self._wrong_text(fields) or _fine(self._post(fields, fields["text"]))

    def _sendDocument(self, fields: dict[str, Any]) -> Reply:
        return self._refusal(fields) or _fine(self._post(fields, fields["caption"], fields["files"]))

    def _sendMediaGroup(self, fields: dict[str, Any]) -> Reply:
        caption = json.loads(fields["media"])[-1]["caption"]
        return self._refusal(fields) or _fine([self._post(fields, caption, fields["files"])])

    def _editMessageText(self, fields: dict[str, Any]) -> Reply:
        refusal = self._refusal(fields) or self._wrong_text(fields)
        if refusal:
            return refusal
        buttons = _buttons(fields)
        for one in self.posted:
            if (one.chat_id, str(one.message_id)) == (str(fields["chat_id"]), str(fields["message_id"])):
                if (one.text, one.buttons) == (fields["text"], buttons):
                    return _refused(400, "Bad Request: message is not modified")
                one.versions.append(fields["text"])
                one.buttons = buttons
                return _fine({"message_id": one.message_id})
        return _refused(400, "Bad Request: message to edit not found")

    def _getUpdates(self, fields: dict[str, Any]) -> Reply:
        self.updates = [one for one in self.updates if one["update_id"] >= int(fields.get("offset", 0))]
        return _fine(list(self.updates))

    def _answerCallbackQuery(self, fields: dict[str, Any]) -> Reply:
        self.answers.append(fields["text"])
        return _fine(True)

    def _refusal(self, fields: dict[str, Any]) -> Reply | None:
        chat = str(fields["chat_id"])
        if chat in self.moved:
            said = "Bad Request: group chat was upgraded to a supergroup chat"
            return _refused(400, said, {"migrate_to_chat_id": int(self.moved[chat])})
        return None if chat in self.chats else _refused(400, "Bad Request: chat not found")

    def _wrong_text(self, fields: dict[str, Any]) -> Reply | None:
        if fields.get("parse_mode") == "HTML" and not (self.takes_html and _is_well_formed(fields["text"])):
            return _refused(400, "Bad Request: can't parse entities: unsupported start tag")
        text = re.sub(r"<[^>]*>", "", fields["text"]) if fields.get("parse_mode") else fields["text"]
        if len(unescape(text).encode("utf-16-le")) // 2 > LIMIT:
            return _refused(400, "Bad Request: message is too long")
        return None

    def _post(self, fields: dict[str, Any], text: str, files: list[str] | None = None) -> dict[str, Any]:
        number = len(self.posted) + 1
        self.posted.append(Posted(str(fields["chat_id"]), number, [text], _buttons(fields), files or []))
        return {"message_id": number, "chat": {"id": int(fields["chat_id"])}}


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.good = True

    def handle_starttag(self, tag: str, _attributes: Any) -> None:
        self.good = self.good and tag in _TAGS
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.good = self.good and bool(self.open) and self.open.pop() == tag


def _is_well_formed(text: str) -> bool:
    tags = _Tags()
    tags.feed(text)
    tags.close()
    return tags.good and not tags.open and not re.search(r"&(?!(?:amp|lt|gt|quot|#x?[0-9a-fA-F]+);)", text)


def _buttons(fields: dict[str, Any]) -> list[dict[str, Any]]:
    rows = (fields.get("reply_markup") or {}).get("inline_keyboard", [])
    return [button for row in rows for button in row]


def _form(body: bytes) -> dict[str, Any]:
    """The fields of a form, and the names of its files."""
    fields: dict[str, Any] = {"files": []}
    for part in body.split(body.split(b"\r\n", 1)[0])[1:-1]:
        head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb' name="([^"]*)"', head)
        file_name = re.search(rb'filename="([^"]*)"', head)
        if file_name:
            fields["files"].append(file_name[1].decode())
        elif name:
            fields[name[1].decode()] = content.decode()
    return fields


def _fine(result: Any) -> Reply:
    return json_reply({"ok": True, "result": result})


def _refused(status: int, said: str, parameters: dict[str, Any] | None = None) -> Reply:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": said}
    return json_reply(body | ({"parameters": parameters} if parameters else {}), status)
