"""The wheel carries everything: templates, migrations and packages, and works away from the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's contents, as an installer would lay them."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_every_file_of_the_packages_is_in_the_wheel(unpacked: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "reconciler", "providers", "jobs"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    assert [name for name in listed if (ROOT / name).is_file() and not (unpacked / name).is_file()] == []


def test_the_demo_works_from_the_wheel_alone(unpacked: Path, tmp_path: Path) -> None:
    code = (
        "import sys, reconciler; assert reconciler.__file__.startswith(sys.argv.pop(1)), reconciler.__file__; "
        "from reconciler.cli import main; main()"
    )
    environment = {**os.environ, "PYTHONPATH": str(unpacked), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(unpacked), "demo", "--days", "10", "--charges", "20"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("reconciler-demo/**/*.html"))
