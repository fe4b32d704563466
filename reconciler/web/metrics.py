"""`/metrics`: what Prometheus is told, counted here or read from the store at the moment it asks."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

import sqlalchemy as sa
from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from reconciler.store import figures
from reconciler.store.engine import read
from reconciler.web.api.bearer import Inside


class Counts:
    """What became of deliveries, by provider and outcome; only the event loop adds."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self._counted: Counter[tuple[str, str]] = Counter()

    def add(self, provider: str, outcome: str) -> None:
        """One more."""
        self._counted[provider, outcome] += 1

    def now(self) -> list[tuple[tuple[str, str], int]]:
        """The numbers so far."""
        return sorted(self._counted.items())


class _Figures(Collector):
    """Reads the store when it is asked; a store that does not answer is itself a figure."""

    def __init__(self, engine: sa.Engine, counts: Counts, now: Callable[[], datetime]) -> None:
        self._engine, self._counts, self._now = engine, counts, now

    def describe(self) -> Iterator[Metric]:
        """Nothing in advance: the registry would collect once to find out."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Every figure."""
        taken = CounterMetricFamily("reconciler_webhooks", "Deliveries by what became of them.", labels=_OUTCOME)
        for (provider, outcome), number in self._counts.now():
            taken.add_metric([provider, outcome], number)
        yield taken
        up = GaugeMetricFamily("reconciler_database_up", "1 when the database answers.")
        try:
            with read(self._engine) as connection:
                yield from _stored(figures.gather(connection, self._now()))
            up.add_metric([], 1)
        except sa.exc.SQLAlchemyError:
            up.add_metric([], 0)
        yield up


_OUTCOME = ["provider", "outcome"]


def router(engine: sa.Engine, counts: Counts, now: Callable[[], datetime]) -> APIRouter:
    """The one route."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(_Figures(engine, counts, now))
    routes = APIRouter()

    @routes.get("/metrics", include_in_schema=False)
    def metrics(_who: Inside) -> Response:
        """Prometheus' own text form, for this machine and for programs with the scope `status`."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes


def _stored(found: figures.Figures) -> Iterator[Metric]:
    for name, (text, labels, samples) in found.items():
        family = GaugeMetricFamily(f"reconciler_{name}", text, labels=labels)
        for values, number in samples:
            family.add_metric(values, number)
        yield family
