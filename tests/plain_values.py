"""The value of a typed tree in plain Python: fractions for numbers, None for what is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from cogrow.expressions.tree import Aggregate, ColumnRef, Const, Op, Tree, Value

Rows = Mapping[str, Mapping[str, Any]]
Named = Callable[[Value | Aggregate], Any]


def value_of(
    tree: Tree, zone: ZoneInfo, *, rows: Rows | None = None, named: Named | None = None
) -> Any:
    """Return the value of a tree, None where a part of it is unknown.

    `rows` holds the columns by table, `named` answers values and aggregates; `zone` is where days begin.
    """
    if isinstance(tree, Const):
        return tree.value
    if isinstance(tree, ColumnRef):
        return number((rows or {}).get(tree.table, {}).get(tree.column))
    if isinstance(tree, Value | Aggregate):
        return number(named(tree)) if named else None
    return operation(tree, [value_of(arg, zone, rows=rows, named=named) for arg in tree.args], zone)


def number(value: Any) -> Any:
    """Return whole numbers and decimals as fractions, anything else as it is."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return Fraction(value) if whole or type(value).__name__ == "Decimal" else value


def operation(tree: Op, args: list[Any], zone: ZoneInfo) -> Any:
    """Return the value of an operation over values, None being the unknown."""
    op = tree.op
    if op in ("and", "or"):
        decisive = op == "or"
        return decisive if decisive in args else None if None in args else not decisive
    if op == "if":
        return args[1] if args[0] is True else args[2]
    if op == "coalesce":
        return next((arg for arg in args if arg is not None), None)
    if op == "is_null":
        return args[0] is None
    if op == "in" and args[0] is not None:
        return True if args[0] in args[1:] else None if None in args[1:] else False
    if any(arg is None for arg in args):
        return None
    if op == "/":
        return None if args[1] == 0 else args[0] / args[1]
    compare = {"=": "__eq__", "<>": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__"}
    if op in compare or op == ">=":
        return bool(getattr(args[0], compare.get(op, "__ge__"))(args[1]))
    simple: dict[str, Any] = {
        "not": lambda a: not a,
        "neg": lambda a: -a,
        "abs": abs,
        "lower": str.lower,
        "starts_with": str.startswith,
        "least": min,
        "greatest": max,
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "start_of_day": lambda day: (
            datetime.combine(day, time(), tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
        ),
        "days_between": lambda a, b: Fraction(int((b - a) / timedelta(days=1))),
        "months_between": lambda a, b: Fraction(12 * (b.year - a.year) + b.month - a.month),
    }
    return simple[op](*args)
