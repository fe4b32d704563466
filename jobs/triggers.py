"""Turns the schedule's words into APScheduler's triggers."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from reconciler.schedule import Cron, parse


def trigger(expression: str, zone: ZoneInfo, start: datetime) -> BaseTrigger:
    """The trigger of a schedule; one in minutes counts from `start`, one by the clock is evaluated in `zone`."""
    parsed = parse(expression)
    if isinstance(parsed, Cron):
        minute, hour, day, month, day_of_week = parsed.fields
        return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=day_of_week, timezone=zone)
    return IntervalTrigger(minutes=parsed.minutes, start_date=start + timedelta(minutes=parsed.minutes))
