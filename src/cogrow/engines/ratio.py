"""Ratios of whole numbers in SQL: compared by multiplying across, rounded only when asked.

A ratio is a numerator and a denominator that is a constant wherever it can be. Nothing ever divides
but `rounded` and `ceiling`, in integers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from sqlglot import exp

#: What a NUMBER column is multiplied by to be whole: its scale is 6.
NUMBER_SCALE = 10**6

SQL = exp.Expr


@dataclass(frozen=True, slots=True)
class Ratio:
    """`numerator` / `denominator`; a denominator in SQL is positive, or null where there is no value."""

    numerator: SQL
    denominator: int | SQL = 1


def copied(ratio: Ratio) -> Ratio:
    """Return the ratio with nodes of its own, to be placed in another tree."""
    under = ratio.denominator
    return Ratio(ratio.numerator.copy(), under if isinstance(under, int) else under.copy())


def join(query: exp.Select, table: str | SQL, on: SQL, *, inner: bool = False) -> exp.Select:
    """Join a table to the query itself, not to a copy, and return it; a left join unless it is `inner`.

    The builder of the library would parse the words `left join` each time.
    """
    source = exp.table_(table) if isinstance(table, str) else table
    how = {"kind": "INNER"} if inner else {"side": "LEFT"}
    query.append("joins", exp.Join(this=source, on=on, **how))
    return query


def same(column: str, left: str, right: str) -> SQL:
    """Return the condition that two tables agree in a column."""
    return exp.EQ(this=exp.column(column, left), expression=exp.column(column, right))


def total(parts: Sequence[SQL]) -> SQL:
    """Return the sum of whole numbers; 0 for none."""
    found: SQL = whole(0)
    for part in parts:
        found = part if found == whole(0) else exp.Add(this=found, expression=part)
    return found


def running_sum(column: str, order: Sequence[SQL], within: Sequence[SQL] = ()) -> SQL:
    """Return the sum of a column over the rows up to each, in a total order, of those alike `within`."""
    frame = exp.WindowSpec(
        kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW"
    )
    return exp.Window(
        this=exp.Sum(this=exp.column(column)),
        partition_by=list(within),
        order=exp.Order(expressions=list(order)),
        spec=frame,
    )


def least(parts: Sequence[SQL]) -> SQL:
    """Return the least of one or more whole numbers, none of which is null."""
    return parts[0] if len(parts) == 1 else exp.func("LEAST", *parts)


def cast(node: SQL, kind: str) -> SQL:
    """Return the SQL of a value cast to a type of the dialect plans are written in."""
    return exp.cast(node, _type(kind))


@cache
def _type(kind: str) -> exp.DataType:
    # Spelled once: plans have thousands of casts.
    return exp.DataType.build(kind)


def wide(node: SQL) -> SQL:
    """Return the SQL of an integer cast to 128 bits, so that products do not overflow."""
    return cast(node, "INT128")


def whole(value: int) -> SQL:
    """Return an integer literal."""
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def text(value: str) -> SQL:
    """Return a text literal."""
    return exp.Literal.string(value)


def instant(moment: datetime) -> SQL:
    """Return a timestamp literal of a UTC instant."""
    shown = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return cast(text(shown), "TIMESTAMP")


def day(value: date) -> SQL:
    """Return a date literal."""
    return cast(text(value.isoformat()), "DATE")


def times(node: SQL, factor: int | SQL) -> SQL:
    """Return node x factor; a factor of 1 leaves no trace."""
    if factor == 1:
        return node
    if isinstance(factor, int) and isinstance(node, exp.Literal):
        return whole(int(node.name) * factor)
    right = whole(factor) if isinstance(factor, int) else exp.paren(factor, copy=False)
    return exp.Mul(this=wrapped(node), expression=right)


def wrapped(node: SQL) -> SQL:
    """Return the SQL in parentheses, unless it stands by itself."""
    plain = (exp.Column, exp.Literal, exp.Func, exp.Cast, exp.Paren, exp.Case)
    return node if isinstance(node, plain) else exp.paren(node, copy=False)


def common(left: Ratio, right: Ratio) -> tuple[SQL, SQL, int | SQL]:
    """Return two numerators over one denominator, and that denominator.

    What both denominators share stays single, so that sums over one count do not grow.
    """
    (a, x), (b, y) = parts_of(left.denominator), parts_of(right.denominator)
    lcm = math.lcm(a, b)
    one, other = times(left.numerator, lcm // a), times(right.numerator, lcm // b)
    if x is None and y is None:
        return one, other, lcm
    if x == y and x is not None:
        return one, other, times(x, lcm)
    if y is not None:
        one = times(one, y)
    if x is not None:
        other = times(other, x)
    return one, other, below(x, y, lcm)


def parts_of(denominator: int | SQL) -> tuple[int, SQL | None]:
    """Return a denominator as a constant and what it multiplies."""
    if isinstance(denominator, int):
        return denominator, None
    right = denominator.args.get("expression")
    if isinstance(denominator, exp.Mul) and isinstance(right, exp.Literal):
        return int(right.name), denominator.this.unnest()
    return 1, denominator


def below(x: SQL | None, y: SQL | None, constant: int) -> int | SQL:
    """Return the denominator x * y * constant."""
    if x is not None and y is not None:
        return times(exp.Mul(this=wrapped(x), expression=wrapped(y)), constant)
    only = x if x is not None else y
    return constant if only is None else times(only, constant)


def unknown(ratio: Ratio) -> SQL:
    """Return the condition that a ratio has no value: its numerator or its denominator is null."""
    nodes = (
        [ratio.numerator]
        if isinstance(ratio.denominator, int)
        else [ratio.numerator, ratio.denominator]
    )
    nulls = [exp.Is(this=wrapped(node.copy()), expression=exp.null()) for node in nodes]
    return nulls[0] if len(nulls) == 1 else exp.paren(exp.or_(*nulls))


def as_sql(value: int | SQL) -> SQL:
    """Return an integer as a literal, SQL as it is."""
    return whole(value) if isinstance(value, int) else value


def rounded(ratio: Ratio) -> SQL:
    """Return the ratio as a whole number, halves away from zero: the one rounding of an amount.

    (x < 0 ? -1 : 1) x ((2|x| + d) // 2d), integers all the way.
    """
    if ratio.denominator == 1:
        return ratio.numerator
    twice = times(as_sql(ratio.denominator), 2)
    size = exp.Add(
        this=times(exp.Abs(this=ratio.numerator.copy()), 2),
        expression=wrapped(as_sql(ratio.denominator)),
    )
    quotient = exp.IntDiv(this=exp.paren(size), expression=wrapped(twice))
    negative = exp.LT(this=wrapped(ratio.numerator), expression=whole(0))
    return exp.case().when(negative, exp.Neg(this=exp.paren(quotient))).else_(quotient.copy())


def ceiling(ratio: Ratio) -> SQL:
    """Return the least whole number not below the ratio: the least amount that reaches a target."""
    if ratio.denominator == 1:
        return ratio.numerator
    denominator = wrapped(as_sql(ratio.denominator))
    up = exp.Sub(this=exp.Add(this=ratio.numerator, expression=denominator), expression=whole(1))
    positive = exp.IntDiv(this=exp.paren(up), expression=denominator.copy())
    size = exp.IntDiv(this=exp.Abs(this=ratio.numerator.copy()), expression=denominator.copy())
    negative = exp.LT(this=wrapped(ratio.numerator.copy()), expression=whole(0))
    return exp.case().when(negative, exp.Neg(this=exp.paren(size))).else_(positive)
