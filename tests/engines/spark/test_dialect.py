"""Each way in which Spark differs from DuckDB, spelled so that it no longer does.

The table in docs/decisions/0014-spark-dialect.md has a line for each of these.
"""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
import sqlglot

from cogrow.engines.spark.dialect import spark_sql
from cogrow.engines.spark.engine import plain
from cogrow.engines.spark.session import session
from tests.on_spark import HERE, SPARK_MARKS

pytestmark = SPARK_MARKS

ROWS = "(VALUES (1, 5, 0), (2, -7, 2), (3, NULL, 4)) AS t(k, a, b)"
HUGE = "(SELECT CAST(9223372036854775807 AS BIGINT) AS x)"
DAY = "(SELECT CAST('{day}' AS DATE) AS d)"
MOMENTS = (
    "(SELECT CAST('2024-03-10 01:30:00.123456' AS TIMESTAMP) AS t, "
    "CAST('2024-03-03 01:30:00.123456' AS TIMESTAMP) AS u)"
)

#: What sqlglot alone would leave different, or refused.
SPELLED = {
    "128-bit integers": f"SELECT CAST(x AS INT128) * x FROM {HUGE}",
    "a quotient beyond 64 bits": f"SELECT CAST(x AS INT128) * 1000 // 7 FROM {HUGE}",
    "a sum beyond 64 bits": "SELECT SUM(x) FROM (VALUES (9223372036854775807), (1)) AS t(x)",
    "a running sum beyond 64 bits": (
        "SELECT SUM(x) OVER (ORDER BY k) FROM (VALUES (1, 9223372036854775807), (2, 7)) AS t(k, x)"
    ),
    "a year times much": f"SELECT YEAR(d) * 100000000 + MONTH(d) FROM {DAY.format(day='2024-12-31')}",
    "microseconds": (
        "SELECT EPOCH_US(t) FROM (VALUES (CAST('2025-06-30 15:59:59.999999' AS TIMESTAMP)), "
        "(CAST('1969-12-31 23:59:59.999999' AS TIMESTAMP))) AS v(t)"
    ),
    "the first, whatever its value": (
        "SELECT ARG_MIN_NULL(a, b), ARG_MIN_NULL(b, a), ARG_MIN_NULL(a, b) FILTER (WHERE b > 2) "
        "FROM (VALUES ('x', 2), (CAST(NULL AS VARCHAR), 1), ('y', 3)) AS t(a, b)"
    ),
    "an unknown condition": "SELECT CASE WHEN NULL THEN 1 ELSE 2 END",
    **{
        f"midnight of {day} in {zone}": (
            f"SELECT (CAST(d AS TIMESTAMP) AT TIME ZONE '{zone}') AT TIME ZONE 'UTC' FROM "
            + DAY.format(day=day)
        )
        for zone, day in [
            ("Asia/Shanghai", "2025-06-01"),
            ("Asia/Shanghai", "1940-06-01"),
            ("America/New_York", "2025-03-09"),
            ("America/Sao_Paulo", "2018-11-04"),  # a midnight that never was
            ("Asia/Beirut", "2023-03-26"),
        ]
    },
}

#: What sqlglot spells well, or what is the same; it is held here so that it stays so.
SAME = {
    "division cuts off towards zero": f"SELECT a // 2, a // -2 FROM {ROWS} ORDER BY k",
    "days times much": (
        "SELECT DATE_DIFF('day', CAST('1990-02-28' AS DATE), d) * 100000000 FROM "
        + DAY.format(day="2090-03-01")
    ),
    "nulls last": f"SELECT k FROM {ROWS} ORDER BY a, k",
    "nulls last, descending": f"SELECT k FROM {ROWS} ORDER BY a DESC, k",
    "nulls last in a window": f"SELECT k, ROW_NUMBER() OVER (ORDER BY a) FROM {ROWS} ORDER BY k",
    "least and greatest pass over nulls": f"SELECT LEAST(a, b), GREATEST(a, b) FROM {ROWS} ORDER BY k",
    "unknown in a list": f"SELECT a IN (1, NULL), NOT a IN (5) FROM {ROWS} ORDER BY k",
    "distinct, filtered, any": (
        f"SELECT COUNT(DISTINCT a) FILTER (WHERE b > 0), COUNT(a), COUNT(*), BOOL_OR(a > 0), "
        f"SUM(a) FILTER (WHERE b > 9), MIN(a), MAX(a) FROM {ROWS}"
    ),
    "a day moved stays a day": (
        "SELECT CAST((d + INTERVAL '5' DAY) AS DATE), CAST((d + INTERVAL '1500' MINUTE) AS DATE), "
        "CAST((d - INTERVAL '1' DAY) AS DATE) FROM " + DAY.format(day="2024-02-28")
    ),
    "an instant moved": f"SELECT t + INTERVAL '90' MINUTE, t - INTERVAL '400' DAY FROM {MOMENTS}",
    "an instant moved back": f"SELECT t - INTERVAL '-480' MINUTE FROM {MOMENTS}",
    "the length between instants": (
        "SELECT t - u > INTERVAL '7' DAY, t - u <= INTERVAL '10080' MINUTE, "
        f"t - u < INTERVAL '400' DAY FROM {MOMENTS}"
    ),
    "text": (
        "SELECT STARTS_WITH(a, 'x_'), STARTS_WITH(a, 'x%'), LOWER(a), LOWER('ÀÉ'), SUBSTRING(a, 3), "
        "LPAD(CAST(17 AS VARCHAR), 20, '0') || a, a || NULL, 'a ' = 'a', 'a' = 'A' "
        "FROM (SELECT 'x_Yz' AS a)"
    ),
    "text in order": (
        "SELECT a FROM (VALUES ('é'), ('z'), ('Z'), ('店'), ('𝒳'), ('ﬀ'), (''), ('a '), ('a')) AS t(a) "
        "ORDER BY a"
    ),
    "literals": "SELECT 'it''s', 'a\\b', 'a\\nb', '%', '\\u4e2d'",
    "names": 'SELECT "a b", "x`y", "order" FROM (SELECT 1 AS "a b", 2 AS "x`y", 3 AS "order")',
    "a decimal made whole": (
        "SELECT CAST((r * 1000000) AS BIGINT), r >= CAST('4.8' AS DECIMAL(18,6)) "
        "FROM (SELECT CAST('4.799999' AS DECIMAL(18,6)) AS r)"
    ),
}

#: Both refuse; neither gives null or a wrong number.
REFUSED = {
    "a sum beyond 38 digits": (
        f"SELECT SUM(x) FROM (SELECT CAST({10**38 - 1} AS INT128) AS x UNION ALL "
        f"SELECT CAST({10**38 - 1} AS INT128))"
    ),
    "a product beyond 38 digits": "SELECT x * x FROM (SELECT CAST(9999999999999999999999 AS INT128) AS x)",
    "an addition beyond 64 bits": f"SELECT x + 1 FROM {HUGE}",
    "a multiplication beyond 64 bits": f"SELECT x * 3 FROM {HUGE}",
    "an amount beyond 64 bits": f"SELECT CAST(CAST(x AS INT128) * 10 AS BIGINT) FROM {HUGE}",
    "a count beyond 32 bits": "SELECT x * 3 FROM (SELECT CAST(2000000000 AS INTEGER) AS x)",
    "the size of the least number": f"SELECT ABS(-x - 1) FROM {HUGE}",
    "a division by nothing": f"SELECT a // b FROM {ROWS}",
}

#: Spark refuses what DuckDB still computes: honest gaps.
GAPS = {
    "39 digits": "SELECT CAST(x AS INT128) * x * 2 FROM (SELECT CAST(9000000000000000000 AS BIGINT) AS x)",
    "a quotient beyond 32 digits": f"SELECT CAST({10**37} AS INT128) // x FROM (SELECT 3 AS x)",
}


def on_duckdb(sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def on_spark(sql: str) -> list[tuple[Any, ...]]:
    found = plain(session(HERE).sql(sql).toArrow())
    return [tuple(row.values()) for row in found.to_pylist()]


@pytest.mark.parametrize("name", [*SPELLED, *SAME])
def test_spark_says_what_duckdb_says(name):
    sql = {**SPELLED, **SAME}[name]
    assert on_spark(spark_sql(sql)) == on_duckdb(sql)


@pytest.mark.parametrize("name", SPELLED)
def test_without_our_spelling_it_would_say_something_else(name):
    from pyspark.errors import PySparkException

    (plainly,) = sqlglot.transpile(SPELLED[name], read="duckdb", write="spark")
    try:
        found = on_spark(plainly)
    except PySparkException:
        return
    assert found != on_duckdb(SPELLED[name])


@pytest.mark.parametrize("name", REFUSED)
def test_both_refuse_what_does_not_fit(name):
    from pyspark.errors import PySparkException

    with pytest.raises(duckdb.Error):
        on_duckdb(REFUSED[name])
    with pytest.raises(PySparkException):
        on_spark(spark_sql(REFUSED[name]))


@pytest.mark.parametrize("name", GAPS)
def test_spark_refuses_what_only_duckdb_can_hold(name):
    from pyspark.errors import PySparkException

    assert on_duckdb(GAPS[name])
    with pytest.raises(PySparkException):
        on_spark(spark_sql(GAPS[name]))


def test_why_div_is_not_used():
    """DIV on decimals is a 64-bit number, and one that does not fit wraps around without a word."""
    (wrapped,) = on_spark(f"SELECT CAST({10**30} AS DECIMAL(38, 0)) DIV 3")[0]
    assert wrapped != 10**30 // 3


def test_a_function_nobody_spelled_is_our_fault_and_said_at_once():
    with pytest.raises(AssertionError):
        spark_sql("SELECT SOME_FUNCTION(x)")
