"""From the SQL of a plan, as DuckDB reads it, to the same meaning in Spark's dialect.

sqlglot translates; what it leaves inexact is spelled here, one function per difference. The decision
record docs/decisions/0014-spark-dialect.md says why.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp

from cogrow.engines.plan import DIALECT
from cogrow.engines.ratio import SQL

#: What 128-bit integers are on Spark: 38 digits; beyond them ANSI mode raises an error.
WIDE = "DECIMAL(38, 0)"


def spark_sql(sql: str) -> str:
    """Return a query of DuckDB's dialect in Spark's.

    Null ordering comes along: sqlglot knows that DuckDB puts nulls last and says so to Spark.
    """
    query: SQL = sqlglot.parse_one(sql, dialect=DIALECT)
    for node in reversed(list(query.dfs())):  # what stands inside comes first
        if type(node) in _SPELLINGS:
            spelled = _SPELLINGS[type(node)](node)
            if spelled is not node:
                node.replace(spelled)
    return query.sql(dialect="spark", pretty=True, identify=True)


def _wide(node: SQL) -> SQL:
    return exp.cast(node, exp.DataType.build(WIDE), copy=False)


def _long(node: SQL) -> SQL:
    return exp.cast(node, exp.DataType.build("BIGINT"), copy=False)


def _type(node: SQL) -> SQL:
    if isinstance(node, exp.DataType) and node.this is exp.DType.INT128:
        return exp.DataType.build(WIDE)
    return node


def _division(node: SQL) -> SQL:
    """Divide whole numbers, cutting off what is left, without DIV: that wraps around beyond 64 bits.

    (a - a % b) / b leaves nothing over, so the decimal division is exact, up to 32 digits.
    """
    above, below = _wide(node.this.copy()), _wide(node.expression.copy())
    rest = exp.Mod(this=above.copy(), expression=below.copy())
    even = exp.paren(exp.Sub(this=above, expression=exp.paren(rest)))
    return _wide(exp.Div(this=even, expression=below))


def _sum(node: SQL) -> SQL:
    """Sum in 128 bits, as DuckDB does; Spark would sum 64-bit integers in 64 bits."""
    return exp.Sum(this=_wide(node.this.copy()))


def _of_duckdb(node: SQL) -> SQL:
    if node.name.upper() not in _FUNCTIONS:
        raise AssertionError(node)  # a function of DuckDB nobody has spelled for Spark
    return _FUNCTIONS[node.name.upper()](*node.expressions)


def _micros(moment: SQL) -> SQL:
    instant = exp.cast(moment.copy(), exp.DataType.build("TIMESTAMPLTZ"), copy=False)
    return exp.Anonymous(this="UNIX_MICROS", expressions=[instant])


def _part_of_day(node: SQL) -> SQL:
    """Widen a year or month to 64 bits, as it is in DuckDB."""
    return _long(node.copy())


def _zone(node: SQL) -> SQL:
    """Turn (local AT TIME ZONE zone) AT TIME ZONE 'UTC' into one function of instants without a zone."""
    inner = node.this.unnest()
    if not isinstance(inner, exp.AtTimeZone):
        return node
    zone, utc = inner.args["zone"], node.args["zone"]
    return exp.Anonymous(
        this="CONVERT_TIMEZONE", expressions=[zone.copy(), utc.copy(), inner.this.copy()]
    )


def _first(value: SQL, least: SQL) -> SQL:
    """Take the value beside the least other one, also where it is null: MIN_BY passes over none."""
    return exp.ArgMin(this=value.copy(), expression=least.copy())


def _condition(node: SQL) -> SQL:
    """Give a condition that is always unknown the type of one."""
    if not isinstance(node.this.unnest(), exp.Null):
        return node
    unknown = exp.cast(exp.null(), exp.DataType.build("BOOLEAN"))
    return exp.If(this=unknown, true=node.args["true"].copy())


_FUNCTIONS: dict[str, Callable[..., SQL]] = {"EPOCH_US": _micros, "ARG_MIN_NULL": _first}

_SPELLINGS: dict[type[SQL], Callable[[SQL], SQL]] = {
    exp.DataType: _type,
    exp.IntDiv: _division,
    exp.Sum: _sum,
    exp.Anonymous: _of_duckdb,
    exp.Year: _part_of_day,
    exp.Month: _part_of_day,
    exp.AtTimeZone: _zone,
    exp.If: _condition,
}
