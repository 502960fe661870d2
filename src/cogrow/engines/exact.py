"""From a typed tree to SQL over whole numbers: every value is a ratio, rounded only when asked.

A ratio is a numerator in SQL and a denominator that is a constant wherever it can be. Comparisons
multiply across; nothing ever divides but `rounded`, in integers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as day_time
from fractions import Fraction
from zoneinfo import ZoneInfo

from sqlglot import exp

from cogrow.expressions.tree import (
    NUMERIC,
    Aggregate,
    ColumnRef,
    Const,
    Op,
    Tree,
    Unit,
    Value,
)

#: What a NUMBER column is multiplied by to be whole: its scale is 6.
NUMBER_SCALE = 10**6

SQL = exp.Expr


@dataclass(frozen=True, slots=True)
class Ratio:
    """`numerator` / `denominator`; a denominator in SQL is positive, or null where there is no value."""

    numerator: SQL
    denominator: int | SQL = 1


def _copy(ratio: Ratio) -> Ratio:
    below = ratio.denominator
    return Ratio(ratio.numerator.copy(), below if isinstance(below, int) else below.copy())


def wide(node: SQL) -> SQL:
    """Return the SQL of an integer cast to 128 bits, so that products do not overflow."""
    return exp.cast(node, exp.DataType.build("INT128"))


def whole(value: int) -> SQL:
    """Return an integer literal."""
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def text(value: str) -> SQL:
    """Return a text literal."""
    return exp.Literal.string(value)


def instant(moment: datetime) -> SQL:
    """Return a timestamp literal of a UTC instant."""
    shown = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return exp.cast(text(shown), exp.DataType.build("TIMESTAMP"))


def day(value: date) -> SQL:
    """Return a date literal."""
    return exp.cast(text(value.isoformat()), exp.DataType.build("DATE"))


def times(node: SQL, factor: int | SQL) -> SQL:
    """Return node x factor; a factor of 1 leaves no trace."""
    if factor == 1:
        return node
    if isinstance(factor, int) and isinstance(node, exp.Literal):
        return whole(int(node.name) * factor)
    right = whole(factor) if isinstance(factor, int) else exp.paren(factor, copy=False)
    return exp.Mul(this=_wrapped(node), expression=right)


def _wrapped(node: SQL) -> SQL:
    plain = (exp.Column, exp.Literal, exp.Func, exp.Cast, exp.Paren, exp.Case)
    return node if isinstance(node, plain) else exp.paren(node, copy=False)


def common(left: Ratio, right: Ratio) -> tuple[SQL, SQL, int | SQL]:
    """Return two numerators over one denominator, and that denominator.

    What both denominators share stays single, so that sums over one count do not grow.
    """
    (a, x), (b, y) = _parts(left.denominator), _parts(right.denominator)
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
    return one, other, _below(x, y, lcm)


def _parts(denominator: int | SQL) -> tuple[int, SQL | None]:
    """Return a denominator as a constant and what it multiplies."""
    if isinstance(denominator, int):
        return denominator, None
    right = denominator.args.get("expression")
    if isinstance(denominator, exp.Mul) and isinstance(right, exp.Literal):
        return int(right.name), denominator.this.unnest()
    return 1, denominator


def _below(x: SQL | None, y: SQL | None, constant: int) -> int | SQL:
    """Return the denominator x * y * constant."""
    if x is not None and y is not None:
        return times(exp.Mul(this=_wrapped(x), expression=_wrapped(y)), constant)
    only = x if x is not None else y
    return constant if only is None else times(only, constant)


def _unknown(ratio: Ratio) -> SQL:
    """Return the condition that a ratio has no value: its numerator or its denominator is null."""
    nodes = (
        [ratio.numerator]
        if isinstance(ratio.denominator, int)
        else [ratio.numerator, ratio.denominator]
    )
    nulls = [exp.Is(this=_wrapped(node.copy()), expression=exp.null()) for node in nodes]
    return nulls[0] if len(nulls) == 1 else exp.paren(exp.or_(*nulls))


def _sql(value: int | SQL) -> SQL:
    return whole(value) if isinstance(value, int) else value


def rounded(ratio: Ratio) -> SQL:
    """Return the ratio as a whole number, halves away from zero: the one rounding of an amount.

    (x < 0 ? -1 : 1) x ((2|x| + d) // 2d), integers all the way.
    """
    if ratio.denominator == 1:
        return ratio.numerator
    twice = times(_sql(ratio.denominator), 2)
    size = exp.Add(
        this=times(exp.Abs(this=ratio.numerator.copy()), 2),
        expression=_wrapped(_sql(ratio.denominator)),
    )
    quotient = exp.IntDiv(this=exp.paren(size), expression=_wrapped(twice))
    negative = exp.LT(this=_wrapped(ratio.numerator), expression=whole(0))
    return exp.case().when(negative, exp.Neg(this=exp.paren(quotient))).else_(quotient.copy())


def ceiling(ratio: Ratio) -> SQL:
    """Return the least whole number not below the ratio: the least amount that reaches a target."""
    if ratio.denominator == 1:
        return ratio.numerator
    denominator = _wrapped(_sql(ratio.denominator))
    up = exp.Sub(this=exp.Add(this=ratio.numerator, expression=denominator), expression=whole(1))
    positive = exp.IntDiv(this=exp.paren(up), expression=denominator.copy())
    size = exp.IntDiv(this=exp.Abs(this=ratio.numerator.copy()), expression=denominator.copy())
    negative = exp.LT(this=_wrapped(ratio.numerator.copy()), expression=whole(0))
    return exp.case().when(negative, exp.Neg(this=exp.paren(size))).else_(positive)


@dataclass
class Renderer:
    """Renders trees; `values` and `aggregates` say which columns hold what has been computed.

    `aliases` renames tables in the FROM clause; `zone` is where days begin.
    """

    zone: ZoneInfo
    values: dict[str, Ratio | SQL] = field(default_factory=dict)
    aggregates: Mapping[Aggregate, Ratio] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)

    def column(self, ref: ColumnRef) -> SQL:
        """Return the SQL of a column of a fact row."""
        return exp.column(ref.column, self.aliases.get(ref.table, ref.table))

    def ratio(self, tree: Tree) -> Ratio:
        """Return the ratio a numeric tree stands for."""
        if isinstance(tree, Const) and isinstance(tree.value, Fraction):
            return Ratio(whole(tree.value.numerator), tree.value.denominator)
        if isinstance(tree, ColumnRef):
            if tree.unit is Unit.NUMBER:
                scaled = exp.Mul(this=self.column(tree), expression=whole(NUMBER_SCALE))
                return Ratio(exp.cast(scaled, exp.DataType.build("BIGINT")), NUMBER_SCALE)
            return Ratio(self.column(tree))
        if isinstance(tree, Value):
            found = self.values[tree.name]
            return _copy(found if isinstance(found, Ratio) else Ratio(found))
        if isinstance(tree, Aggregate):
            return _copy(self.aggregates[tree])
        if isinstance(tree, Op):
            return self._operation(tree)
        raise AssertionError(tree)

    def _operation(self, tree: Op) -> Ratio:
        if tree.op == "days_between":
            return Ratio(self._days_between(tree))
        if tree.op == "if":
            return self._pick(self.flag(tree.args[0]), *map(self.ratio, tree.args[1:]))
        parts = [self.ratio(arg) for arg in tree.args]
        if tree.op == "neg":
            return Ratio(exp.Neg(this=_wrapped(parts[0].numerator)), parts[0].denominator)
        if tree.op == "abs":
            return Ratio(exp.Abs(this=parts[0].numerator), parts[0].denominator)
        result = parts[0]
        for part in parts[1:]:
            result = self._pair(tree.op, result, part)
        return result

    def _pair(self, op: str, left: Ratio, right: Ratio) -> Ratio:
        if op in ("+", "-"):
            a, b, denominator = common(left, right)
            kind = exp.Add if op == "+" else exp.Sub
            return Ratio(kind(this=_wrapped(a), expression=_wrapped(b)), denominator)
        if op == "*":
            return self._product(left, right)
        if op == "/":
            return self._quotient(left, right)
        if op == "coalesce":
            return self._pick(exp.Not(this=_unknown(left)), left, right)
        return self._extreme(op, left, right)

    def _extreme(self, op: str, left: Ratio, right: Ratio) -> Ratio:
        """Return the least or greatest of two; unknown where one is, so that no unknown value pays."""
        constant = isinstance(right.numerator, exp.Literal) and isinstance(right.denominator, int)
        if constant:
            left, right = right, left
        a, b, denominator = common(left, right)
        first, other = (exp.LTE, exp.GT) if op == "least" else (exp.GTE, exp.LT)
        chosen = exp.case().when(first(this=_wrapped(a), expression=_wrapped(b)), a.copy())
        if constant:
            return Ratio(chosen.else_(b.copy()), denominator)
        second = other(this=_wrapped(a.copy()), expression=_wrapped(b.copy()))
        return Ratio(chosen.when(second, b.copy()), denominator)

    def _product(self, left: Ratio, right: Ratio) -> Ratio:
        a, b = left.numerator, right.numerator
        for constant, other in ((a, b), (b, a)):
            if isinstance(constant, exp.Literal):
                numerator = times(wide(other.copy()), int(constant.name))
                break
        else:
            numerator = exp.Mul(this=wide(a), expression=_wrapped(wide(b)))
        (c, x), (d, y) = _parts(left.denominator), _parts(right.denominator)
        return Ratio(numerator, _below(x, y, c * d))

    def _quotient(self, left: Ratio, right: Ratio) -> Ratio:
        if isinstance(right.numerator, exp.Literal):
            inverse = Ratio(_sql(right.denominator), int(right.numerator.name))
            return self._product(left, inverse)
        negative = exp.LT(this=_wrapped(right.numerator), expression=whole(0))
        turned = times(wide(left.numerator), right.denominator)
        numerator = exp.case().when(negative, exp.Neg(this=exp.paren(turned))).else_(turned.copy())
        size = times(wide(exp.Abs(this=right.numerator.copy())), left.denominator)
        return Ratio(numerator, exp.Nullif(this=size, expression=whole(0)))

    def _pick(self, condition: SQL, then: Ratio, otherwise: Ratio) -> Ratio:
        if _parts(then.denominator)[1] == _parts(otherwise.denominator)[1]:
            a, b, denominator = common(then, otherwise)
            return Ratio(exp.case().when(condition, a).else_(b), denominator)
        return Ratio(
            exp.case().when(condition, then.numerator).else_(otherwise.numerator),
            exp.case()
            .when(condition.copy(), _sql(then.denominator))
            .else_(_sql(otherwise.denominator)),
        )

    def flag(self, tree: Tree) -> SQL:
        """Return the SQL of a condition; an unknown part makes it null."""
        if isinstance(tree, Const):
            return exp.true() if tree.value else exp.false()
        if isinstance(tree, ColumnRef):
            return self.column(tree)
        if isinstance(tree, Value):
            found = self.values[tree.name]
            return (found.numerator if isinstance(found, Ratio) else found).copy()
        if not isinstance(tree, Op):
            raise AssertionError(tree)
        if tree.op in ("and", "or"):
            parts = [exp.paren(self.flag(arg)) for arg in tree.args]
            return exp.and_(*parts) if tree.op == "and" else exp.or_(*parts)
        if tree.op == "not":
            return exp.Not(this=exp.paren(self.flag(tree.args[0])))
        if tree.op == "is_null" and tree.args[0].unit in NUMERIC:
            return _unknown(self.ratio(tree.args[0]))
        if tree.op == "is_null":
            return exp.Is(this=_wrapped(self.any(tree.args[0])), expression=exp.null())
        if tree.op == "starts_with":
            return exp.StartsWith(this=self.any(tree.args[0]), expression=self.any(tree.args[1]))
        if tree.op == "if":
            condition, then, otherwise = (self.flag(arg) for arg in tree.args)
            return exp.case().when(condition, then).else_(otherwise)
        if tree.op == "coalesce":
            return exp.func("COALESCE", *(self.flag(arg) for arg in tree.args))
        return self._comparison(tree)

    def _comparison(self, tree: Op) -> SQL:
        if tree.op == "in":
            tested = tree.args[0]
            pairs = [Op("=", (tested, item), Unit.FLAG) for item in tree.args[1:]]
            if tested.unit in NUMERIC:
                return exp.or_(*(self._comparison(pair) for pair in pairs))
            return exp.In(this=self.any(tested), expressions=[self.any(a) for a in tree.args[1:]])
        kinds: dict[str, type[exp.Binary]] = {"=": exp.EQ, "<>": exp.NEQ, "<": exp.LT}
        kinds |= {"<=": exp.LTE, ">": exp.GT, ">=": exp.GTE}
        left, right = tree.args
        if left.unit in NUMERIC:
            a, b = (
                self._plain_number(left, right) or common(self.ratio(left), self.ratio(right))[:2]
            )
        else:
            a, b = self.any(left), self.any(right)
        return kinds[tree.op](this=_wrapped(a), expression=_wrapped(b))

    def _plain_number(self, left: Tree, right: Tree) -> tuple[SQL, SQL] | None:
        """Return a decimal column against a decimal constant as they are: exact, and readable."""
        if not (isinstance(left, ColumnRef) and left.unit is Unit.NUMBER):
            return None
        if not (isinstance(right, Const) and isinstance(right.value, Fraction)):
            return None
        scaled = right.value * NUMBER_SCALE
        if scaled.denominator != 1 or abs(scaled) >= 10**17:
            return None
        sign, size = ("-" if scaled < 0 else ""), abs(scaled.numerator)
        shown = f"{sign}{size // NUMBER_SCALE}.{size % NUMBER_SCALE:06d}".rstrip("0").rstrip(".")
        return self.column(left), exp.cast(text(shown), exp.DataType.build("DECIMAL(18,6)"))

    def any(self, tree: Tree) -> SQL:
        """Return the SQL of a tree of any unit, as a value (for a number: its numerator)."""
        if tree.unit in NUMERIC:
            return self.ratio(tree).numerator
        if tree.unit is Unit.FLAG:
            return self.flag(tree)
        if isinstance(tree, ColumnRef):
            return self.column(tree)
        if isinstance(tree, Value):
            found = self.values[tree.name]
            return (found.numerator if isinstance(found, Ratio) else found).copy()
        if isinstance(tree, Const):
            return self._constant(tree)
        if isinstance(tree, Op):
            return self._moment(tree)
        raise AssertionError(tree)

    def _constant(self, tree: Const) -> SQL:
        if isinstance(tree.value, str):
            return text(tree.value)
        if isinstance(tree.value, timedelta):
            return _interval(tree.value)
        if isinstance(tree.value, date):
            return day(tree.value)
        raise AssertionError(tree)

    def _moment(self, tree: Op) -> SQL:
        """Return text, instants, days and durations made by an operation."""
        if tree.op == "lower":
            return exp.Lower(this=self.any(tree.args[0]))
        if tree.op == "coalesce":
            return exp.func("COALESCE", *(self.any(arg) for arg in tree.args))
        if tree.op == "if":
            condition, then, otherwise = tree.args
            return exp.case().when(self.flag(condition), self.any(then)).else_(self.any(otherwise))
        if tree.op == "start_of_day":
            return self._start_of_day(tree.args[0])
        left, right = (self.any(arg) for arg in tree.args)
        kind = exp.Add if tree.op == "+" else exp.Sub
        moved = kind(this=_wrapped(left), expression=_wrapped(right))
        if tree.unit is Unit.DAY:
            return exp.cast(exp.paren(moved), exp.DataType.build("DATE"))
        if tree.unit is Unit.DURATION and tree.args[0].unit is Unit.DAY:
            stamps = [exp.cast(side, exp.DataType.build("TIMESTAMP")) for side in (left, right)]
            return exp.Sub(this=stamps[0], expression=stamps[1])
        return moved

    def _start_of_day(self, tree: Tree) -> SQL:
        if isinstance(tree, Const) and isinstance(tree.value, date):
            return instant(datetime.combine(tree.value, day_time(), tzinfo=self.zone))
        local = exp.cast(self.any(tree), exp.DataType.build("TIMESTAMP"))
        zoned = exp.AtTimeZone(this=local, zone=text(str(self.zone)))
        return exp.AtTimeZone(this=exp.paren(zoned), zone=text("UTC"))

    def _days_between(self, tree: Op) -> SQL:
        start, end = tree.args
        if start.unit is Unit.DAY:
            return exp.Anonymous(
                this="DATE_DIFF", expressions=[text("day"), self.any(start), self.any(end)]
            )
        micros = [exp.Anonymous(this="EPOCH_US", expressions=[self.any(a)]) for a in (end, start)]
        length = exp.paren(exp.Sub(this=micros[0], expression=micros[1]))
        return exp.IntDiv(this=length, expression=whole(86_400_000_000))


def _interval(length: timedelta) -> SQL:
    if length.seconds == 0:
        return exp.Interval(this=text(str(length.days)), unit=exp.var("DAY"))
    minutes = length.days * 1440 + length.seconds // 60
    return exp.Interval(this=text(str(minutes)), unit=exp.var("MINUTE"))
