"""The value of a tree for one row or merchant, in plain Python: exact, and unknown where SQL's is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from cogrow.expressions.tree import Aggregate, ColumnRef, Const, Op, Tree, Value

Known = Fraction | str | bool | date | datetime | timedelta | None

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<>": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
}


def evaluate(
    tree: Tree,
    values: Mapping[str, Known],
    columns: Mapping[tuple[str, str], Known] | None = None,
    zone: ZoneInfo | None = None,
) -> Known:
    """Return the value of `tree`, None where it is unknown.

    `values` answers Values by name, `columns` ColumnRefs by (table, column), instants without a zone
    in UTC; an Aggregate is looked up in `values` by itself, which only its engine can do, so it is
    refused here with TypeError. `zone` says where days begin.
    """
    if isinstance(tree, Const):
        return tree.value
    if isinstance(tree, Value):
        return values[tree.name]
    if isinstance(tree, ColumnRef):
        return (columns or {})[tree.table, tree.column]
    if isinstance(tree, Aggregate):
        raise TypeError("an aggregate has no value in one row")
    if tree.op in ("and", "or"):
        return _logic(tree.op, [evaluate(arg, values, columns, zone) for arg in tree.args])
    if tree.op in ("if", "coalesce"):
        return _choice(tree, values, columns, zone)
    args = [evaluate(arg, values, columns, zone) for arg in tree.args]
    if tree.op == "is_null":
        return args[0] is None
    if any(arg is None for arg in args[: 1 if tree.op == "in" else None]):
        return None
    return _apply(tree.op, args, zone)


def _logic(op: str, args: list[Known]) -> bool | None:
    decisive = op == "or"
    if any(arg is decisive for arg in args):
        return decisive
    return None if any(arg is None for arg in args) else not decisive


def _choice(
    tree: Op,
    values: Mapping[str, Known],
    columns: Mapping[tuple[str, str], Known] | None,
    zone: ZoneInfo | None,
) -> Known:
    if tree.op == "coalesce":
        found = (evaluate(arg, values, columns, zone) for arg in tree.args)
        return next((value for value in found if value is not None), None)
    holds = evaluate(tree.args[0], values, columns, zone) is True
    return evaluate(tree.args[1 if holds else 2], values, columns, zone)


def _apply(op: str, args: list[Any], zone: ZoneInfo | None) -> Known:
    if op in _COMPARE:
        return _COMPARE[op](args[0], args[1])
    if op in _ARITHMETIC:
        amount: Known = _ARITHMETIC[op](args[0], args[1])
        return amount
    if op == "in":
        found = args[0] in [arg for arg in args[1:] if arg is not None]
        return None if not found and None in args[1:] else found
    single: Mapping[str, Callable[[Any], Any]] = {
        "not": lambda a: not a,
        "neg": lambda a: -a,
        "abs": abs,
        "lower": str.lower,
        "start_of_day": lambda a: _start_of_day(a, zone),
    }
    if op in single:
        value: Known = single[op](args[0])
        return value
    several: Mapping[str, Callable[..., Any]] = {
        "least": min,
        "greatest": max,
        "starts_with": str.startswith,
        "days_between": _days_between,
        "months_between": _months_between,
    }
    result: Known = several[op](*args)
    return result


def _start_of_day(day: date, zone: ZoneInfo | None) -> datetime:
    local = datetime.combine(day, time(), tzinfo=zone or UTC)
    return local.astimezone(UTC).replace(tzinfo=None)


def _days_between(start: date, end: date) -> Fraction:
    length = end - start
    return Fraction(int(length / timedelta(days=1)))


def _months_between(start: date, end: date) -> Fraction:
    """Return the natural months from the month of `start` to the month of `end`."""
    return Fraction((end.year - start.year) * 12 + end.month - start.month)
