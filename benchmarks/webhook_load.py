"""Sends signed webhooks at a constant rate over kept connections, in a process of its own, and times each answer."""

import asyncio
import hashlib
import hmac
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import chain, count

MOST_MADE = 40_000


@dataclass(frozen=True)
class Load:
    """What to send: `rate` a second for `seconds`, or with 0 as many as are answered."""

    port: int
    key: str
    rate: int
    seconds: float
    connections: int
    first: int

    @property
    def made(self) -> int:
        """How many are made and signed before the first is sent: the load shares the machine with the server."""
        return min(MOST_MADE, int(self.rate * self.seconds) or MOST_MADE)


@dataclass
class Result:
    """What came back; latencies in milliseconds, sorted, from the moment at which each delivery was due."""

    statuses: dict[int, int]
    latencies: list[float]
    seconds: float
    errors: int = 0
    without_retry_after: int = 0
    by_second: list[list[float]] = field(default_factory=list)
    """For each second in which deliveries were due: p99 of those answered 200, and how many were not."""

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return sum(self.statuses.values()) / self.seconds

    def quantile(self, percent: float) -> float:
        """The latency that `percent` of the answers did not exceed."""
        return quantile(self.latencies, percent)


def quantile(ordered: list[float], percent: float) -> float:
    """The value that `percent` of them do not exceed; infinite where there are none."""
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else math.inf


def request(key: bytes, number: int) -> bytes:
    """One signed delivery about a purchase of its own."""
    payload = {
        "product_id": 456, "product_name": "Credits", "amount": 500, "currency": "usd", "trb_user_id": f"T-{number}",
        "telegram_user_id": number, "purchase_id": number, "transaction_id": number,
        "purchase_created_at": "2026-11-25T10:00:00Z",
    }  # fmt: skip
    event = {"name": "new_digital_product", "created_at": "2026-11-25T10:00:00Z", "payload": payload}
    body = json.dumps(event, separators=(",", ":")).encode()
    signed = hmac.new(key, body, hashlib.sha256).hexdigest()
    head = (
        f"POST /webhooks/tribute HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"trbt-signature: {signed}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass
class Sender:
    """Deals due deliveries out to free connections; those that find none wait, and their latency goes on counting."""

    load: Load
    ready: Iterator[bytes]
    free: deque["Connection"] = field(default_factory=deque)
    due: deque[float] = field(default_factory=deque)
    statuses: Counter[bytes] = field(default_factory=Counter)
    answers: list[tuple[float, float]] = field(default_factory=list)
    """Of each 200 when it was due and how long it took, in seconds."""
    refused: list[float] = field(default_factory=list)
    errors: int = 0
    without_retry_after: int = 0
    ended: bool = False
    open: int = 0

    def deal(self) -> None:
        """Give what is due to who is free."""
        while self.due and self.free:
            connection = self.free.popleft()
            if connection.transport is not None:
                connection.send(self.due.popleft())

    def answered(self, connection: "Connection", answer: bytes, due_s: float) -> None:
        """Note an answer; the connection is free again."""
        status = answer[9:12]
        self.statuses[status] += 1
        if status == b"200":
            self.answers.append((due_s, time.perf_counter() - due_s))
        else:
            self.refused.append(due_s)
            self.without_retry_after += status == b"503" and b"retry-after" not in answer.lower()
        self.free.append(connection)
        if self.load.rate == 0 and not self.ended:
            self.due.append(time.perf_counter())
        self.deal()


class Connection(asyncio.Protocol):
    """One kept connection with at most one delivery on its way."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.transport: asyncio.Transport | None = None
        self.due_s: float | None = None
        self.got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.sender.open += 1
        self.sender.free.append(self)
        self.sender.deal()

    def send(self, due_s: float) -> None:
        """Send the next delivery, which was due at a moment."""
        self.due_s, self.got = due_s, b""
        self.transport.write(next(self.sender.ready))  # type: ignore[union-attr]

    def data_received(self, data: bytes) -> None:
        self.got += data
        if self.due_s is not None and self.got.endswith((b"}", b"Service Unavailable")):  # every answer of ours does
            due_s, self.due_s = self.due_s, None
            self.sender.answered(self, self.got, due_s)

    def connection_lost(self, _error: Exception | None) -> None:
        self.transport = None
        self.sender.open -= 1
        if self.due_s is not None:
            self.sender.errors += 1
        if not self.sender.ended:
            asyncio.get_running_loop().create_task(connect(self.sender))


async def connect(sender: Sender) -> None:
    """One more connection."""
    try:
        await asyncio.get_running_loop().create_connection(lambda: Connection(sender), "127.0.0.1", sender.load.port)
    except OSError:
        sender.errors += 1


async def run(load: Load) -> Result:
    """Keep the rate for the time, then wait for the answers that are on their way."""
    made = [request(load.key.encode(), load.first + number) for number in range(load.made)]
    sender = Sender(load, chain(made, map(partial(request, load.key.encode()), count(load.first + load.made))))
    for _ in range(0, load.connections, 50):
        await asyncio.gather(*(connect(sender) for _ in range(min(50, load.connections))))
    began = time.perf_counter()
    if load.rate == 0:
        sender.due.extend([began] * load.connections)
        sender.deal()
        await asyncio.sleep(load.seconds)
        sender.ended = True
    sent = 0
    while load.rate and sent < load.rate * load.seconds:
        wanted = min(int((time.perf_counter() - began) * load.rate) + 1, int(load.rate * load.seconds))
        sender.due.extend(began + place / load.rate for place in range(sent, wanted))
        sent = wanted
        sender.deal()
        await asyncio.sleep(0.001)
    seconds = time.perf_counter() - began
    if len(sender.due) <= load.connections:  # more is a flood, which is over when its time is
        until = time.perf_counter() + 10
        while sender.due or len(sender.free) < sender.open:
            if time.perf_counter() > until:
                break
            await asyncio.sleep(0.01)
    sender.ended = True
    done = result_of(sender, began, seconds)
    for connection in sender.free:
        if connection.transport is not None:
            connection.transport.abort()
    return done


def result_of(sender: Sender, began: float, seconds: float) -> Result:
    """What came back to a sender."""
    places = range(max(1, round(seconds)))
    taken: list[list[float]] = [[] for _ in places]
    for due_s, took_s in sender.answers:
        taken[min(int(due_s - began), len(taken) - 1)].append(took_s * 1000)
    refused = Counter(int(due_s - began) for due_s in sender.refused)
    return Result(
        {int(status): number for status, number in sender.statuses.items()},
        sorted(took_s * 1000 for _, took_s in sender.answers),
        seconds,
        sender.errors,
        sender.without_retry_after,
        [[quantile(sorted(taken[place]), 99), float(refused[place])] for place in places],
    )


def send(load: Load) -> Result:
    """Send from a process of its own."""
    with tempfile.TemporaryFile("w+") as file:  # a pipe that is full may lose the rest of a long answer
        subprocess.run(
            [sys.executable, "-m", "benchmarks.webhook_load", json.dumps(asdict(load))], check=True, stdout=file
        )
        file.seek(0)
        said = json.load(file)
    said["statuses"] = {int(status): count for status, count in said["statuses"].items()}
    return Result(**said)


if __name__ == "__main__":
    try:
        import uvloop

        runner = uvloop.run
    except ModuleNotFoundError:
        runner = asyncio.run
    print(json.dumps(asdict(runner(run(Load(**json.loads(sys.argv[1])))))))
