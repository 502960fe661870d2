"""Typed values in DuckDB SQL, exact: what an expression over a source's columns can be.

A number is a fraction of two whole numbers (HUGEINT), so sums, products and quotients lose nothing;
what cannot be read or does not fit is NULL, and the condition under which that happens is noted as a
fault of the row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import lcm
from zoneinfo import ZoneInfo

from sqlglot import exp

from cogrow.errors import N_, Message, message
from cogrow.sources import zones
from cogrow.sources.faults import TOO_FINE, TOO_LARGE, UNCONVERTIBLE, Fault
from cogrow.sources.sql import (
    Layers,
    Sql,
    attempt,
    both,
    call,
    cast,
    chosen,
    either,
    known,
    negated,
    operation,
    text,
    try_cast,
    unknown,
    whole,
)

#: Decimals a text or a float may carry; more is refused rather than rounded.
DECIMALS = 8

_NUMBER = r"\s*[+-]?[0-9]{1,20}(\.[0-9]{1,8})?\s*"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_LOCAL = f"{_DAY}({_TIME})?"
_OFFSET = _DAY + _TIME + r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
#: Floats are read below this; above, not every whole number is a float.
_FLOAT_BOUND = "1e20"


class Type(StrEnum):
    """What a value of an expression is. A local time has no zone yet; an instant is UTC."""

    TEXT = "text"
    NUMBER = "number"
    LOCAL = "local"
    INSTANT = "instant"
    DAY = "day"
    FLAG = "flag"
    NULL = "null"


_WORDS = {
    Type.TEXT: N_("text"),
    Type.NUMBER: N_("a number"),
    Type.LOCAL: N_("an instant"),
    Type.INSTANT: N_("an instant"),
    Type.DAY: N_("a day"),
    Type.FLAG: N_("true or false"),
    Type.NULL: N_("nothing"),
}


def called(type_: Type) -> Message:
    """Return what a reader calls a value of `type_`."""
    return message(_WORDS[type_])


@dataclass(frozen=True, slots=True)
class Value:
    """A typed piece of SQL; `of` is the source's type where it is a bare column.

    A number is `sql` / `over`. A bare decimal or float is its column until `number` makes it exact.
    """

    type: Type
    sql: Sql
    over: int | Sql = 1
    of: str = ""


_PLAIN = {
    "DATE": Type.DAY,
    "BOOLEAN": Type.FLAG,
    "TIMESTAMP": Type.LOCAL,
    "TIMESTAMP_S": Type.LOCAL,
    "TIMESTAMP_MS": Type.LOCAL,
    "TIMESTAMP_NS": Type.LOCAL,
    "TIMESTAMP WITH TIME ZONE": Type.INSTANT,
    "TIMESTAMPTZ_NS": Type.INSTANT,
    "VARCHAR": Type.TEXT,
    "UUID": Type.TEXT,
    "DOUBLE": Type.NUMBER,
    "FLOAT": Type.NUMBER,
}


def type_of(source: str) -> Type | None:
    """Return what a column of a DuckDB type holds, or None for a type of no use here."""
    if "[" in source:
        return None
    name = source.partition("(")[0]
    if name.endswith(("INT", "INTEGER")) or name == "DECIMAL":
        return Type.NUMBER
    return Type.TEXT if name == "ENUM" else _PLAIN.get(source)


def times(value: Sql, factor: int | Sql) -> Sql:
    """Return a whole number (HUGEINT) multiplied by another."""
    if factor == 1:
        return value
    by = cast(whole(factor), "HUGEINT") if isinstance(factor, int) else factor
    return operation(exp.Mul, value, by)


def halved_up(numerator: Sql, over: int | Sql) -> Sql:
    """Return a fraction rounded to a whole number, halves away from zero; `over` is positive.

    Whole numbers all the way: sign · ((2·|n| + d) // (2·d)).
    """
    if over == 1:
        return numerator
    single = whole(over) if isinstance(over, int) else over
    twice = whole(2 * over) if isinstance(over, int) else times(over, 2)
    top = operation(exp.Add, times(exp.Abs(this=numerator.copy()), 2), single)
    sign = chosen(operation(exp.LT, numerator, whole(0)), whole(-1), whole(1))
    return operation(exp.Mul, sign, operation(exp.IntDiv, top, twice))


def aligned(left: Value, right: Value) -> tuple[Sql, Sql, int | Sql]:
    """Return the numerators of two numbers over one common, positive denominator, and that."""
    if isinstance(left.over, int) and isinstance(right.over, int):
        common = lcm(left.over, right.over)
        return times(left.sql, common // left.over), times(right.sql, common // right.over), common
    return times(left.sql, right.over), times(right.sql, left.over), product(left.over, right.over)


def product(left: int | Sql, right: int | Sql) -> int | Sql:
    """Return the product of two denominators."""
    if isinstance(left, int):
        return left * right if isinstance(right, int) else times(right, left)
    return times(left, right)


class Conversions:
    """Turns values of one type into another, noting under which condition a row is at fault."""

    def __init__(self, zone: ZoneInfo, layers: Layers, note: Callable[[Fault, Sql], None]) -> None:
        self.zone, self.bind, self.note = zone, layers.bind, note

    def source(self, sql: Sql, source: str) -> Value | None:
        """Return the value of a source's column of a DuckDB type; None for a type of no use here."""
        match type_of(source):
            case None:
                return None
            case Type.TEXT:
                return Value(Type.TEXT, sql if source == "VARCHAR" else cast(sql, "VARCHAR"))
            case Type.INSTANT:
                return Value(Type.INSTANT, cast(cast(sql, "TIMESTAMPTZ"), "TIMESTAMP"))
            case Type.LOCAL:
                return Value(Type.LOCAL, sql if source == "TIMESTAMP" else cast(sql, "TIMESTAMP"))
            case found:
                return Value(found, sql, of=source)

    def number(self, value: Value, decimals: int | None = None) -> Value | None:
        """Return a value as an exact fraction; with `decimals`, rounded to so many, halves up.

        None where it is no number; at most DECIMALS decimals.
        """
        match value.type:
            case Type.NULL:
                return Value(Type.NUMBER, cast(exp.null(), "HUGEINT"))
            case Type.TEXT:
                return self._rounded(self._from_text(value.sql), decimals)
            case Type.NUMBER if value.of in ("DOUBLE", "FLOAT"):
                return self._from_float(value.sql, decimals)
            case Type.NUMBER if value.of.startswith("DECIMAL"):
                return self._rounded(self._from_decimal(value), decimals)
            case Type.NUMBER if value.of:
                plain = Value(Type.NUMBER, self.bind(try_cast(value.sql, "HUGEINT")))
                return self._rounded(plain, decimals)
            case Type.NUMBER:
                return self._rounded(value, decimals)
        return None

    def _from_text(self, sql: Sql) -> Value:
        readable = self.bind(call("REGEXP_FULL_MATCH", sql, text(_NUMBER)))
        self.note(UNCONVERTIBLE, both(known(sql), negated(readable)))
        decimal = try_cast(sql, f"DECIMAL(38,{DECIMALS})")
        exact = chosen(readable, operation(exp.Mul, decimal, whole(10**DECIMALS)))
        return Value(Type.NUMBER, self.bind(cast(exact, "HUGEINT")), over=10**DECIMALS)

    def _from_decimal(self, value: Value) -> Value:
        scale = int(value.of.rstrip(")").partition(",")[2])
        digits = call("REPLACE", cast(value.sql, "VARCHAR"), text("."), text(""))
        return Value(Type.NUMBER, self.bind(try_cast(digits, "HUGEINT")), over=10**scale)

    def _from_float(self, sql: Sql, decimals: int | None) -> Value:
        """Read a float as the shortest decimal that denotes it: what its owner sees printed."""
        shown = self.bind(cast(sql, "VARCHAR"))
        size = exp.Abs(this=sql.copy())
        bounded = self.bind(operation(exp.LT, size, exp.Literal.number(_FLOAT_BOUND)))
        self.note(UNCONVERTIBLE, both(known(sql), negated(bounded)))
        fine = self.bind(chosen(bounded, try_cast(shown, "DECIMAL(38,17)")))
        kept = DECIMALS if decimals is None else decimals
        coarse = self.bind(cast(fine, f"DECIMAL(38,{kept})"))
        if decimals is None:
            vanished = both(operation(exp.EQ, coarse, whole(0)), operation(exp.NEQ, sql, whole(0)))
            self.note(TOO_FINE, either(operation(exp.NEQ, fine, coarse), vanished))
        exact = self.bind(cast(operation(exp.Mul, coarse, whole(10**kept)), "HUGEINT"))
        return Value(Type.NUMBER, exact, over=10**kept)

    def _rounded(self, value: Value, decimals: int | None) -> Value:
        if decimals is None:
            return value
        scaled = attempt(halved_up(times(value.sql, 10**decimals), value.over))
        made = self.bind(scaled)
        self.note(TOO_LARGE, both(known(value.sql), unknown(made)))
        return Value(Type.NUMBER, made, over=10**decimals)

    def local(self, value: Value) -> Sql | None:
        """Return a value as a local time, or None where it is no time."""
        match value.type:
            case Type.NULL | Type.DAY:
                return cast(value.sql, "TIMESTAMP")
            case Type.LOCAL:
                return value.sql
            case Type.INSTANT:
                return self.bind(zones.to_local(self.bind(value.sql), self.zone))
            case Type.TEXT:
                naive, instant = self._times(value.sql)
                return self.bind(call("COALESCE", naive, zones.to_local(instant, self.zone)))
        return None

    def instant(self, value: Value) -> Sql | None:
        """Return a value as a UTC instant, or None where it is no time."""
        match value.type:
            case Type.NULL:
                return cast(value.sql, "TIMESTAMP")
            case Type.INSTANT:
                return value.sql
            case Type.LOCAL | Type.DAY:
                local = self.bind(cast(value.sql, "TIMESTAMP"))
                return self.bind(zones.to_utc(local, self.zone))
            case Type.TEXT:
                naive, instant = self._times(value.sql)
                return self.bind(call("COALESCE", instant, zones.to_utc(naive, self.zone)))
        return None

    def day(self, value: Value) -> Sql | None:
        """Return a value as a day in the marketplace's zone, or None where it is no time."""
        if value.type is Type.DAY:
            return value.sql
        local = self.local(value)
        return None if local is None else cast(local, "DATE")

    def _times(self, sql: Sql) -> tuple[Sql, Sql]:
        """Return what a text says as a local time and what it says as an instant: one is NULL."""
        is_local = call("REGEXP_FULL_MATCH", sql, text(_LOCAL))
        naive = self.bind(chosen(is_local, try_cast(sql, "TIMESTAMP")))
        is_instant = call("REGEXP_FULL_MATCH", sql, text(_OFFSET))
        there = cast(try_cast(sql, "TIMESTAMPTZ"), "TIMESTAMP")
        instant = self.bind(chosen(both(unknown(naive), is_instant), there))
        self.note(UNCONVERTIBLE, both(known(sql), unknown(naive), unknown(instant)))
        return naive, instant

    def flag(self, value: Value) -> Sql | None:
        """Return a value as true or false, or None where it is neither."""
        if value.type is Type.NULL:
            return cast(value.sql, "BOOLEAN")
        if value.type is Type.FLAG:
            return value.sql
        if value.type is not Type.TEXT:
            return None
        lower = self.bind(exp.Lower(this=exp.Trim(this=value.sql.copy())))
        yes = exp.In(this=lower.copy(), expressions=[text(w) for w in ("true", "yes", "1")])
        no = exp.In(this=lower.copy(), expressions=[text(w) for w in ("false", "no", "0")])
        made = self.bind(exp.case().when(yes, exp.true()).when(no, exp.false()))
        self.note(UNCONVERTIBLE, both(known(value.sql), unknown(made)))
        return made

    def text(self, value: Value) -> Sql | None:
        """Return a value as text: numbers without needless decimals, days and times as ISO 8601."""
        if value.type is Type.TEXT:
            return value.sql
        if value.type is not Type.NUMBER or value.of.endswith("INT") or value.of == "INTEGER":
            return cast(value.sql, "VARCHAR")
        if value.of in ("DOUBLE", "FLOAT"):
            return call("REGEXP_REPLACE", cast(value.sql, "VARCHAR"), text(r"\.0$"), text(""))
        if value.of:
            shown = cast(value.sql, "VARCHAR")
            pattern = r"\.0*$|(\.[0-9]*[1-9])0+$"
            return call("REGEXP_REPLACE", shown, text(pattern), text(r"\1"))
        return cast(value.sql, "VARCHAR") if value.over == 1 else None
