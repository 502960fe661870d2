"""Half-open periods, their names, and the midnights they begin at."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cogrow.errors import UsageError
from cogrow.period import Every, Period, add_months, name_of, parse_period, periods_between

days = st.dates(date(1990, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("2025", date(2025, 1, 1), date(2026, 1, 1)),
        ("2025Q2", date(2025, 4, 1), date(2025, 7, 1)),
        ("2025Q4", date(2025, 10, 1), date(2026, 1, 1)),
        ("2024-02", date(2024, 2, 1), date(2024, 3, 1)),
        ("2025-12", date(2025, 12, 1), date(2026, 1, 1)),
        ("2025-06-01..2025-06-20", date(2025, 6, 1), date(2025, 6, 21)),
        ("2025-06-20..2025-06-20", date(2025, 6, 20), date(2025, 6, 21)),
    ],
)
def test_names_are_the_days_they_mean(name, start, end):
    period = parse_period(name)
    assert (period.start, period.end, str(period)) == (start, end, name)


@given(days, st.integers(1, 800))
def test_every_period_is_called_by_a_name_that_reads_back(start, length):
    end = start + timedelta(days=length)
    period = parse_period(name_of(start, end))
    assert (period.start, period.end) == (start, end)


def test_a_range_that_is_a_natural_period_has_its_name():
    assert str(parse_period("2025-04-01..2025-06-30")) == "2025Q2"


@pytest.mark.parametrize(
    "name",
    [
        "", "2025Q5", "2025q2", "2025-13", "2025-00", "25", "2025-02-30..2025-03-01", "20250401", "0000",
        "2025-06-20..2025-06-01", "2025-06-01..", "2025 Q2", "9999", "9999-12-31..9999-12-31", "２０２５",
    ],
)  # fmt: skip
def test_what_is_no_period_is_refused_with_examples_of_what_is(name):
    with pytest.raises(UsageError, match="2025Q2"):
        parse_period(name)


def test_a_period_has_a_day():
    with pytest.raises(ValueError, match="at least one day"):
        Period(date(2025, 1, 1), date(2025, 1, 1), "none")


@given(days, st.integers(1, 1500), st.sampled_from(Every))
def test_periods_cover_the_range_once_in_order(start, length, every):
    end = start + timedelta(days=length)
    found = list(periods_between(start, end, every))
    assert (found[0].start, found[-1].end) == (start, end)
    assert all(one.end == following.start for one, following in zip(found, found[1:], strict=False))
    assert len({str(period) for period in found}) == len(found)
    if every is not Every.ONCE:
        assert all(period.start.day == 1 for period in found[1:])
        inner = {str(period) for period in found[1:-1]}
        assert all(".." not in name for name in inner)


def test_a_first_and_last_period_are_cut_to_the_range():
    found = periods_between(date(2025, 2, 10), date(2025, 8, 1), Every.QUARTER)
    assert [str(period) for period in found] == ["2025-02-10..2025-03-31", "2025Q2", "2025-07"]


@given(days, st.integers(-240, 240))
def test_months_go_forth_and_back_but_for_the_end_of_a_month(day, months):
    assume(1900 < day.year + months / 12 < 2200)
    moved = add_months(day, months)
    assert (moved.year * 12 + moved.month) - (day.year * 12 + day.month) == months
    assert moved.day <= day.day
    if day.day <= 28:
        assert add_months(moved, -months) == day


@pytest.mark.parametrize(
    ("day", "months", "moved"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2025, 1, 31), 1, date(2025, 2, 28)),
        (date(2025, 3, 31), -1, date(2025, 2, 28)),
        (date(2025, 1, 15), -13, date(2023, 12, 15)),
    ],
)
def test_the_31st_of_a_shorter_month_is_its_last_day(day, months, moved):
    assert add_months(day, months) == moved


@pytest.mark.parametrize(
    ("zone", "name", "start", "end"),
    [
        ("Asia/Shanghai", "2025Q2", "2025-03-31 16:00", "2025-06-30 16:00"),
        ("UTC", "2025-01", "2025-01-01 00:00", "2025-02-01 00:00"),
        ("America/New_York", "2025-03", "2025-03-01 05:00", "2025-04-01 04:00"),
        ("Asia/Kathmandu", "2025", "2024-12-31 18:15", "2025-12-31 18:15"),
    ],
)
def test_a_period_begins_at_midnight_in_its_zone(zone, name, start, end):
    found = parse_period(name).instants(ZoneInfo(zone))
    assert found == tuple(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (start, end))


@given(
    days,
    st.integers(1, 400),
    st.sampled_from(["Asia/Shanghai", "America/New_York", "Pacific/Apia"]),
)
def test_neighbors_leave_no_instant_between_them(start, length, zone):
    middle, end = start + timedelta(days=length), start + timedelta(days=2 * length)
    first, second = Period(start, middle, "a"), Period(middle, end, "b")
    assert first.instants(ZoneInfo(zone))[1] == second.instants(ZoneInfo(zone))[0]


def test_last_year_of_a_leap_day():
    assert str(parse_period("2024-02").shifted(-12)) == "2023-02"
    assert str(parse_period("2025Q1").shifted(-12)) == "2024Q1"
    for leap in ("2024-02-28", "2024-02-29"):
        day = parse_period(f"{leap}..{leap}").shifted(-12)
        assert str(day) == "2023-02-28..2023-02-28"


@given(days, st.integers(1, 800), st.integers(-60, 60))
def test_a_period_moved_by_months_keeps_a_day(start, length, months):
    period = Period(start, start + timedelta(days=length), "any")
    moved = period.shifted(months)
    assert moved.start == add_months(start, months)
    assert abs((moved.end - moved.start).days - length) <= 4
