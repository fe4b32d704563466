"""Sentences that the program writes down are told in every language: none of ours stays English for other readers."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reconciler.words.sentences import patterns, told
from reconciler.words.voice import Voice
from tests.russian import english

ROOT = Path(__file__).resolve().parent.parent
WRITERS = (
    "reconciler/policy/chargeback.py",
    "reconciler/policy/review.py",
    "reconciler/cases/*.py",
    "reconciler/alerts/troubles.py",
    "reconciler/alerts/elsewhere.py",
    "reconciler/alerts/telegram/answers.py",
    "reconciler/detectors/webhooks.py",
    "reconciler/detectors/kept_facts.py",
    "reconciler/store/cases.py",
    "reconciler/store/automatic.py",
    "reconciler/store/decisions.py",
    "reconciler/store/refunds.py",
    "reconciler/store/disputes.py",
    "reconciler/store/acts.py",
    "reconciler/store/filters.py",
    "reconciler/store/outbox_views.py",
    "reconciler/store/paging.py",
    "reconciler/store/saved_views.py",
    "reconciler/web/dashboard/[bcgqr]*.py",
    "reconciler/http.py",
    "jobs/dispatch.py",
    "jobs/reconcile.py",
    "jobs/alert_senders.py",
    "providers/digiseller/client.py",
    "providers/digiseller/feeds.py",
    "providers/digiseller/sales.py",
    "providers/shop/files.py",
    "providers/shop/reader.py",
    "providers/shop/connect.py",
    "providers/shop/faults.py",
    "providers/tribute/client.py",
    "providers/tribute/answers.py",
    "providers/tribute/feeds.py",
)
"""Who writes what is stored and shown later: in cases, alerts, reports, feeds, refusals."""
FOR_ENGINEERS = {"ValueError", "RuntimeError", "ConfigError", "TypeError", "log"}
BLANK = re.compile(r"\{[^{}]*\}")


def sentences(path: Path) -> Iterator[str]:
    """Every text of three words or more in a file's code, its values as `{}`."""
    yield from _texts(ast.parse(path.read_text(encoding="utf-8")))


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[0] in FOR_ENGINEERS:
        return
    if isinstance(node, ast.Constant | ast.JoinedStr):
        text = _written(node)
        if len(text.split()) > 2:
            yield text
        return
    for child in ast.iter_child_nodes(node):
        yield from _texts(child)


def _written(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
    return node.value if isinstance(node.value, str) else ""


FRAGMENTS = {
    ", and from ", ", and {} more times",
    "A dispute may come for charge {}: {}{}. Answer the buyer before it becomes a claim.",
    "Feed {} could not be read completely from {}{}: {}. Nothing is concluded for that time; it is read again with "
    "each run.",
    "{}: reinstate the account.", "is due soon", "the case {}: {}", "A case {}",
    "Case {} about {} {}: an answer is due {}. Decide it: `reconciler cases show {}`.",
    "Look at `reconciler outbox list` and `reconciler alerts list`.", "{} entries wait to be delivered. {}",
    " and {} more", " Tribute can send it again: `POST /shop/orders/{uuid}/webhooks/resend`.",
    "{}'s API shows {} as paid on {}, and no webhook told of it: others that only webhooks tell may be missing too. "
    "{}{}",
    "No webhook of {} came since {}; its own rhythm explains silence until {}. {} If any were lost, {}.",
    "{} {} is a {}, not a charge{}", ": name its charge, {}", " with {} approved before",
    "a refund of {} {}{} is more than {} {} was paid: {}",
    "a chargeback of {} {} is {}, so the money would leave twice (policy 6): wait for its end",
    "{} {}: {}", "{} {} answered {}", "matching charges with orders", "{}: the last reading did not come to its end",
    "retval {}: {}", "DigiSeller answered {} with {} {}", "the shop's file",
    "give it that column, or name the columns by {}_query in [shop]", "the shop's {} has no column {}: {}",
    "the shop's {} has column {} twice: {}", "; for PostgreSQL install payment-reconciler[postgres]",
    "the shop's database has no driver here ({}): install it{}", "GET /{}: {}", "Tribute answered {}{} to GET /{}",
    "{}: put the current key into [providers.tribute] api_key",
    "{}: check [providers.tribute] api_key and shop_ids",
    "{}: the program's request is refused; check [providers.tribute] base_url",
    "DigiSeller's receipts are not in their shape (retval or content is missing)",
    "DigiSeller's sales list is not in its shape (retval or rows are missing)",
    "message is not modified", "message to edit not found", "message can't be edited",
}  # fmt: skip
"""Pieces that are put together, as WHOLE below shows them; what Telegram says; what is only logged."""
WHOLE = (
    "The shop is at fault: the charge pays a purchase again; the charge was not delivered: reinstate the account.",
    "The chargeback was won, but another one of the account stands.",
    "The shop is at fault, but another one of the account stands.",
    "A refund that was agreed explains what went back, but another one of the account stands.",
    "something new came: The chargeback is open, and every check passes: suspend the account.",
    "A case is due soon",
    "A case is overdue",
    "the case is overdue: 2026-12-10T20:59:59Z",
    "Case 4be1 about charge 1001 is overdue: an answer is due 2026-12-10T20:59:59Z. Decide it: `reconciler cases show "
    "4be1`.",
    "1,200 entries wait to be delivered. Look at `reconciler outbox list` and `reconciler alerts list`.",
    "digiseller 1001:refund is a refund, not a charge: name its charge, 1001",
    "a refund of 7.00 USD with 4.00 USD approved before is more than digiseller 1001 was paid: 10.00 USD",
    "a chargeback of digiseller 1001 is open, so the money would leave twice (policy 6): wait for its end",
    "digiseller.sales: POST /seller-sells/v2: no answer (ConnectTimeout)",
    "digiseller.sales: DigiSeller answered seller-sells/v2 with 503 and a page instead of data (maintenance?)",
    "digiseller.sales: DigiSeller's sales list is not in its shape (retval or rows are missing)",
    "shop.orders: the last reading did not come to its end",
    "shop.orders: the shop's table orders has no column status, created_at: give it that column, or name the columns "
    "by orders_query in [shop]",
    "the shop's database has no driver here (psycopg): install it; for PostgreSQL install payment-reconciler[postgres]",
    "tribute.sales: Tribute answered 401 Unauthorized to GET /shops: put the current key into [providers.tribute] "
    "api_key",
    "charges received = matched + open + excluded: 3 (1000 minor units) against 2 (900 minor units)",
    "refund refused (policy 6): a chargeback of charge 1001 is lost, so the money would leave twice",
    "suspend refused (policy 7): No chargeback stands confirmed: none is on record.",
)


@pytest.mark.parametrize("glob", WRITERS)
def test_every_sentence_in_the_code_has_its_russian_one(glob: str) -> None:
    known = {BLANK.sub("{}", one) for one in patterns("ru")} | {BLANK.sub("{}", one) for one in FRAGMENTS}
    files = sorted(ROOT.glob(glob))
    assert files
    said = {text for path in files for text in sentences(path) if not _is_for_machines(text)}
    assert {text for text in said if BLANK.sub("{}", text) not in known} == set()


def _is_for_machines(text: str) -> bool:
    """SQL, and patterns that others' texts are searched for."""
    return "|" in text or text.startswith(("SET ", "PRAGMA "))


@pytest.mark.parametrize("text", WHOLE)
def test_what_is_put_together_is_told_whole(text: str) -> None:
    assert english(Voice("ru").sentence(text)) == []


def test_what_others_wrote_stays_as_it_is() -> None:
    for text in ("I was charged twice, please help", "", "order number", "Доставка не пришла"):
        assert told("ru", text) == text
    assert told("ru", "dismiss by Ann: refund, other") == "отклонение, Ann: refund, other"
    review = "A dispute may come for charge 7: the buyer left a bad review (fraud)."
    assert "«fraud»" in told("ru", f"{review} Answer the buyer before it becomes a claim.")
    assert told("ru", "no answer (connection reset by peer)") == "ответа нет (connection reset by peer)"


def test_a_feed_that_was_never_read_and_spans_of_time_are_told_in_russian() -> None:
    told_of = Voice("ru").sentence
    assert told_of("shop.orders was read never: it is late. Check with `reconciler doctor`.").startswith(
        "Источник shop.orders ещё ни разу не прочитан: "
    )
    assert told_of(
        "The job pull is late by 3 h 20 min. Look at `reconciler status` and at the daemon's log."
    ).startswith("Задание pull опаздывает на 3 ч 20 мин.")


def test_times_and_amounts_inside_are_the_readers() -> None:
    voice = Voice("ru", ZoneInfo("Europe/Moscow"))
    text = "refund refused (policy 6): 7.01 WMZ asked, 7.00 WMZ is left of charge 4001"
    assert voice.sentence(text).endswith("запрошено 7,01\u00a0WMZ, от платежа 4001 осталось 7,00\u00a0WMZ")
    assert voice.sentence("the case is overdue: 2026-12-10T20:59:59Z") == "срок прошёл: 10.12.2026 23:59 МСК"


def test_english_readers_get_the_sentence_itself_with_the_time_of_their_zone() -> None:
    voice = Voice("en", ZoneInfo("Europe/Moscow"))
    assert voice.sentence("the case is overdue: 2026-12-10T20:59:59Z") == "the case is overdue: 2026-12-10 23:59 MSK"


def test_values_of_a_pattern_have_the_same_names_in_every_language() -> None:
    for english_one, russian in patterns("ru").items():
        assert set(BLANK.findall(english_one)) >= set(BLANK.findall(russian)), english_one
