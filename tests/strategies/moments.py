"""Instants, days and amounts that lie on edges: what rows of made-up facts are filled with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.fact_files import instant

#: Instants around which boundaries lie: the edges of periods, seen from Shanghai and New York.
EDGES = [
    datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)
    for zone in ("Asia/Shanghai", "America/New_York")
    for day in [
        date(2024, 4, 1), date(2024, 5, 20), date(2024, 7, 1), date(2025, 1, 1), date(2025, 4, 1),
        date(2025, 5, 1), date(2025, 5, 20), date(2025, 6, 1), date(2025, 6, 21), date(2025, 7, 1),
    ]
]  # fmt: skip

#: Moments inside every period, and inside the periods a year and a month before.
INSIDE = [
    instant("2025-05-21 03:00"),
    instant("2025-05-30 12:00"),
    instant("2024-05-22"),
    instant("2025-04-22"),
]
instants = st.one_of(
    st.sampled_from(INSIDE + INSIDE[:2]),
    st.builds(
        lambda edge, off: edge + timedelta(microseconds=off),
        st.sampled_from(EDGES),
        st.sampled_from([0, -1, 1, 3_600_000_000]),
    ),
)
days = st.sampled_from([
    date(2020, 1, 1), date(2024, 3, 31), date(2024, 4, 1), date(2025, 3, 31), date(2025, 4, 1),
    date(2025, 4, 30), date(2025, 5, 20), date(2025, 6, 30), date(2025, 7, 1),
])  # fmt: skip
amounts = st.sampled_from([12_345, 999, 1_000, 1_001, 5_000, 100_000, 999_999, 0, 1, 99, 101, 333])
scores = st.sampled_from([
    Decimal(text) for text in ("0", "0.05", "4.5", "4.59", "4.6", "4.599999", "80", "79.5", "100")
])  # fmt: skip

#: How long before an order a visit may be: at once, and around the edges of a window.
BEFORE = [
    timedelta(days=days, microseconds=off) for days in (0, 1, 14, 30) for off in (0, 0, -1, 1)
]


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(strategy, strategy, strategy, st.none())


def one_of(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)
