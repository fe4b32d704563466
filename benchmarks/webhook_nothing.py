"""The web server with a desk that stores nothing: what the same load costs without a single commit."""

import asyncio
import sys
from datetime import UTC, datetime

import sqlalchemy as sa
import uvicorn
from pydantic import SecretStr

from jobs.web import _taken
from providers.tribute.receiver import TributeReceiver
from reconciler.settings import TributeSettings
from reconciler.web.app import build_app
from reconciler.web.desk import Desk
from reconciler.webhooks import Arrival


class NoDesk(Desk):
    """Answers at once."""

    async def put(self, arrival: Arrival) -> None:
        """Store nothing, but let others have their turn, as waiting for a commit does."""
        await asyncio.sleep(0)


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


if __name__ == "__main__":
    engine = sa.create_engine("sqlite://")
    receiver = TributeReceiver(TributeSettings(api_key=SecretStr(sys.argv[1])))
    app = build_app(engine, [receiver], NoDesk(engine, now), {}, now)
    listening = _taken("127.0.0.1", 0)
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
    uvicorn.Server(config).run([listening])
