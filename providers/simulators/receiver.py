"""A shop's receiver of commands: checks signatures, acts once for each id, ignores what a newer command undid."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from providers.simulators.server import Call, Reply, SimulatedServer, json_reply

SECRET = "whsec_c2ltdWxhdGVkLXNob3AtY29tbWFuZHM="
PATH = "/commands"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A command with a good signature as it came in, whether or not it was acted upon."""

    id: str
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        """What the command says about its account."""
        data: dict[str, Any] = json.loads(self.body)["data"]
        return data


class CommandReceiver(SimulatedServer):
    """The receiving side of contract section 6, as a shop should build it; faults are those of every simulator.

    `arrivals` are all attempts with a good signature, `applied` the bodies that were acted upon, `accounts` the state
    of each account, and `overlaps` the ids that came while an attempt at the same id was still being answered.
    """

    def __init__(self, secret: str = SECRET) -> None:
        """Nothing has arrived; `says_conflict` answers a known id with 409 instead of 200."""
        super().__init__()
        self.secret = secret
        self.says_conflict = False
        self.arrivals: list[Arrival] = []
        self.applied: list[dict[str, Any]] = []
        self.accounts: dict[str, str] = {}
        self.overlaps: list[str] = []
        self._seqs: dict[str, int] = {}
        self._ids: set[str] = set()

    @property
    def address(self) -> str:
        """What `[shop.commands] url` has to be."""
        return f"{self.url}{PATH}"

    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Take a command: 401 for a bad signature, 200 when it was acted upon or had been before."""
        headers = dict(self.calls[-1].headers)
        if method != "POST" or path != PATH:
            return json_reply({"error": "not found"}, 404)
        try:
            Webhook(self.secret).verify(body, headers)
        except (WebhookVerificationError, ValueError):
            return json_reply({"error": "bad signature"}, 401)
        id_ = headers["webhook-id"]
        self.arrivals.append(Arrival(id_, body))
        if id_ in self._ids:
            return json_reply({"done": "before"}, 409 if self.says_conflict else 200)
        self._ids.add(id_)
        return json_reply({"done": self._apply(json.loads(body))})

    def _respond(self, call: Call) -> Any:
        with self.lock:
            id_ = call.headers.get("webhook-id", "")
            self.overlaps += [id_ for other in self.under_way if other.headers.get("webhook-id") == id_]
            return super()._respond(call)

    def _apply(self, command: dict[str, Any]) -> str:
        account, seq = command["data"]["account_id"], command["data"]["seq"]
        if seq < self._seqs.get(account, 0):
            return "ignored"
        self._seqs[account] = seq
        self.applied.append(command)
        if command["type"] != "balance.forfeit":
            self.accounts[account] = _STATES[command["type"]]
        return "now"


_STATES = {"account.suspend": "suspended", "account.reinstate": "active", "account.ban": "banned"}
