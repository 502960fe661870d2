"""The words for other days than the period's: `year to date`, `last 30 days`, `previous month`."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.syntax import ExpressionError
from cogrow.period import Every, Range, RangeKind

EVERY = {
    Every.MONTH: N_("month by month"),
    Every.QUARTER: N_("quarter by quarter"),
    Every.YEAR: N_("year by year"),
    Every.FESTIVAL: N_("festival by festival"),
    Every.ONCE: N_("once, from its first day to its last"),
}

_RANGES = {
    "year to date": RangeKind.YEAR_TO_DATE,
    "program to date": RangeKind.PROGRAM_TO_DATE,
    "all time": RangeKind.ALL_TIME,
}


def range_of(words: str, every: Every, at: int = 0) -> Range:
    """Return the range that `words` name in a program that runs `every` so often.

    Raises ExpressionError, at `at`, for a period the program does not have.
    """
    if words in _RANGES:
        return Range(_RANGES[words])
    first, second, *_ = words.split()
    if first == "last":
        if int(second) == 0:
            raise ExpressionError(message(N_("The last 0 days are no time.")), at)
        return Range(RangeKind.LAST_DAYS, int(second))
    if second not in ("period", every.value):
        what = N_("`{words}` speaks of a {word}, but the program runs {every}.")
        said = message(what, words=words, word=second, every=message(EVERY[every]))
        raise ExpressionError(said, at, message(N_("Write `period`, or change `every`.")))
    return Range(RangeKind.LAST_YEAR if first == "same" else RangeKind.PREVIOUS)
