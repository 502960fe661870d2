"""Expressions of a mapping: exact numbers, honest text, local times; and what cannot be read is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from cogrow.expressions.syntax import parse
from cogrow.facts import Column, Kind
from cogrow.money import round_half_up
from cogrow.sources import zones
from cogrow.sources.columns import Columns
from cogrow.sources.expression_sql import Renderer
from cogrow.sources.faults import Fault
from cogrow.sources.scope import Scope, SourceColumn
from cogrow.sources.sql import Layers, Sql, either, text
from cogrow.sources.values import Conversions

at = datetime.fromisoformat
SHANGHAI = ZoneInfo("Asia/Shanghai")
LONDON = ZoneInfo("Europe/London")


def values(
    expression: str,
    kind: Kind,
    data: Mapping[str, Sequence[Any]],
    types: Mapping[str, pa.DataType] | None = None,
    *,
    zone: ZoneInfo = SHANGHAI,
    money: str = "",
) -> list[tuple[Any, list[str]]]:
    """Return the value of an expression as a column of `kind`, and its faults, for each row of data.

    `money` is a currency, to read the expression as an amount in its major units, rounded.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    made = {
        name: pa.array(listed, (types or {}).get(name, pa.string()))
        for name, listed in data.items()
    }
    connection.register("given", pa.table(made))
    described = connection.execute("DESCRIBE given").fetchall()
    columns = {str(row[0]): SourceColumn(str(row[0]), str(row[1])) for row in described}
    layers, noted = Layers(), dict[str, list[Sql]]()

    def note(fault: Fault, condition: Sql) -> None:
        noted.setdefault(fault.code, []).append(layers.bind(condition))

    conversions = Conversions(zone, layers, note)
    scope = Scope(columns, {}, "given", text("given.csv"), exp.column("row"))
    value = Renderer(scope, conversions, layers, note).render(parse(expression))
    wanted, maker = Column("x", kind, optional=True), Columns(conversions, layers, note)
    if money:
        sql = maker.money("own", wanted, value, text(money), "half_up")
    else:
        sql = maker.make("own", wanted, value)
    flags = [f"coalesce({either(*found).sql('duckdb')}, false)" for found in noted.values()]
    row = "(SELECT *, row_number() OVER () AS row FROM given)"
    query = f"SELECT {', '.join([sql.sql('duckdb'), *flags])} FROM {layers.over(row)}"
    return [
        (found[0], sorted(code for code, hit in zip(noted, found[1:], strict=True) if hit))
        for found in connection.execute(query).fetchall()
    ]


def one(expression: str, kind: Kind, zone: ZoneInfo = SHANGHAI, **row: Any) -> Any:
    """Return the value for one row, which must have no fault."""
    ((value, faults),) = values(expression, kind, {k: [v] for k, v in row.items()}, zone=zone)
    assert faults == []
    return value


@pytest.mark.parametrize(
    ("expression", "kind", "expected"),
    [
        ("n * 3", Kind.NUMBER, Decimal("7.5")),
        ("n / 3 * 3", Kind.NUMBER, Decimal("2.5")),
        ("round(n / 3, 2)", Kind.NUMBER, Decimal("0.83")),
        ("round(-n)", Kind.NUMBER, Decimal(-3)),
        ("abs(-n) + 10%", Kind.NUMBER, Decimal("2.6")),
        ("-n - 1", Kind.NUMBER, Decimal("-3.5")),
        ("10% of n", Kind.NUMBER, Decimal("0.25")),
        ("n * 4", Kind.MONEY, 10),
        ("n * 2", Kind.COUNT, 5),
        ("concat(a, '-', trim(b))", Kind.TEXT, "a-b c"),
        ("concat(a, nothing)", Kind.TEXT, None),
        ("upper(coalesce(nothing, a))", Kind.TEXT, "A"),
        ("lower('ABC')", Kind.TEXT, "abc"),
        ("replace(big, ',', '')", Kind.MONEY, 1234567),
        ("number(replace(big, ',', '')) + 1", Kind.MONEY, 1234568),
        ("nullif(a, 'a')", Kind.TEXT, None),
        ("if(n > 2, 'many', 'few')", Kind.TEXT, "many"),
        ("if(n < 2, n, 7)", Kind.MONEY, 7),
        ("coalesce(number(nothing), n)", Kind.NUMBER, Decimal("2.5")),
        ("text(row_number())", Kind.TEXT, "1"),
        ("row_number()", Kind.COUNT, 1),
        ("concat(file_name(), input_name())", Kind.TEXT, "given.csvgiven"),
        ("null", Kind.INSTANT, None),
        ("n > 2 and n <= 2.5 and n <> 3 and not n = 4", Kind.FLAG, True),
        ("n between 1 and 2 or n in (1, 2.50)", Kind.FLAG, True),
        ("a in ('x', 'y')", Kind.FLAG, False),
        ("nothing is null and a is not null", Kind.FLAG, True),
        ("yes", Kind.FLAG, True),
        ("if(yes, no, yes)", Kind.FLAG, False),
        ("d", Kind.DAY, date(2025, 4, 1)),
        ("d < 2025-04-02", Kind.FLAG, True),
        ("t", Kind.INSTANT, at("2025-03-31 17:30")),
        ("t", Kind.DAY, date(2025, 4, 1)),
        ("t < 2025-04-01", Kind.FLAG, False),
        ("z", Kind.INSTANT, at("2025-03-31 23:30")),
        ("z", Kind.DAY, date(2025, 4, 1)),
        ("text(z)", Kind.TEXT, "2025-03-31T23:30:00Z"),
        ("text(day(z))", Kind.TEXT, "2025-04-01"),
        ("instant(uk, '%d/%m/%Y %H:%M')", Kind.INSTANT, at("2025-04-01 16:00")),
        ("day(uk, '%d/%m/%Y %H:%M')", Kind.DAY, date(2025, 4, 2)),
        ("coalesce(day(nothing), day(d))", Kind.DAY, date(2025, 4, 1)),
        ("coalesce(instant(nothing), instant(t))", Kind.INSTANT, at("2025-03-31 17:30")),
        ("d", Kind.INSTANT, at("2025-03-31 16:00")),
        ("'it''s'", Kind.TEXT, "it's"),
        ("2025-04-01", Kind.DAY, date(2025, 4, 1)),
    ],
)  # fmt: skip
def test_what_an_expression_gives(expression: str, kind: Kind, expected: Any) -> None:
    row: dict[str, Any] = {
        "n": "2.5", "a": "a", "b": " b c ", "nothing": None, "big": "1,234,567", "yes": "Yes",
        "no": "0", "d": "2025-04-01", "t": "2025-04-01 01:30", "z": "2025-03-31T23:30:00Z",
        "uk": "02/04/2025 00:00",
    }  # fmt: skip
    assert one(expression, kind, SHANGHAI, **row) == expected


@pytest.mark.parametrize(
    ("expression", "kind", "row", "codes"),
    [
        ("n + 1", Kind.NUMBER, {"n": "x"}, ["FCT010"]),
        ("n", Kind.NUMBER, {"n": "1.123456789"}, ["FCT010"]),
        ("n", Kind.NUMBER, {"n": "1.1234567"}, ["FCT017"]),
        ("n / 0", Kind.NUMBER, {"n": "1"}, ["FCT010"]),
        ("n / 3", Kind.NUMBER, {"n": "1"}, ["FCT017"]),
        ("n * n * n", Kind.NUMBER, {"n": "9" * 20}, ["FCT014"]),
        ("n", Kind.MONEY, {"n": "9223372036854775808"}, ["FCT014"]),
        ("n", Kind.MONEY, {"n": "-9223372036854775808"}, ["FCT014"]),
        ("n", Kind.COUNT, {"n": "0.5"}, ["FCT010"]),
        ("n > 1", Kind.FLAG, {"n": "one"}, ["FCT010"]),
        ("coalesce(number(n), 1)", Kind.NUMBER, {"n": "one"}, ["FCT010"]),
        ("instant(n, '%d/%m/%Y')", Kind.INSTANT, {"n": "2025-04-01"}, ["FCT010"]),
        ("n", Kind.INSTANT, {"n": "2025-04-01 10:00 +08:00"}, ["FCT010"]),
        ("n", Kind.INSTANT, {"n": "infinity"}, ["FCT010"]),
        ("n", Kind.DAY, {"n": "epoch"}, ["FCT010"]),
        ("n", Kind.FLAG, {"n": "maybe"}, ["FCT010"]),
    ],
)
def test_what_an_expression_cannot_read(
    expression: str, kind: Kind, row: dict[str, str], codes: list[str]
) -> None:
    ((_, faults),) = values(expression, kind, {name: [value] for name, value in row.items()})
    assert faults == codes


def test_the_lowest_whole_number_is_no_amount() -> None:
    assert values("n", Kind.MONEY, {"n": [-(2**63)]}, {"n": pa.int64()})[0][1] == ["FCT014"]


def test_a_decimal_wider_than_ours_is_looked_at() -> None:
    wide, fine = pa.decimal128(20, 2), pa.decimal128(18, 7)
    assert values("n", Kind.NUMBER, {"n": [Decimal(10**12)]}, {"n": wide})[0][1] == ["FCT014"]
    assert values("n", Kind.NUMBER, {"n": [Decimal("0.0000001")]}, {"n": fine})[0][1] == ["FCT017"]
    assert values("n", Kind.NUMBER, {"n": [Decimal("1.25")]}, {"n": wide}) == [
        (Decimal("1.25"), [])
    ]


def test_the_largest_amounts_pass() -> None:
    largest = 2**63 - 1
    found = values("n", Kind.MONEY, {"n": [str(largest), str(-largest), "1.00"]})
    assert found == [(largest, []), (-largest, []), (1, [])]


@pytest.mark.parametrize(
    ("value", "money", "expected"),
    [
        (2.675, "CNY", 268), (-2.675, "CNY", -268), (1.005, "EUR", 101), (0.5, "JPY", 1), (-0.5, "JPY", -1),
        (1.0005, "KWD", 1001), (123456789012.34, "CNY", 12345678901234), (1e-8, "CNY", 0), (3.0, "CNY", 300),
    ],
)  # fmt: skip
def test_a_float_is_the_decimal_it_is_printed_as(value: float, money: str, expected: int) -> None:
    types = {"n": pa.float64()}
    assert values("n", Kind.MONEY, {"n": [value]}, types, money=money) == [(expected, [])]


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        (0.1 + 0.2, ["FCT017"]), (1e-9, ["FCT017"]), (1e-30, ["FCT017"]), (1e20, ["FCT010"]),
        (float("nan"), ["FCT010"]), (float("inf"), ["FCT010"]), (float("-inf"), ["FCT010"]),
    ],
)  # fmt: skip
def test_a_float_that_is_no_short_decimal_is_told(value: float, codes: list[str]) -> None:
    ((_, faults),) = values("n", Kind.MONEY, {"n": [value]}, {"n": pa.float64()}, money="CNY")
    assert faults == codes


def test_noise_in_a_float_is_rounded_away_on_purpose() -> None:
    found = values("round(n, 2)", Kind.MONEY, {"n": [0.1 + 0.2]}, {"n": pa.float64()}, money="CNY")
    assert found == [(30, [])]


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        (pa.float64(), 17850.0, "17850"), (pa.float64(), 1.5, "1.5"), (pa.float32(), 0.1, "0.1"),
        (pa.decimal128(10, 2), Decimal("12.50"), "12.5"), (pa.decimal128(10, 2), Decimal("100.00"), "100"),
        (pa.decimal128(10, 0), Decimal(100), "100"), (pa.int64(), 100, "100"), (pa.uint8(), 7, "7"),
        (pa.bool_(), True, "true"), (pa.date32(), date(2025, 4, 1), "2025-04-01"),
    ],
)  # fmt: skip
def test_numbers_and_days_as_text(type_: pa.DataType, value: Any, expected: str) -> None:
    assert values("n", Kind.TEXT, {"n": [value]}, {"n": type_}) == [(expected, [])]


decimals = st.decimals(-(10**9), 10**9, places=4).map(Decimal)


@settings(max_examples=20)
@given(st.lists(st.tuples(decimals, decimals, st.integers(1, 10**6)), min_size=1, max_size=20))
def test_money_is_exact_and_rounded_once(rows: list[tuple[Decimal, Decimal, int]]) -> None:
    """Sums, products and quotients of what is read equal fractions; one rounding, halves up."""
    types = {"b": pa.decimal128(18, 4), "c": pa.int64()}
    typed: dict[str, list[Any]] = {
        "a": [str(row[0]) for row in rows],
        "b": [row[1] for row in rows],
        "c": [row[2] for row in rows],
    }
    for expression, exact in (
        ("a * c + b", lambda a, b, c: a * c + b),
        ("(a - b) / c", lambda a, b, c: (a - b) / c),
        ("a * b / c / 1.06", lambda a, b, c: a * b / c / Fraction("1.06")),
    ):
        found = values(expression, Kind.MONEY, typed, types, money="CNY")
        expected = [round_half_up(exact(*(Fraction(value) for value in row)) * 100) for row in rows]
        assert [
            minor if abs(minor) < 2**63 else None for minor in expected
        ] == [value for value, _ in found]  # fmt: skip
        assert [abs(minor) >= 2**63 for minor in expected] == [
            faults == ["FCT014"] for _, faults in found
        ]


ZONES = [
    ZoneInfo(name)
    for name in ("Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Shanghai", "UTC")
]


@settings(max_examples=20)
@given(
    st.sampled_from(ZONES),
    st.lists(st.datetimes(at("1990-01-02"), at("2100-12-30")), min_size=1, max_size=50),
)
def test_local_times_are_what_python_says(zone: ZoneInfo, locals_: list[datetime]) -> None:
    near = [change.at + change.after for change in zones.changes(zone)[1][:20]]
    tried = [*locals_, *near, *(moment - timedelta(minutes=20) for moment in near)]
    types = {"t": pa.timestamp("us")}
    found = values("t", Kind.INSTANT, {"t": tried}, types, zone=zone)
    utc = [t.replace(tzinfo=zone, fold=0).astimezone(UTC).replace(tzinfo=None) for t in tried]
    assert [value for value, _ in found] == utc
    zoned = {"t": pa.timestamp("us", "UTC")}
    days = values("t", Kind.DAY, {"t": utc}, zoned, zone=zone)
    assert [value for value, _ in days] == [
        moment.replace(tzinfo=UTC).astimezone(zone).date() for moment in utc
    ]


def test_clocks_set_back_and_forward() -> None:
    """Twice in the year a local time is not one instant: the first of two, or as before the change."""
    twice, never = "2025-10-26 01:30", "2025-03-30 01:30"
    assert one("t", Kind.INSTANT, LONDON, t=twice) == at("2025-10-26 00:30")
    assert one("t", Kind.INSTANT, LONDON, t=never) == at("2025-03-30 01:30")
    assert one("t", Kind.INSTANT, LONDON, t="2025-10-26 01:30+00:00") == at("2025-10-26 01:30")
