"""Runs the jobs on their schedule, with the web server beside, until told to stop; APScheduler is only the timer."""

import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC
from functools import partial
from types import FrameType
from zoneinfo import ZoneInfo

import sqlalchemy as sa
import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from jobs.alerts import tick
from jobs.buttons import listen
from jobs.daily_report import write_daily_report
from jobs.dispatch import Delivered, dispatch
from jobs.heartbeat import beating
from jobs.notify import notify, watchdog_period_s
from jobs.reconcile import reconcile
from jobs.retention import remove_outdated
from jobs.run import RunOptions, pull, utc_now, work_inbox
from jobs.send_reports import finish_reports
from jobs.slots import perform, unfinished
from jobs.triggers import trigger
from jobs.web import WebServer
from reconciler.errors import ReconcilerError
from reconciler.settings import Settings
from reconciler.store.engine import write
from reconciler.store.facts import expire_feeds
from reconciler.store.lease import Lease, held

DISPATCH_EVERY_S = 2.0
"""How long an entry of the outbox waits at most for somebody to look at it."""

TICK_S = 20.0
"""How often it is looked at what time alone asks for: reminders, and the program's own faults."""

BEGINNING_S = 15 * 60.0
"""How long a daemon may catch up before what it is late with is told."""

INBOX_S = 3
MOST_PUT_OFF = 20
log = structlog.get_logger()


class Daemon:
    """The jobs and when they run. One job at a time; a late one runs as soon as it can, and once."""

    def __init__(self, settings: Settings, engine: sa.Engine) -> None:
        """Nothing runs before `serve`."""
        self._settings, self._engine = settings, engine
        self._stop = threading.Event()
        self._working = threading.Lock()
        self._timer: BackgroundScheduler | None = None
        self._give_way: Callable[[], None] = lambda: None
        self.jobs: dict[str, Callable[[Lease], bool]] = {
            "pull": self._pull,
            "reconcile": self._reconcile,
            "sweep": self._sweep,
            "report": self._report,
        }
        """Each says whether all went well; what it raises is a failure."""

    def serve(self) -> None:
        """Run until SIGTERM or SIGINT; the job at work finishes its page, and the rest waits for the next start.

        Raises ConfigError when the web server's port cannot be taken.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        with WebServer(self._settings, self._engine, self._timer_trouble, utc_now) as web:
            self._give_way = web.give_way
            self._run_jobs(web)
        log.info("stopped")

    def _run_jobs(self, web: WebServer) -> None:
        scheduler = self._timer = self._scheduler()
        for name in dict.fromkeys(["pull", "reconcile", *unfinished(self._engine)]):
            scheduler.add_job(partial(self._perform, name), id=f"{name} at start", name=name)
        dispatcher = threading.Thread(target=self._deliver_until_stopped, name="dispatch")
        scheduler.start()
        dispatcher.start()
        reader = threading.Thread(target=self._read_inbox, args=(web,), name="inbox reader", daemon=True)
        reader.start()
        listener = threading.Thread(target=self._hear_buttons, name="buttons", daemon=True)
        listener.start()
        log.info("started", jobs={job.id: str(job.trigger) for job in scheduler.get_jobs()})
        notify("READY=1")
        period_s = watchdog_period_s()
        while not self._stop.wait(period_s):
            if web.alive() and self._timer_trouble() is None:
                notify("WATCHDOG=1")
        log.info("stopping")
        notify("STOPPING=1")
        scheduler.shutdown(wait=True)
        dispatcher.join()
        reader.join()

    def _timer_trouble(self) -> str | None:
        running = self._timer is not None and self._timer.running
        return None if running else "does not run"

    def stop(self) -> None:
        """Ask the daemon to stop."""
        self._stop.set()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _scheduler(self) -> BackgroundScheduler:
        scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        zone = ZoneInfo(self._settings.timezone)
        for name in self.jobs:
            when = trigger(getattr(self._settings.schedule, name), zone, utc_now())
            scheduler.add_job(partial(self._perform, name), when, id=name, name=name)
        return scheduler

    def _perform(self, name: str) -> None:
        if self._stop.is_set():
            return
        slot = utc_now().replace(second=0, microsecond=0)
        try:
            with self._working, held(self._engine) as lease, beating(self._settings, name) as say:
                done = perform(self._engine, name, slot, lambda: say(self.jobs[name](lease)), utc_now)
        except (ReconcilerError, sa.exc.SQLAlchemyError) as error:
            log.error("job failed", job=name, error=str(error).splitlines()[0])
        except Exception:  # a fault of ours: said in full, and the slot stays unfinished for the next start
            log.exception("job failed", job=name)
        else:
            log.info("job done" if done else "job was done already", job=name)

    def _deliver_until_stopped(self) -> None:
        """Beside the jobs, since a decision does not wait for a pull; claims keep dispatchers apart, not the lease."""
        began_s, ticked_s = time.monotonic(), 0.0
        while not self._stop.wait(DISPATCH_EVERY_S):
            try:
                if time.monotonic() - ticked_s >= TICK_S:
                    ticked_s = time.monotonic()
                    tick(self._settings, self._engine, utc_now(), watch=ticked_s - began_s > BEGINNING_S)
                done = dispatch(self._settings, self._engine, now=utc_now, stopped=self._stop.is_set)
            except sa.exc.SQLAlchemyError as error:
                log.error("delivery failed", error=str(error).splitlines()[0])
            except Exception:  # a fault of ours: said in full, and what is due stays due
                log.exception("delivery failed")
            else:
                if done != Delivered():
                    log.info("delivered", sent=done.sent, failed=done.failed, held=done.held)

    def _hear_buttons(self) -> None:
        """Not waited for at the end: a long poll that nobody answers is cut off with the process."""
        listen(self._settings, self._engine, self._stop, utc_now)

    def _read_inbox(self, web: WebServer) -> None:
        """Every few seconds work through what was taken in, unless a job is at work, which ends with that too.

        In a flood that is one small step a minute: what matters then is that nothing is turned away nor kept waiting,
        and each step has the storage, which has one writer, to itself for a tenth of a second or two.
        """
        put_off = 0
        enough = partial(self._enough, web)
        while not self._stop.wait(INBOX_S):
            if not web.calm() and put_off < MOST_PUT_OFF:
                put_off += 1
                continue
            put_off = 0
            if not self._working.acquire(blocking=False):
                continue
            try:
                for line in work_inbox(self._settings, self._engine, stopped=enough, give_way=web.give_way):
                    log.warning("webhooks wait", problem=line)
            except (ReconcilerError, sa.exc.SQLAlchemyError) as error:
                log.warning("webhooks wait", problem=str(error).splitlines()[0])
            except Exception:  # a fault of ours: said in full, and tried again
                log.exception("webhooks wait")
            finally:
                self._working.release()

    def _enough(self, web: WebServer) -> bool:
        return self._stop.is_set() or not web.calm()

    def _pull(self, _lease: Lease) -> bool:
        stopped, give_way = self._stop.is_set, self._give_way
        problems = pull(self._settings, self._engine, RunOptions(), _progress, stopped=stopped, give_way=give_way)
        for line in problems:
            log.warning("pull is incomplete", problem=line)
        return not problems

    def _reconcile(self, lease: Lease) -> bool:
        judged = reconcile(self._settings, self._engine, utc_now, lease=lease)
        counts = judged.statement["findings"]
        log.info("judged", verdict=judged.verdict, opened=counts["opened"], open=counts["open"])
        return judged.good

    def _sweep(self, lease: Lease) -> bool:
        with write(self._engine) as connection:
            expire_feeds(connection, ".sweep")
        whole = self._pull(lease)
        removed = remove_outdated(self._settings, self._engine, utc_now(), lease=lease)
        log.info("removed what is too old", **removed)
        return whole

    def _report(self, _lease: Lease) -> bool:
        now = utc_now()
        written = finish_reports(self._settings, self._engine, now)
        written += write_daily_report(self._settings, self._engine, now).values()
        for path in written:
            log.info("report written", path=str(path))
        return True


def _progress(line: str) -> None:
    log.info("progress", done=line)


def serve(settings: Settings, engine: sa.Engine) -> None:
    """Run the daemon in this thread; returns after a signal to stop."""
    Daemon(settings, engine).serve()
