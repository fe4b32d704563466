"""What is typed on a page arrives as it was typed, what a decision about several cases would do adds up, and links."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from reconciler.store.engine import open_store, read
from tests.builders import CREDIT, World, account, charge, order
from tests.dashboard_world import NOW, Person, Stage, before, staged

TYPED = "stolen card,\r\nsee <the bank's> letter"
STORED = "stolen card,\nsee <the bank's> letter"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """The application with everything in it."""
    engine = open_store(f"sqlite:///{tmp_path}/s.db")
    yield staged(engine, tmp_path)
    engine.dispose()


def hidden(text: str, name: str) -> list[str]:
    """The values of the fields of a name that are not shown."""
    found = re.findall(rf'<input type="hidden" name="{name}" value="(.*?)">', text, re.DOTALL)
    return [html.unescape(value) for value in found]


def chosen(stage: Stage, ref: str) -> list[str]:
    """The cases about a charge, as the list's boxes name them."""
    with read(stage.engine) as connection:
        rows = connection.execute(sa.text("SELECT id, version FROM cases WHERE ref = :ref ORDER BY root"), {"ref": ref})
        return [f"{id_}:{version}" for id_, version in rows]


def test_a_note_of_several_lines_is_kept_as_it_was_typed(stage: Stage) -> None:
    ann, path = Person(stage, "ann"), f"/cases/{stage.ids['case']}"
    (_, _, seen) = chosen(stage, "1001")[0].partition(":")
    refused = ann.send(f"{path}/decide", action="suspend", amount="1", note=TYPED, seen=seen).text
    assert f">{html.escape(STORED, quote=False)}</textarea>" in refused.replace("&#39;", "'")
    shown = ann.send(f"{path}/decide", action="suspend", note=TYPED, seen=seen).text
    (note,) = hidden(shown, "note")
    assert note == STORED
    assert ann.send(f"{path}/decide", action="suspend", note=note, seen=seen, sure="yes").status_code == 303
    with read(stage.engine) as connection:
        assert connection.execute(sa.text("SELECT reason FROM commands")).scalar_one() == STORED
    assert "stolen card,\nsee &lt;the bank&#39;s&gt; letter" in ann.get(path).text


def test_a_request_of_several_lines_is_kept_and_shown_as_it_was_typed(stage: Stage) -> None:
    ann = Person(stage, "ann")
    asked = {"order": "A1", "email": "buyer@example.com", "account": "acc", "text": TYPED}
    refused = ann.send("/reviews/new", **asked, received_at="2999-01-01T10:00").text
    assert f">{html.escape(STORED, quote=False)}</textarea>" in refused.replace("&#39;", "'")
    went = ann.send("/reviews/new", **asked)
    assert "stolen card,\nsee &lt;the bank&#39;s&gt; letter</blockquote>" in ann.get(went.headers["location"]).text
    with read(stage.engine) as connection:
        entered = "SELECT actor FROM audit_records WHERE kind = 'review.entered' ORDER BY number DESC LIMIT 1"
        assert connection.execute(sa.text(entered)).scalar_one() == "ann"


def test_a_refund_that_has_changed_since_it_was_shown_is_shown_again(stage: Stage) -> None:
    ann = Person(stage, "ann")
    used_up(stage, 4)
    went = ann.send("/reviews/new", order="F1", email="buyer@example.com", account="acf", text="too slow")
    path, (seen,) = went.headers["location"].partition("?")[0], [one.partition(":")[2] for one in chosen(stage, "7001")]
    fields = {"action": "refund", "note": "as agreed", "seen": seen}
    (first,) = hidden(ann.send(f"{path}/decide", **fields).text, "effect")
    used_up(stage, 5)
    late = ann.send(f"{path}/decide", **fields, effect=first, sure="yes")
    assert late.status_code == 409
    assert "has changed since you looked" in late.text
    (second,) = hidden(ann.send(f"{path}/decide", **fields).text, "effect")
    assert ann.send(f"{path}/decide", **fields, effect=second, sure="yes").status_code == 303
    with read(stage.engine) as connection:
        amounts = connection.execute(sa.text("SELECT amount_minor FROM refund_approvals")).scalars()
        assert list(amounts) == [500]


def used_up(stage: Stage, credits: int) -> None:
    """The shop says how many of ten credits of an order are used; nothing is judged."""
    sold = {"created_at": before(days=2), "delivered_at": before(days=2), "updated_at": before(hours=10 - credits)}
    World(stage.engine, stage.settings, now=NOW).complete().add(
        charge("7001", occurred_at=before(days=2)), account("acf", updated_at=before(days=1)),
        order("F1", "7001", account_id="acf", credits_micro=10 * CREDIT, credits_used_micro=credits * CREDIT, **sold),
    )  # fmt: skip


def test_of_two_cases_about_one_charge_a_bulk_decision_shows_the_refund_once(stage: Stage) -> None:
    ann = Person(stage, "ann")
    ann.send("/reviews/new", order="5000", email="b0@example.com", account="none", text="nothing came")
    both = chosen(stage, "5000")
    assert len(both) == 2
    fields = {"action": "refund", "note": "not delivered", "case": both}
    shown = ann.send("/cases/bulk", **fields).text
    assert hidden(shown, "case") == both[:1]
    assert "<strong>10.00 WMZ</strong>" in shown
    went = ann.send("/cases/bulk", **fields, sure="yes")
    assert went.headers["location"] == "/cases?done=1&refused=1"


def test_an_address_that_is_an_account_stands_in_no_link_that_a_viewer_is_shown(stage: Stage) -> None:
    name = "quentin@shop.example"
    sold = {"created_at": before(days=2), "delivered_at": before(days=2), "updated_at": before(days=2)}
    world = World(stage.engine, stage.settings, now=NOW).complete()
    world.add(
        charge("6001", occurred_at=before(days=2)), order("E1", "6001", amount_minor=900, account_id=name, **sold),
        account(name, updated_at=before(days=1)),
    ).judge()  # fmt: skip
    with read(stage.engine) as connection:
        query = "SELECT id, case_id FROM findings WHERE order_id = 'E1'"
        finding, case = connection.execute(sa.text(query)).one()
    for path in (f"/findings/{finding}", f"/cases/{case}"):
        seen = {who: Person(stage, who).get(path).text for who in ("ann", "vic")}
        assert "/cases?account=quentin%40shop.example" in seen["ann"]
        assert "q***@s***.example" in seen["vic"]
        assert "quentin" not in seen["vic"]
