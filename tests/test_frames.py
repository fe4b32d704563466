"""`reconciler.match` takes and gives frames of three libraries, with the checks and the results of the files."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import reconciler
from reconciler.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
MOMENT = pd.Timestamp("2026-11-20T10:00:00Z")
CHARGES = {
    "provider": ["digiseller", "digiseller"],
    "ref": ["1", "2"],
    "kind": ["charge", "charge"],
    "status": ["paid", "paid"],
    "amount_minor": [1000, 700],
    "currency": ["WMZ", "WMZ"],
    "occurred_at": [MOMENT, MOMENT],
}
ORDERS = {
    "order_id": ["A1"],
    "provider": ["digiseller"],
    "provider_ref": ["1"],
    "amount_minor": [1000],
    "currency": ["USD"],
    "status": ["delivered"],
    "created_at": [MOMENT],
    "delivered_at": [MOMENT],
    "updated_at": [MOMENT + pd.Timedelta(days=1)],
}
KINDS: dict[str, Any] = {
    "pandas": pd.DataFrame,
    "polars": lambda columns: pl.from_pandas(pd.DataFrame(columns)),
    "pyarrow": lambda columns: pl.from_pandas(pd.DataFrame(columns)).to_arrow(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_one_kind_come_back_as_that_kind(kind: str) -> None:
    make = KINDS[kind]
    result = reconciler.match(make(CHARGES), make(ORDERS))
    assert type(result.matches) is type(make(ORDERS))
    assert result.matches.shape == (1, 4)
    assert str(result.findings["kind"][0]) == "undelivered_order"
    assert result.summary["closes"]


def test_a_frame_is_refused_as_a_file_is() -> None:
    charges = pd.DataFrame(CHARGES)
    for broken, words in (
        (charges.drop(columns="ref"), "column ref is missing"),
        (charges.assign(amount_minor=[9.5, 7.0]), "whole numbers of minor units"),
        (charges.assign(occurred_at=charges.occurred_at.dt.tz_localize(None)), "a time without zone"),
        (CHARGES, "no frame of pandas"),
    ):
        with pytest.raises(ConfigError, match=words):
            reconciler.match(broken, pd.DataFrame(ORDERS))


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = (
        "import reconciler, sys; assert not {'pandas', 'duckdb', 'pyarrow', 'polars', 'sqlalchemy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_example_of_the_documents_runs(tmp_path: Path) -> None:
    text = (ROOT / "docs/match.md").read_text(encoding="utf-8")
    example = text.split("```python\n")[1].split("```")[0]
    pq.write_table(KINDS["pyarrow"](CHARGES), tmp_path / "charges.parquet")
    pq.write_table(KINDS["pyarrow"](ORDERS), tmp_path / "orders.parquet")
    done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "undelivered_order" in done.stdout
