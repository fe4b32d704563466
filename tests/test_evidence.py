"""The evidence packet of a chargeback: what it holds, what it names as missing, and that nothing in it can run."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import BadRecord
from reconciler.model import Payment
from reconciler.money import Money
from reconciler.store import evidence_files
from reconciler.store.disputes import NewDispute, record
from reconciler.store.engine import open_store, read, write
from reconciler.store.evidence import gather
from reconciler.store.reviews import NewReview, add_review
from tests import builders
from tests.builders import BUYER, NOW, UUID, World, account, ago, charge, looked_up, order, refund, tribute_charge
from tests.case_steps import BOUGHT, TWICE

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> \x1b[31m ' onmouseover='x"
LONG_AGO = [200, 300]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty store whose evidence lies in the test's own folder."""
    configured = builders.settings(report={"directory": str(tmp_path / "reports")})
    return World(open_store(f"sqlite:///{tmp_path}/s.db"), settings=configured).complete()


def disputed(world: World, ref: str = "1001", reason: str = "10.4", provider: str = "digiseller") -> str:
    """Record a chargeback that was opened yesterday."""
    new = NewDispute(provider, ref, Money(1000, "WMZ"), reason, ago(days=1))
    with write(world.engine) as connection:
        return str(record(connection, new, "Ann", NOW)[0]["id"])


def packet(world: World, id_: str) -> dict[str, Any]:
    """What is gathered."""
    with read(world.engine) as connection:
        return gather(connection, world.settings, id_, NOW)


def written(world: World, id_: str, out: Path) -> tuple[Path, Path, list[str]]:
    """The packet as files."""
    return evidence_files.write(world.settings, packet(world, id_), out)


def asks(world: World, text: str, *files: Path) -> None:
    """A buyer's request about charge 1001, with files."""
    kept = evidence_files.keep(world.settings, files)
    new = NewReview(ago(days=2), order="1001", email=BUYER, text=text, evidence=tuple(kept))
    with write(world.engine) as connection:
        add_review(connection, world.settings, new, NOW)


def test_of_a_duplicate_both_charges_are_shown_and_why(world: World) -> None:
    world.add(*TWICE[1]).judge()
    for ref in ("1001", "1000"):
        [one] = packet(world, disputed(world, ref, "12.6.1"))["duplicates"]
        assert [row["ref"] for row in one["charges"]] == ["1000", "1001"]
        assert "paid more than once" in one["why"]


def test_a_duplicate_across_providers_shows_the_charge_of_each(world: World) -> None:
    again = UUID.format(7)
    world.add(
        charge(), tribute_charge(again, occurred_at=ago(hours=4)), looked_up(), order(account_id="acc"), account()
    )
    world.add(Payment("A1", "digiseller", "1001"), Payment("A1", "tribute", again)).judge()
    for provider, ref in (("digiseller", "1001"), ("tribute", again)):
        [one] = packet(world, disputed(world, ref, "12.6.2", provider))["duplicates"]
        assert {(row["provider"], row["ref"]) for row in one["charges"]} == {("digiseller", "1001"), ("tribute", again)}


def earlier(days: int, **changes: Any) -> tuple[Any, Any]:
    """An undisputed purchase of the same account so many days ago."""
    at = ago(days=days)
    return charge(f"9{days}", occurred_at=at, **changes), order(f"K{days}", f"9{days}", account_id="acc", created_at=at)


def test_pairs_of_compelling_evidence_are_a_hint_for_reason_10_4_of_the_right_age(world: World) -> None:
    world.add(*BOUGHT[1], *earlier(100), *earlier(200), *earlier(300), *earlier(400)).judge()
    hint = packet(world, disputed(world))["compelling_evidence"]
    assert (hint["applies"], hint["enough"]) == (True, True)
    assert [(pair["ref"], pair["agrees"]) for pair in hint["pairs"]] == [
        ("9300", ["account_id", "buyer_email"]),
        ("9200", ["account_id", "buyer_email"]),
    ]
    other = packet(world, disputed(world, reason="13.1"))["compelling_evidence"]
    assert (other["applies"], other["enough"]) == (False, False)
    assert packet(world, disputed(world, reason="4837"))["compelling_evidence"] is None


def test_disputed_reversed_and_later_purchases_prove_nothing(world: World) -> None:
    world.add(*BOUGHT[1], *earlier(200), *earlier(300), refund("9200"), *earlier(0, amount_minor=500)).judge()
    disputed(world, "9300")
    assert packet(world, disputed(world))["earlier_purchases"] == []


def test_what_is_missing_is_named_and_what_is_there_is_not(world: World) -> None:
    bare = " ".join(packet(world, disputed(world, "2002"))["missing"])
    for part in ("the charge itself", "the shop's order", "delivery", "account", "correspondence", "published policy"):
        assert part in bare
    world.add(*BOUGHT[1], *earlier(200)).judge()
    asks(world, "where is it")
    full = " ".join(packet(world, disputed(world))["missing"])
    for part in ("charge itself", "shop's order", "delivery with", "earlier undisputed", "correspondence", "account:"):
        assert part not in full
    assert "IP address and device" in full


def test_the_zip_holds_what_the_folder_holds_and_the_same_facts_give_the_same_bytes(
    world: World, tmp_path: Path
) -> None:
    proof = tmp_path / "Снимок <1>.png"
    proof.write_bytes(b"\x89PNG")
    world.add(*BOUGHT[1]).judge()
    asks(world, "stolen", proof)
    id_ = disputed(world)
    folder, archive, _ = written(world, id_, tmp_path / "one")
    inside = {
        path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    with zipfile.ZipFile(archive) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == inside
    assert {Path(name).name for name in inside if "/files/" in name} == {
        f"{evidence_files.keep(world.settings, [proof])[0]['sha256'][:16]}-_1_.png"
    }
    assert json.loads(inside[f"{folder.name}/facts.json"])["correspondence"]["files"][0]["name"] == proof.name
    assert written(world, id_, tmp_path / "two")[1].read_bytes() == archive.read_bytes()


def test_a_kept_file_that_is_gone_is_named_as_missing(world: World, tmp_path: Path) -> None:
    proof = tmp_path / "proof.txt"
    proof.write_text("x")
    world.add(*BOUGHT[1]).judge()
    asks(world, "stolen", proof)
    for path in evidence_files.directory(world.settings).iterdir():
        path.unlink()
    folder, _, missing = written(world, disputed(world), tmp_path / "out")
    assert any("proof.txt" in line for line in missing)
    assert "proof.txt" in (folder / "summary.html").read_text(encoding="utf-8")


def test_what_buyers_write_is_text_in_the_page_and_can_do_nothing(world: World, tmp_path: Path) -> None:
    bought = order(account_id="acc", buyer_email=HOSTILE)
    world.add(charge(buyer_email=BUYER), bought, account()).judge()
    asks(world, HOSTILE)
    page = (written(world, disputed(world, reason=HOSTILE), tmp_path)[0] / "summary.html").read_text(encoding="utf-8")
    assert "alert(1)" in page
    assert not any(bad in page for bad in ("<script", "<img", "\x1b", "' onmouseover"))
    assert "default-src 'none'" in page


@pytest.mark.parametrize("name", ["..", "../../x", "/etc/passwd", ".hidden", "", "a" * 300, "CON\n.txt"])
def test_a_file_name_can_not_leave_its_folder(name: str) -> None:
    plain = evidence_files.plain(name)
    assert plain
    assert len(plain) <= 80
    assert "/" not in plain
    assert not plain.startswith(".")


def test_files_that_come_after_a_complete_request_are_kept_with_it(world: World, tmp_path: Path) -> None:
    world.add(*BOUGHT[1]).judge()
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("a")
    second.write_text("b")
    asks(world, "stolen", first)
    asks(world, "stolen", second)
    asks(world, "stolen", second)
    names = [one["name"] for one in packet(world, disputed(world))["correspondence"]["files"]]
    assert names == ["a.txt", "b.txt"]


def test_the_policy_is_quoted_with_its_digest(tmp_path: Path) -> None:
    text = tmp_path / "policy.txt"
    text.write_text("No refunds.")
    sections: dict[str, Any] = {"report": {"directory": str(tmp_path / "r")}, "policy": {"document": str(text)}}
    world = World(open_store(f"sqlite:///{tmp_path}/p.db"), settings=builders.settings(**sections)).complete()
    folder, _, missing = written(world, disputed(world), tmp_path / "out")
    assert (folder / "policy.txt").read_text() == "No refunds."
    assert not any("published policy" in line for line in missing)


def test_of_several_files_all_are_kept_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence_files, "MAX_BYTES", 4)
    settings = builders.settings(report={"directory": str(tmp_path / "reports")})
    folder = evidence_files.directory(settings)
    given = [tmp_path / "small.txt", tmp_path / "large.txt"]
    for path, text in zip(given, ("1234", "12345"), strict=True):
        path.write_text(text)
    with pytest.raises(BadRecord, match=r"large\.txt"):
        evidence_files.keep(settings, given)
    with pytest.raises(BadRecord, match=r"large\.txt"):
        evidence_files.keep_contents(settings, [(path.name, path.read_bytes()) for path in given])
    assert not folder.exists() or list(folder.iterdir()) == []
    (kept,) = evidence_files.keep(settings, given[:1])
    assert (folder / kept["file"]).read_text() == "1234"
