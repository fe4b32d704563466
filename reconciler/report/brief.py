"""A report in a few lines, for the message that brings it."""

from collections.abc import Iterator

from reconciler.report.base import LISTINGS, name_of
from reconciler.report.document import Document, in_a_sentence
from reconciler.report.sections import overdue, refund_sums
from reconciler.words.voice import Voice


def subject(document: Document, voice: Voice) -> str:
    """What the report is about, and its verdict."""
    return f"{name_of(document, voice)}: {voice.say('verdict.' + document['verdict'])}"


def brief(document: Document, voice: Voice) -> str:
    """The verdict, what is at stake, and what waits: nothing that a buyer wrote."""
    return "\n".join(_lines(document, voice))


def _lines(document: Document, voice: Voice) -> Iterator[str]:
    say = voice.say
    if document["stale"]:
        yield say(f"stale.{document['report']}", at=voice.time(document["run_at"]))
    yield in_a_sentence(voice, document["verdict"], document["severities"], document["statement"])
    if document["at_stake"]:
        yield f"{say('section.at_stake')}: {voice.sums(document['at_stake'])}"
    counts = (f"{say('figure.' + name)}: {voice.count(document['counts'][name])}" for name in LISTINGS)
    yield ", ".join(counts)
    if document["cases"]:
        late = overdue(document["cases"])
        more = f" ({say('overdue', n=late)})" if late else ""
        yield f"{say('section.cases')}: {voice.count(len(document['cases']))}{more}"
    if document["chargebacks"]:
        yield f"{say('section.chargebacks')}: {voice.count(len(document['chargebacks']))}"
    if document["refund_totals"]:
        yield f"{say('section.refunds')}: {voice.sums(refund_sums(document))}"
    if document["problems"]:
        yield f"{say('section.problems')}: {voice.count(len(document['problems']))}"
    if audit := document.get("audit"):
        yield say("audit_head", records=audit["records"], head=audit["head"])
    if dashboard := document["links"].get("dashboard"):
        yield dashboard
