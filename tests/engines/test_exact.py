"""What a tree is worth is the same in SQL, in the product's plain Python and in the tests' own."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from cogrow.engines.exact import Renderer, start_of_day
from cogrow.engines.ratio import Ratio, ceiling, rounded, whole
from cogrow.expressions.evaluate import evaluate
from cogrow.expressions.tree import NUMERIC, Const, Op, Tree, Unit, Value
from cogrow.money import round_half_up
from cogrow.period import steady_offset
from tests.fact_files import instant
from tests.plain_values import value_of

DATABASE = duckdb.connect()
SHANGHAI = ZoneInfo("Asia/Shanghai")

#: One row of values by name: unit, column type, value as facts hold it, and what it divides by in SQL.
VALUES: dict[str, tuple[Unit, str, Any, int | str]] = {
    "gmv": (Unit.MONEY, "BIGINT", 12_345, 1),
    "debt": (Unit.MONEY, "BIGINT", -700, 1),
    "nothing": (Unit.MONEY, "BIGINT", 0, 1),
    "fee": (Unit.MONEY, "BIGINT", None, 1),
    "mean": (Unit.MONEY, "INT128", 1_000, "three"),
    "no_mean": (Unit.MONEY, "INT128", 0, "none"),
    "orders": (Unit.COUNT, "BIGINT", 7, 1),
    "no_orders": (Unit.COUNT, "BIGINT", 0, 1),
    "rating": (Unit.NUMBER, "BIGINT", 4_590_000, 10**6),
    "no_rating": (Unit.NUMBER, "BIGINT", None, 10**6),
    "vip": (Unit.FLAG, "BOOLEAN", True, 1),
    "not_vip": (Unit.FLAG, "BOOLEAN", False, 1),
    "perhaps": (Unit.FLAG, "BOOLEAN", None, 1),
    "tier": (Unit.TEXT, "VARCHAR", "Gold", 1),
    "no_tier": (Unit.TEXT, "VARCHAR", None, 1),
    "joined": (Unit.DAY, "DATE", date(2024, 2, 29), 1),
    "never": (Unit.DAY, "DATE", None, 1),
    "seen": (Unit.INSTANT, "TIMESTAMP", instant("2024-02-29 16:00:00.000001"), 1),
    "unseen": (Unit.INSTANT, "TIMESTAMP", None, 1),
}
BELOW = {"three": 3, "none": None}


def known(name: str) -> Any:
    """Return the value called `name` as plain Python has it."""
    unit, _, value, below = VALUES[name]
    if value is None or unit not in NUMERIC:
        return value
    divisor = BELOW[below] if isinstance(below, str) else below
    return None if divisor is None else Fraction(value, divisor)


def row_of_values() -> exp.Select:
    """Return a query of one row with every value and denominator."""
    query = exp.select()
    for name, (_, kind, value, _) in VALUES.items():
        literal = (
            exp.null() if value is None else exp.convert(str(value) if kind[0] in "DT" else value)
        )
        query = query.select(exp.alias_(exp.cast(literal, kind), name))
    for name, number in BELOW.items():
        query = query.select(exp.alias_(exp.cast(exp.convert(number), "INT128"), name))
    return query


RENDERER = Renderer(
    SHANGHAI,
    {
        name: Ratio(exp.column(name), exp.column(below) if isinstance(below, str) else below)
        for name, (_, _, _, below) in VALUES.items()
    },
)


def in_sql(trees: list[Tree]) -> list[Any]:
    """Return what DuckDB makes of each tree over the row of values."""
    query = exp.select().from_(row_of_values().subquery("given"))
    for number, tree in enumerate(trees):
        if tree.unit in NUMERIC:
            ratio = RENDERER.ratio(tree)
            below = (
                whole(ratio.denominator)
                if isinstance(ratio.denominator, int)
                else ratio.denominator
            )
            query = query.select(
                exp.alias_(ratio.numerator, f"v{number}"), exp.alias_(below, f"d{number}")
            )
        else:
            query = query.select(
                exp.alias_(RENDERER.any(tree), f"v{number}"), exp.alias_(whole(1), f"d{number}")
            )
    found = DATABASE.execute(query.sql("duckdb")).fetchone()
    assert found is not None
    return [
        value
        if value is None or tree.unit not in NUMERIC
        else None
        if divisor is None
        else Fraction(value, divisor)
        for tree, value, divisor in zip(trees, found[::2], found[1::2], strict=True)
    ]


# -- trees as the resolver makes them: units that fit ------------------------------------------------


def leaves(unit: Unit) -> st.SearchStrategy[Tree]:
    names = [name for name, (of, *_) in VALUES.items() if of is unit]
    constants: dict[Unit, list[Any]] = {
        Unit.MONEY: [Fraction(n) for n in (0, 1, 500, -3, 99_999)],
        Unit.COUNT: [Fraction(n) for n in (0, 1, 12)],
        Unit.NUMBER: [Fraction(n) for n in ("0.5", "-2", "1/3", "4.6", "0", "1.1")],
        Unit.TEXT: ["gold", "Gold", "", "it's"],
        Unit.FLAG: [True, False],
        Unit.DAY: [date(2024, 3, 1), date(2023, 2, 28)],
        Unit.DURATION: [timedelta(days=30), timedelta(hours=36), timedelta(minutes=1)],
    }
    found: list[Tree] = [Value(name, unit) for name in names]
    found += [Const(value, unit) for value in constants.get(unit, [])]
    return st.sampled_from(found)


def operations(unit: Unit) -> list[str]:
    choices = ["if", "coalesce"]
    if unit in NUMERIC:
        choices = ["+", "-", "*", "/", "neg", "abs", "least", "greatest", "if", "coalesce", "least"]
        choices += ["days_between"] if unit is Unit.COUNT else []
    elif unit is Unit.FLAG:
        choices = [
            "and",
            "or",
            "not",
            "is_null",
            "=",
            "<>",
            "<",
            "<=",
            ">",
            ">=",
            "in",
            "starts_with",
            "if",
            "coalesce",
        ]
    elif unit is Unit.TEXT:
        choices = ["lower", "if", "coalesce"]
    elif unit is Unit.DAY:
        choices = ["shift", "if", "coalesce"]
    elif unit is Unit.INSTANT:
        choices = ["shift", "start_of_day", "if", "coalesce"]
    elif unit is Unit.DURATION:
        choices = ["between"]
    return choices


@st.composite
def trees(draw: st.DrawFn, unit: Unit, depth: int = 3) -> Tree:
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(leaves(unit))

    def sub(of: Unit = unit) -> Tree:
        return draw(trees(of, depth - 1))

    op = draw(st.sampled_from(operations(unit)))
    if op == "if":
        return Op("if", (sub(Unit.FLAG), sub(), sub()), unit)
    if op in ("coalesce", "least", "greatest"):
        return Op(op, tuple(sub() for _ in range(draw(st.integers(2, 3)))), unit)
    if op in ("neg", "abs", "not", "lower"):
        return Op(op, (sub(),), unit)
    if op in ("and", "or"):
        return Op(op, (sub(), sub()), unit)
    if op == "is_null":
        return Op(
            op, (sub(draw(st.sampled_from([u for u in Unit if u is not Unit.DURATION]))),), unit
        )
    if op in ("=", "<>", "in"):
        of = draw(st.sampled_from([Unit.MONEY, Unit.NUMBER, Unit.TEXT, Unit.DAY, Unit.INSTANT]))
        return Op(op, tuple(sub(of) for _ in range(3 if op == "in" else 2)), unit)
    if op in ("<", "<=", ">", ">="):
        of = draw(
            st.sampled_from(
                [Unit.MONEY, Unit.COUNT, Unit.NUMBER, Unit.DAY, Unit.INSTANT, Unit.DURATION]
            )
        )
        return Op(op, (sub(of), sub(of)), unit)
    if op == "starts_with":
        return Op(op, (sub(Unit.TEXT), sub(Unit.TEXT)), unit)
    if op == "start_of_day":
        return Op(op, (sub(Unit.DAY),), unit)
    if op == "shift":
        length = draw(leaves(Unit.DURATION))
        if unit is Unit.DAY:  # the resolver lets a day move by whole days only
            length = Const(timedelta(days=draw(st.sampled_from([1, 30, 365]))), Unit.DURATION)
        return Op(draw(st.sampled_from("+-")), (sub(), length), unit)
    if op == "between":
        of = draw(st.sampled_from([Unit.DAY, Unit.INSTANT]))
        return Op("-", (sub(of), sub(of)), unit)
    if op == "days_between":
        of = draw(st.sampled_from([Unit.DAY, Unit.INSTANT]))
        return Op(op, (sub(of), sub(of)), unit)
    if op == "*":
        return Op(op, (sub(Unit.NUMBER), sub()), unit)
    if op == "/":
        divisor = sub(Unit.NUMBER)
        if isinstance(divisor, Const) and divisor.value == 0:  # the resolver refuses it
            divisor = Value("no_orders", Unit.COUNT)
        return Op(op, (sub(), divisor), unit)
    return Op(op, (sub(), sub()), unit)


UNITS = [Unit.MONEY, Unit.NUMBER, Unit.COUNT, Unit.FLAG, Unit.TEXT, Unit.DAY, Unit.INSTANT]


@settings(max_examples=16, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(UNITS).flatmap(trees), min_size=12, max_size=12))
def test_sql_and_plain_python_agree_on_any_tree(some):
    plain = [
        value_of(tree, SHANGHAI, named=lambda node: known(str(getattr(node, "name", ""))))
        for tree in some
    ]
    product = [
        evaluate(tree, {name: known(name) for name in VALUES}, zone=SHANGHAI) for tree in some
    ]
    assert product == plain
    try:
        found = in_sql(some)
    except duckdb.OutOfRangeException:  # beyond 128 bits: refused, never wrapped
        return
    assert found == plain


# -- rounding --------------------------------------------------------------------------------------

wholes = st.integers(-(10**30), 10**30)


def sql_number(node: exp.Expr) -> int:
    found = DATABASE.execute(exp.select(node).sql("duckdb")).fetchone()
    assert found is not None
    return int(found[0])


@settings(max_examples=60)
@given(wholes, st.integers(1, 10**6), st.booleans())
def test_rounding_in_sql_is_half_up_and_exact(numerator, denominator, dynamic):
    top = exp.cast(exp.Literal.string(str(numerator)), "INT128")
    below = exp.cast(whole(denominator), "INT128") if dynamic else denominator
    exact = Fraction(numerator, denominator)
    assert sql_number(rounded(Ratio(top, below))) == round_half_up(exact)
    assert sql_number(ceiling(Ratio(top.copy(), below))) == ceil(exact)


@pytest.mark.parametrize(
    ("numerator", "denominator", "up", "least"),
    [
        (5, 2, 3, 3),
        (-5, 2, -3, -2),
        (7, 3, 2, 3),
        (-7, 3, -2, -2),
        (0, 9, 0, 0),
        (1, 2, 1, 1),
        (-1, 2, -1, 0),
    ],
)
def test_rounding_by_hand(numerator, denominator, up, least):
    ratio = Ratio(whole(numerator), denominator)
    assert (sql_number(rounded(ratio)), sql_number(ceiling(ratio))) == (up, least)


def test_money_is_never_added_as_a_double():
    """0.1 is one tenth: three of them are three tenths."""
    tree = Op(
        "=",
        (
            Const(Fraction(3, 10), Unit.NUMBER),
            Op(
                "*",
                (Const(Fraction(3), Unit.NUMBER), Const(Fraction(1, 10), Unit.NUMBER)),
                Unit.NUMBER,
            ),
        ),
        Unit.FLAG,
    )
    assert in_sql([tree]) == [True]
    large = Op(
        "-",
        (Const(Fraction(2**62), Unit.MONEY), Const(Fraction(2**62 - 1), Unit.MONEY)),
        Unit.MONEY,
    )
    assert in_sql([large]) == [floor(Fraction(1))]


ZONES = (
    "Asia/Shanghai",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Europe/Berlin",
    "UTC",
    "Asia/Pyongyang",
)


@pytest.mark.parametrize("name", ZONES)
def test_a_day_begins_where_the_zone_says(name):
    """Of every day from 1990 on, whether the zone's clocks still change or have not for decades."""
    zone = ZoneInfo(name)
    begins = start_of_day(exp.column("day"), zone).sql(dialect="duckdb")
    days = "range(TIMESTAMP '1990-01-01', TIMESTAMP '2101-01-01', INTERVAL 1 DAY)"
    query = f"SELECT day, {begins} FROM (SELECT unnest({days})::DATE AS day)"
    rows = DATABASE.execute(query).fetchall()
    assert len(rows) > 40_000
    for day, begun in rows:
        should = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC).replace(tzinfo=None)
        assert begun == should, day


def test_only_zones_whose_clocks_stand_still_are_moved_by_a_constant():
    first, last = date(1990, 1, 1), date(2100, 1, 1)
    assert steady_offset(ZoneInfo("Europe/Berlin"), first, last) is None
    since, offset = steady_offset(SHANGHAI, first, last) or (None, None)
    assert since is not None
    assert date(1991, 9, 15) < since < date(1991, 10, 15)  # when China gave up summer time
    assert offset == timedelta(hours=8)
