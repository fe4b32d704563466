"""All commands put together: the one place that knows every name on the command line."""

from pathlib import Path
from typing import Annotated

import typer

import reconciler
from reconciler.cli import (
    act,
    alerts,
    cases,
    decide,
    entries,
    erase,
    imports,
    look,
    match,
    policy,
    replay,
    session,
    setup,
    status,
    told,
    users,
    webhooks,
    work,
)

app = typer.Typer(
    name="reconciler",
    help="Reconciles a shop's orders with DigiSeller and Tribute, and watches for money that went wrong.",
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
quarantine = typer.Typer(help="Records that could not be understood.")
refund = typer.Typer(help="Refunds that were approved.")
outbox = typer.Typer(help="What is to be delivered to the shop.")
audit = typer.Typer(help="The record of everything that was done, and of who did it.")
events = typer.Typer(help="What the providers pushed.")
queue = typer.Typer(help="What an operator has to decide.")
review = typer.Typer(help="Buyers' requests for a refund review.")
chargeback = typer.Typer(help="Disputes that one hears of outside the feeds.")
outage = typer.Typer(help="Outages that the shop is answerable for.")
told_people = typer.Typer(help="What people were told, and whether they have seen to it.")
rules = typer.Typer(help="The refund policy's numbers.")
people = typer.Typer(help="Who may use the dashboard.")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"reconciler {reconciler.__version__}")
        raise typer.Exit


@app.callback()
def _start(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Configuration; else $RECONCILER_CONFIG, else ./config.toml."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Log in detail, and show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    started = session.of(context)
    started.config, started.debug = config, debug


app.command("init")(setup.init)
app.command("doctor")(setup.doctor)
app.command("run")(work.run)
app.command("daemon")(work.daemon)
app.command("demo")(work.demo)
app.command("findings")(look.findings)
app.command("explain")(look.explain)
app.command("report")(look.report)
app.command("replay")(replay.replay)
app.command("match")(match.match)
app.command("import")(imports.import_file)
app.command("erase")(erase.erase)
app.command("status")(status.status)
quarantine.command("list")(look.quarantine_list)
quarantine.command("retry")(act.quarantine_retry)
refund.command("record")(act.refund_record)
outbox.command("list")(told.outbox_list)
outbox.command("retry")(told.outbox_retry)
audit.command("verify")(told.audit_verify)
events.command("list")(webhooks.list_events)
events.command("show")(webhooks.show)
events.command("replay")(webhooks.replay)
events.command("send-test")(webhooks.send_test)
app.add_typer(events, name="webhooks")
app.add_typer(quarantine, name="quarantine")
app.add_typer(refund, name="refund")
app.add_typer(outbox, name="outbox")
app.add_typer(audit, name="audit")
queue.command("list")(cases.list_)
queue.command("show")(cases.show)
queue.command("decide")(decide.decide)
queue.command("assign")(cases.assign)
queue.command("snooze")(cases.snooze)
queue.command("note")(cases.note)
queue.command("reopen")(cases.reopen)
review.command("add")(entries.review_add)
chargeback.command("record")(entries.chargeback_record)
chargeback.command("update")(entries.chargeback_update)
chargeback.command("evidence")(entries.chargeback_evidence)
outage.command("add")(entries.outage_add)
app.add_typer(queue, name="cases")
app.add_typer(review, name="review")
app.add_typer(chargeback, name="chargeback")
app.add_typer(outage, name="outage")
told_people.command("list")(alerts.alerts_list)
told_people.command("acknowledge")(alerts.alerts_acknowledge)
told_people.command("retry")(alerts.alerts_retry)
told_people.command("test")(alerts.alerts_test)
app.add_typer(told_people, name="alerts")
rules.command("try")(policy.try_)
app.add_typer(rules, name="policy")
people.command("add")(users.add)
people.command("list")(users.list_)
people.command("disable")(users.disable)
people.command("password")(users.password)
people.command("token")(users.token)
people.command("revoke")(users.revoke)
app.add_typer(people, name="user")
