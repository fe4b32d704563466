"""Remembers which addresses send what is not signed: past a limit they cost less work. It keeps nobody else out."""

import time
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

BURST = 100
"""Refusals in a row before an address is over the limit; it gets one back each half second."""
PER_S = 2.0
MOST = 10_000
"""Addresses remembered; past that the one that was quiet longest is forgotten."""


class Forgers:
    """A token bucket for each address; only the event loop asks and adds."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Nobody was refused yet."""
        self._buckets: dict[str, tuple[float, float]] = {}
        self._clock_s = clock_s

    def add(self, scope: Mapping[str, Any]) -> None:
        """Somebody was refused."""
        address = address_of(scope)
        left = self._left(address) - 1
        self._buckets.pop(address, None)
        self._buckets[address] = (max(left, 0.0), self._clock_s())
        if len(self._buckets) > MOST:
            del self._buckets[next(iter(self._buckets))]

    def over(self, scope: Mapping[str, Any]) -> bool:
        """Whether somebody was refused too often lately."""
        return bool(self._buckets) and self._left(address_of(scope)) < 1

    def _left(self, address: str) -> float:
        left, at_s = self._buckets.get(address, (float(BURST), 0.0))
        return min(float(BURST), left + (self._clock_s() - at_s) * PER_S)


def address_of(scope: Mapping[str, Any]) -> str:
    """Whose request it is: the peer, or behind a proxy on this machine the last address that X-Forwarded-For names.

    Of IPv6 the network counts: a sender has all addresses of it.
    """
    peer = _network((scope.get("client") or ("",))[0])
    if peer not in _OURSELVES:
        return peer
    said = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return (_network(said[-1].decode("latin-1").rpartition(",")[2].strip()) or UNKNOWN) if said else peer


def is_ours(scope: Mapping[str, Any]) -> bool:
    """Whether a request is made on this machine itself: a proxy names whom it passes on."""
    return address_of(scope) in _OURSELVES


_OURSELVES = {"", "127.0.0.1", "::/64"}
UNKNOWN = "unknown"
"""Somebody whom a proxy passes on under what is no address: never this machine."""


def _network(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return str(address)
