"""From a typed value to a column of a canonical table: its Parquet type, exactly, and its faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from cogrow.errors import message
from cogrow.facts import EARLIEST_YEAR, LATEST_YEAR, TABLES, Column, Kind
from cogrow.money import EXPONENTS, LARGEST_MINOR
from cogrow.sources.faults import (
    CURRENCY,
    NEGATIVE,
    NOT_WHOLE,
    NULL,
    OUT_OF_YEARS,
    TOO_FINE,
    TOO_LARGE,
    UNCONVERTIBLE,
    WRONG_TYPE,
    Fault,
    word,
)
from cogrow.sources.mapping import Rounding
from cogrow.sources.scope import Refused
from cogrow.sources.sql import (
    Layers,
    Sql,
    attempt,
    both,
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
from cogrow.sources.values import Conversions, Type, Value, called, halved_up, times

Note = Callable[[Fault, Sql], None]

#: Columns that hold a currency wherever they stand.
CURRENCIES = frozenset({"currency", "from_currency", "to_currency"})
_LARGEST_COUNT = 2**31 - 1
_NUMBER_DECIMALS, _NUMBER_DIGITS = 6, 12
_SMALL = ("TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT")
_NARROW = {
    Kind.MONEY: (*_SMALL, "UINTEGER", "BIGINT"),
    Kind.COUNT: _SMALL,
    Kind.NUMBER: (*_SMALL, "UINTEGER"),
}

_KIND_OF = {
    Type.TEXT: Kind.TEXT,
    Type.NUMBER: Kind.NUMBER,
    Type.LOCAL: Kind.INSTANT,
    Type.INSTANT: Kind.INSTANT,
    Type.DAY: Kind.DAY,
    Type.FLAG: Kind.FLAG,
    Type.NULL: Kind.TEXT,
}


def kind_of(name: str, type_: Type) -> Kind:
    """Return what a column no contract names holds: by its name if it is money, else by its values."""
    return Kind.MONEY if name.endswith("_minor") else _KIND_OF[type_]


def always_fits(source: str, kind: Kind) -> bool:
    """Tell whether every number of a DuckDB type is one of `kind`, so that nothing need be checked.

    Facts that are canonical already pass through here, several times as fast.
    """
    name, _, rest = source.partition("(")
    if name == "DECIMAL" and kind is Kind.NUMBER:
        digits, scale = (int(part) for part in rest.rstrip(")").split(","))
        return scale <= _NUMBER_DECIMALS and digits - scale <= _NUMBER_DIGITS
    return name in _NARROW.get(kind, ())


def is_currency(value: Sql) -> Sql:
    """Return the condition that a text is a currency cogrow knows."""
    return exp.In(this=value.copy(), expressions=[text(code) for code in EXPONENTS])


def minor_per_major(currency: Sql) -> Sql:
    """Return how many minor units one of the row's currency has; NULL for an unknown one."""
    made = exp.case()
    for exponent in sorted(set(EXPONENTS.values())):
        codes = [text(code) for code, places in EXPONENTS.items() if places == exponent]
        made = made.when(
            exp.In(this=currency.copy(), expressions=codes), cast(whole(10**exponent), "HUGEINT")
        )
    return made


class Columns:
    """Makes canonical columns of values, noting what is wrong with which rows."""

    def __init__(self, conversions: Conversions, layers: Layers, note: Note) -> None:
        self.convert, self.bind, self.note = conversions, layers.bind, note

    def make(self, table: str, column: Column, value: Value, at: int = 0) -> Sql:
        """Return the SQL of a column in its Parquet type, or raise Refused where it never can be."""
        makers = {
            Kind.TEXT: self._text,
            Kind.MONEY: self._minor,
            Kind.COUNT: self._count,
            Kind.NUMBER: self._number,
            Kind.INSTANT: self._instant,
            Kind.DAY: self._day,
            Kind.FLAG: self.convert.flag,
        }
        fits = value.type is Type.NUMBER and always_fits(value.of, column.kind)
        made = cast(value.sql, column.kind.value) if fits else makers[column.kind](value)
        if made is None:
            raise self._never(table, column, value, at)
        made = self.bind(made)
        if fits and value.of == "BIGINT":  # which holds one amount whose opposite it does not hold
            self.note(TOO_LARGE, operation(exp.LT, made, cast(text(str(-LARGEST_MINOR)), "BIGINT")))
        self._checks(table, column, made)
        return made

    def _never(self, table: str, column: Column, value: Value, at: int) -> Refused:
        found, kind = value.of or called(value.type), word(column.kind)
        told = message(WRONG_TYPE.what, table=table, column=column.name, found=found, kind=kind)
        return Refused(told, at, code=WRONG_TYPE.code)

    def money(
        self,
        table: str,
        column: Column,
        value: Value,
        currency: Sql,
        rounding: Rounding,
        at: int = 0,
    ) -> Sql:
        """Return an amount in major units as minor units of `currency`, rounded as stated."""
        number = self.convert.number(value)
        if number is None:
            raise self._never(table, column, value, at)
        currency = self.bind(currency)
        unnamed = either(unknown(currency), negated(is_currency(currency)))
        self.note(CURRENCY, both(known(number.sql), unnamed))
        factor = self.bind(minor_per_major(currency))
        scaled = self.bind(attempt(times(number.sql, factor)))
        lost = both(known(number.sql), known(factor), unknown(scaled))
        self.note(TOO_LARGE, lost)
        amount = Value(Type.NUMBER, scaled, over=number.over)
        made = self._whole(amount, "BIGINT", LARGEST_MINOR, NOT_WHOLE, rounding)
        self._checks(table, column, made)
        return made

    def _whole(
        self,
        number: Value,
        type_name: str,
        largest: int,
        otherwise: Fault,
        rounding: Rounding = "exact",
    ) -> Sql:
        """Return a fraction as a bounded whole number; what is not whole is a fault, or rounded."""
        over = number.over
        if rounding == "exact" and over != 1:
            divisor = cast(whole(over), "HUGEINT") if isinstance(over, int) else over
            rest = operation(exp.NEQ, operation(exp.Mod, number.sql, divisor), whole(0))
            self.note(otherwise, rest)
            number = replace(number, sql=self.bind(chosen(negated(rest), number.sql)))
        made = self.bind(attempt(halved_up(number.sql, over)))
        outside = either(
            operation(exp.GT, made, cast(text(str(largest)), "HUGEINT")),
            operation(exp.LT, made, cast(text(str(-largest)), "HUGEINT")),
            both(known(number.sql), unknown(made)),
        )
        self.note(TOO_LARGE, outside)
        return self.bind(try_cast(made, type_name))

    def _text(self, value: Value) -> Sql | None:
        return self.convert.text(value)

    def _minor(self, value: Value) -> Sql | None:
        number = self.convert.number(value)
        return None if number is None else self._whole(number, "BIGINT", LARGEST_MINOR, NOT_WHOLE)

    def _count(self, value: Value) -> Sql | None:
        number = self.convert.number(value)
        if number is None:
            return None
        return self._whole(number, "INTEGER", _LARGEST_COUNT, UNCONVERTIBLE)

    def _number(self, value: Value) -> Sql | None:
        number = self.convert.number(value)
        if number is None:
            return None
        scaled = self.bind(attempt(times(number.sql, 10**_NUMBER_DECIMALS)))
        self.note(TOO_LARGE, both(known(number.sql), unknown(scaled)))
        largest = 10 ** (_NUMBER_DIGITS + _NUMBER_DECIMALS) - 1
        made = self._whole(
            Value(Type.NUMBER, scaled, over=number.over), "HUGEINT", largest, TOO_FINE
        )
        size = operation(exp.LTE, exp.Abs(this=made.copy()), cast(text(str(largest)), "HUGEINT"))
        kept = cast(chosen(size, made), "DECIMAL(38,0)")
        millionth = cast(exp.Literal.string("0.000001"), "DECIMAL(6,6)")
        return cast(operation(exp.Mul, cast(kept, "DECIMAL(30,0)"), millionth), "DECIMAL(18,6)")

    def _instant(self, value: Value) -> Sql | None:
        made = self.convert.instant(value)
        return None if made is None else self._in_years(made, "TIMESTAMP")

    def _day(self, value: Value) -> Sql | None:
        made = self.convert.day(value)
        return None if made is None else self._in_years(made, "DATE")

    def _in_years(self, value: Sql, type_name: str) -> Sql:
        made = self.bind(value)
        first = cast(text(f"{EARLIEST_YEAR}-01-01"), type_name)
        after = cast(text(f"{LATEST_YEAR + 1}-01-01"), type_name)
        self.note(
            OUT_OF_YEARS,
            either(operation(exp.LT, made, first), operation(exp.GTE, made, after)),
        )
        return made

    def _checks(self, table: str, column: Column, made: Sql) -> None:
        """Note what no value of this column may be, whatever it was made from."""
        contract = TABLES.get(table)
        ours = contract.by_name.get(column.name) if contract else None
        if not column.optional:
            self.note(NULL, unknown(made))
            if column.kind is Kind.TEXT:
                blank = operation(exp.EQ, exp.Trim(this=made.copy()), text(""))
                self.note(NULL, blank)
        if column.name in CURRENCIES:
            self.note(CURRENCY, both(known(made), negated(is_currency(made))))
        counted = column.kind is Kind.COUNT and column.name == "quantity"
        if ours is not None and (column.kind is Kind.MONEY or counted):
            self.note(NEGATIVE, operation(exp.LT, made, whole(0)))
