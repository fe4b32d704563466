"""Schedules mean to APScheduler what they mean in a crontab, and wrong ones are refused."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ConfigError
from reconciler.schedule import Cron, Every, crontab_fields, parse, quiet_hours

MOSCOW = ZoneInfo("Europe/Moscow")
SUNDAY = datetime(2026, 11, 22, 12, 30, tzinfo=MOSCOW)


def fires(expression, start=SUNDAY, count=3):
    minute, hour, day, month, day_of_week = crontab_fields(expression)
    trigger = CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=day_of_week, timezone=MOSCOW)
    times = []
    for _ in range(count):
        start = trigger.get_next_fire_time(None, start + timedelta(seconds=1))
        times.append(start)
    return times


@pytest.mark.parametrize(
    ("expression", "minutes"), [("every 10 minutes", 10), (" Every 1 minute ", 1), ("every 1440 minutes", 1440)]
)
def test_every_so_many_minutes(expression, minutes):
    assert parse(expression) == Every(minutes)


@pytest.mark.parametrize(
    ("expression", "fields"),
    [
        ("0 4 * * *", ("0", "4", "*", "*", "*")),
        ("*/20 9-17/4 1,15 * *", ("0,20,40", "9,13,17", "1,15", "*", "*")),
        ("5 0 * JAN-mar *", ("5", "0", "*", "1,2,3", "*")),
        ("0 9 * * 1-5", ("0", "9", "*", "*", "mon,tue,wed,thu,fri")),
        ("0 9 * * Mon,FRI", ("0", "9", "*", "*", "mon,fri")),
        ("0-59 * * 1-12 0-7", ("*", "*", "*", "*", "*")),
    ],
)
def test_crontab_fields_are_spelled_out(expression, fields):
    assert parse(expression) == Cron(fields)


@pytest.mark.parametrize("sunday", ["0", "7", "sun", "7-7"])
def test_sunday_is_0_and_7(sunday):
    assert crontab_fields(f"0 0 * * {sunday}")[4] == "sun"
    assert fires(f"0 4 * * {sunday}", count=1) == [SUNDAY.replace(day=29, hour=4, minute=0)]


def test_steps_over_weekdays_begin_on_sunday_as_in_a_crontab():
    assert crontab_fields("0 0 * * */2")[4] == "sun,tue,thu,sat"
    assert crontab_fields("0 0 * * 5-7")[4] == "sun,fri,sat"


@given(weekday=st.integers(0, 7), hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_a_job_comes_on_the_weekday_that_the_crontab_names(weekday, hour, minute):
    [first] = fires(f"{minute} {hour} * * {weekday}", count=1)
    assert (first.isoweekday() % 7, first.hour, first.minute) == (weekday % 7, hour, minute)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "hourly",
        "@daily",
        "every minute",
        "every 0 minutes",
        "every 1441 minutes",
        "every 10 hours",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "* * * * someday",
        "5-1 * * * *",
        "*/0 * * * *",
        "5/10 * * * *",
        "1,,2 * * * *",
        "-5 * * * *",
        "*-5 * * * *",
        "0 0 31 2 *",
        "0 0 31 4,6 *",
        "0 0 1 * 1",
        "٣ * * * *",
    ],
)
def test_wrong_schedules_are_refused(expression):
    with pytest.raises(ConfigError):
        parse(expression)


def test_a_leap_day_does_come():
    assert parse("0 0 29 2 *") == Cron(("0", "0", "29", "2", "*"))


def test_quiet_hours_may_go_over_midnight_or_be_absent():
    assert quiet_hours("23:00-08:30") == (time(23, 0), time(8, 30))
    assert quiet_hours(" ") is None


@pytest.mark.parametrize("text", ["23:00", "23-8", "24:00-08:00", "23:60-08:00", "08:00-08:00", "x"])
def test_wrong_quiet_hours_are_refused(text):
    with pytest.raises(ConfigError):
        quiet_hours(text)
