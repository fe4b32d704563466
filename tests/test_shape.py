"""The shape of the code: which way imports point, what the pure parts may not touch, and how long things may be."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("reconciler", "providers", "jobs")
PURE = (
    "model", "money", "matching", "detectors", "policy", "statement", "findings", "text", "audit", "outbox", "commands",
    "alerts",
)  # fmt: skip
WAYS_OUT = ("reconciler/alerts/elsewhere.py",)
"""What stands beside pure parts and is none: it talks to the outside through a library."""
IO_MODULES = {
    "httpx", "requests", "socket", "subprocess", "os", "pathlib", "tempfile", "shutil", "sqlite3", "threading",
}  # fmt: skip
LAYERS = (
    "cli",
    "web",
    "store",
    "alerts",
    "cases",
    "report",
    "detectors",
    "policy",
    "matching",
    "model",
    "money",
    "errors",
)
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
BESIDE = sorted(path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
"""What proves and measures the program: read as often as the program itself, so no longer than that."""


def imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    """A file's path for messages."""
    return str(path.relative_to(ROOT))


def part_of(path: Path) -> str:
    """The part of `reconciler` that a file belongs to."""
    return path.relative_to(ROOT / "reconciler").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_arrows_point_from_jobs_to_providers_to_reconciler(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    allowed = PACKAGES[: PACKAGES.index(package) + 1]
    if package == "reconciler" and part_of(path) == "cli":
        allowed = PACKAGES  # the composition root
    used = {name.split(".")[0] for name in imports(path)} & set(PACKAGES)
    assert used <= set(allowed)


@pytest.mark.parametrize("path", [p for p in FILES if p.is_relative_to(ROOT / "reconciler")], ids=name_of)
def test_parts_of_the_core_import_only_what_is_below_them(path: Path) -> None:
    part = part_of(path)
    used = {name.split(".")[1] for name in imports(path) if name.startswith("reconciler.")}
    assert part == "cli" or "cli" not in used
    if part in LAYERS:
        above = set(LAYERS[: LAYERS.index(part)])
        assert not used & above


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.is_relative_to(ROOT / "reconciler") and part_of(p) in PURE and name_of(p) not in WAYS_OUT],
    ids=name_of,
)
def test_the_pure_parts_touch_no_io_and_read_no_clock(path: Path) -> None:
    used = {name.split(".")[0] for name in imports(path)}
    assert not used & IO_MODULES
    text = path.read_text(encoding="utf-8")
    assert ".now(" not in text
    assert "time.time(" not in text
    assert "reconciler.store" not in text


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_one_http_client_and_no_other(path: Path) -> None:
    if name_of(path) != "reconciler/http.py":
        assert not {name.split(".")[0] for name in imports(path)} & {"httpx", "requests"}


@pytest.mark.parametrize("path", FILES + BESIDE, ids=name_of)
def test_files_and_functions_stay_short_and_say_what_they_are_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module opens with a sentence that says what it is for"
    assert len(text.splitlines()) <= 300 or "migrations" in path.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "migrations" not in path.parts:
            assert (node.end_lineno or 0) - node.lineno < 40, node.name


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_money_is_never_a_float(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            around = ast.unparse(node)
            assert not any(word in around for word in ("amount", "minor", "price", "money")), around


def test_the_tables_are_what_the_migrations_make(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from reconciler.schema import metadata
    from reconciler.store.engine import open_store, read

    with read(open_store(f"sqlite:///{tmp_path}/s.db")) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


def test_no_path_of_a_machine_and_no_secret_is_in_the_project() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in listed:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".html", ".j2", ".css", ".cfg", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            assert "/wo" + "rk/" not in text, name
            assert "/ro" + "ot/" not in text, name
