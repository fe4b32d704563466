"""Events of Tribute to push, the simulated Tribute behind them, and a store that receives and pulls."""

from collections.abc import Iterator
from datetime import datetime

import pytest
import sqlalchemy as sa

from jobs.pull import Pull
from providers.simulators.tribute import TributeSimulator
from providers.tribute import build
from reconciler.settings import Schedule, TributeSettings
from tests.builders import NOW, UUID, ago
from tests.webhook_world import KEY, Pushed, event

ORDER = UUID.format(1)
BOUGHT, GIVEN_BACK = ago(hours=5), ago(hours=2)


def purchase(number: int = 78901, at: datetime = BOUGHT, **more: object) -> dict[str, object]:
    """A digital product of 10.00 USD."""
    payload = {"product_id": 77, "amount": 1000, "currency": "usd", "purchase_id": number, "transaction_id": 5}
    return event("new_digital_product", payload | {"telegram_user_id": 42} | more, at)


def purchase_refund(number: int = 78901, at: datetime = GIVEN_BACK, **more: object) -> dict[str, object]:
    """Its money back."""
    payload = {"product_id": 77, "amount": 1000, "currency": "usd", "purchase_id": number, "transaction_id": 5}
    return event("digital_product_refunded", payload | {"refund_reason": "telegram_refund"} | more, at)


def shop_order(uuid: str = ORDER, at: datetime = BOUGHT, **more: object) -> dict[str, object]:
    """The first payment of a shop order of 10.00 USD."""
    payload = {"uuid": uuid, "shopId": 1, "amount": 1000, "currency": "usd", "fee": 80, "status": "paid"}
    return event("shop_order", payload | {"isRecurrent": False} | more, at)


def shop_refund(status: str, number: int, at: datetime = GIVEN_BACK, **more: object) -> dict[str, object]:
    """One of a refund's two events."""
    back = {"refundedAt": at.strftime("%Y-%m-%dT%H:%M:%SZ")} if status == "completed" else {}
    payload = {"uuid": ORDER, "shopId": 1, "amount": 1000, "currency": "usd", "transactionId": number, "status": status}
    return event("shop_order_refunded", payload | back | more, at)


@pytest.fixture
def tribute() -> Iterator[TributeSimulator]:
    with TributeSimulator(api_key=KEY, now=lambda: NOW) as simulator:
        yield simulator


@pytest.fixture
def pushed(engine: sa.Engine, tribute: TributeSimulator) -> Iterator[Pushed]:
    made = Pushed(engine)
    made.world().complete()
    settings = TributeSettings(base_url=tribute.base_url, api_key=KEY, requests_per_second=10_000)  # type: ignore[arg-type]
    made.providers = [build(settings, now=lambda: made.now, sleep=lambda _s: None)]
    yield made
    for provider in made.providers:
        provider.close()


def pull(pushed: Pushed) -> None:
    """One pull of Tribute."""
    Pull(pushed.engine, Schedule(), lambda: pushed.now, lambda _line: None).run(pushed.providers, None)
