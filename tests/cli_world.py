"""Ways to call the real program in tests: in this process or as its own, in a folder with a configuration."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from providers.simulators.scenario import Scenario, build
from reconciler.cli import main
from reconciler.cli.demo import playing
from reconciler.settings import Settings

COMMAND = [sys.executable, "-c", "import sys; from reconciler.cli import main; sys.exit(main())"]
SECRET = "canary-key-0123456789"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What stderr says, line by line."""
        return self.err.splitlines()

    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """The program sets up logging for its whole process; the tests after it want theirs back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Program:
    """The command line, called in a folder."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        """`capture` is pytest's, for the calls in this process."""
        self.folder = folder
        self._capture = capture

    def __call__(self, *arguments: str) -> Ended:
        """Call main() in this process."""
        self._capture.readouterr()
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            code = main(arguments)
        finally:
            os.chdir(before)
        said = self._capture.readouterr()
        return Ended(code, said.out, said.err)

    def process(self, *arguments: str, **environment: str) -> Ended:
        """Call the program as a process of its own."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def environment(self, **more: str) -> dict[str, str]:
        """The developer's environment without settings of ours and without proxies before loopback."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("RECONCILER_")}
        return {**own, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONPATH": str(Path.cwd()), **more}

    def configure(self, text: str) -> None:
        """Write config.toml."""
        (self.folder / "config.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Program:
    """The program in an empty folder."""
    return Program(tmp_path, capsys)


MINIMAL = f"""
[providers.digiseller]
base_url = "http://127.0.0.1:9/"
seller_id = 1
api_key = "{SECRET}"
[shop]
directory = "exports"
"""
"""A configuration that loads; nobody answers at its addresses."""


@contextmanager
def shop_at_work(folder: Path, charges: int = 20) -> Iterator[tuple[Scenario, Settings]]:
    """A made-up world behind simulated providers, with a configuration for it in `folder`."""
    scenario = build(datetime.now(UTC), 14, charges, 1)
    with playing(scenario, folder) as settings:
        yield scenario, settings
