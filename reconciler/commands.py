"""Commands to the shop: what can be asked of it, and the exact text that asks (contract section 6)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from reconciler.audit import canonical
from reconciler.findings import iso
from reconciler.outbox import Failed, Outcome, Refused, Sent

CommandType = Literal["account.suspend", "account.reinstate", "account.ban", "balance.forfeit"]
TYPES: dict[str, CommandType] = {
    "suspend": "account.suspend",
    "reinstate": "account.reinstate",
    "ban": "account.ban",
    "forfeit": "balance.forfeit",
}
"""The command that carries out each action of a decision; the other actions have none."""


DONE_ALREADY = 409
PASSING = {408, 425, 429}
"""Answers of the 4xx kind that another try may change (contract section 6)."""


@dataclass(frozen=True, slots=True)
class Command:
    """One effect on one account, decided by `decided_by` in `mode` (`manual` or `auto`)."""

    type: CommandType
    account_id: str
    case_id: str
    finding_id: str | None
    policy_clause: str
    reason: str
    decided_by: str
    mode: str
    evidence_url: str | None
    made_at: datetime

    @property
    def command_id(self) -> str:
        """The id that the shop knows it by: one decision, one id, however often it is written down."""
        parts = (self.type, self.account_id, self.case_id, self.finding_id or "", self.decided_by, iso(self.made_at))
        return "cmd_" + hashlib.sha256(canonical({"parts": parts}).encode()).hexdigest()[:20]


def body(command: Command, seq: int) -> str:
    """What is posted, to the byte; `seq` grows with each command about the account."""
    data = {
        "command_id": command.command_id,
        "account_id": command.account_id,
        "case_id": command.case_id,
        "finding_id": command.finding_id,
        "policy_clause": command.policy_clause,
        "reason": command.reason,
        "evidence_url": command.evidence_url,
        "decided_by": command.decided_by,
        "mode": command.mode,
        "seq": seq,
    }
    return canonical({"type": command.type, "timestamp": iso(command.made_at), "data": data})


def outcome(status: int, asked: timedelta | None) -> Outcome:
    """What an answer of the shop means for the command (contract section 6); `asked`: its Retry-After."""
    said = f"answered {status}"
    if 200 <= status < 300:
        return Sent(said)
    if status == DONE_ALREADY:
        return Sent(f"{said}: the shop had it already")
    if 400 <= status < 500 and status not in PASSING:
        return Refused(f"{said}: the shop refuses it")
    return Failed(said, asked)
