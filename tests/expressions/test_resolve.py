"""From syntax to the typed tree: which table a name means, which units fit, what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cogrow.expressions.resolve import AGGREGATES, SCALARS, AggregateScope, fit, resolve
from cogrow.expressions.scope import RowScope, Schema, ValueScope
from cogrow.expressions.syntax import ExpressionError, parse
from cogrow.expressions.tree import (
    Aggregate,
    ColumnRef,
    Const,
    Op,
    Tree,
    Unit,
    Value,
    columns,
    walk,
)
from cogrow.facts import TABLES, Column, Kind

SCHEMA = Schema.canonical({
    "merchants": {"fee": Column("fee_minor", Kind.MONEY), "vip": Column("vip", Kind.FLAG)},
    "last_year": {"sales": Column("sales_minor", Kind.MONEY)},
})  # fmt: skip
VALUES = {"gmv": Unit.MONEY, "orders": Unit.COUNT, "rating": Unit.NUMBER}


def row(text: str, table: str = "order_lines", wanted: Unit | None = None) -> Tree:
    return resolve(parse(text), RowScope(SCHEMA, table), "CNY", wanted)


def metric(text: str, table: str = "order_lines") -> Tree:
    scope = ValueScope(SCHEMA, VALUES, AggregateScope(SCHEMA, table, "CNY"))
    return resolve(parse(text), scope, "CNY")


def value(text: str, wanted: Unit | None = None) -> Tree:
    return resolve(parse(text), ValueScope(SCHEMA, VALUES), "CNY", wanted)


@pytest.mark.parametrize(
    ("text", "table", "unit"),
    [
        ("sum(paid)", "order_lines", Unit.MONEY),
        ("sum(refunded)", "refunds", Unit.MONEY),
        ("sum(spend)", "ad_spend", Unit.MONEY),
        ("sum(paid where channel = 'live')", "order_lines", Unit.MONEY),
        ("sum(refunded where paid > 5)", "refunds", Unit.MONEY),
        ("sum(quantity)", "order_lines", Unit.COUNT),
        ("sum(quantity * 1.5)", "order_lines", Unit.NUMBER),
        ("count(orders)", "orders", Unit.COUNT),
        ("count_distinct(buyer_id)", "orders", Unit.COUNT),
        ("count_distinct(memberships.buyer_id)", "memberships", Unit.COUNT),
        ("average(rating)", "merchant_scores", Unit.NUMBER),
        ("max(paid)", "order_lines", Unit.MONEY),
        ("count_distinct(visitor_id where visits.source = 'offsite')", "visits", Unit.COUNT),
    ],
)
def test_an_aggregate_is_over_the_rows_that_hold_its_values(text, table, unit):
    tree = metric(text)
    assert isinstance(tree, Aggregate)
    assert (tree.table, tree.unit) == (table, unit)


def test_a_sum_over_two_tables_is_two_sums():
    """Joined first, each refund would be added once per line."""
    tree = metric("sum(paid - refunded where products.category = 'shoes')")
    assert isinstance(tree, Op)
    assert [part.table for part in tree.args if isinstance(part, Aggregate)] == [
        "order_lines",
        "refunds",
    ]
    assert all(isinstance(part, Aggregate) and part.where is not None for part in tree.args)


def test_a_sum_stays_in_the_table_of_what_it_adds():
    """`paid` of a refund's order line must not be added per refund."""
    for table in ("order_lines", "orders"):
        tree = metric("sum(paid)", table)
        assert isinstance(tree, Aggregate)
        assert tree.table == "order_lines"


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("status", "orders"), ("paid", "order_lines"), ("products.category", "products"),
        ("industry", "merchants"), ("merchant_id", "orders"), ("order_id", "order_lines"),
    ],
)  # fmt: skip
def test_a_name_in_a_row_is_the_nearest_column(text, of):
    tree = row(text)
    assert isinstance(tree, ColumnRef)
    assert tree.table == of


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("gmv + 5", Unit.MONEY), ("5 + gmv", Unit.MONEY), ("gmv * 1.1", Unit.MONEY), ("gmv / 2", Unit.MONEY),
        ("gmv / gmv", Unit.NUMBER), ("gmv / orders", Unit.MONEY), ("orders + 1", Unit.COUNT),
        ("orders * 2", Unit.NUMBER), ("orders / 2", Unit.NUMBER), ("orders + rating", Unit.NUMBER),
        ("-gmv", Unit.MONEY), ("greatest(gmv, 5, 3)", Unit.MONEY), ("if(orders > 1, gmv, 0)", Unit.MONEY),
        ("coalesce(merchants.fee, 0)", Unit.MONEY), ("gmv > 5", Unit.FLAG), ("merchants.vip", Unit.FLAG),
        ("merchants.joined_on + 30 days", Unit.DAY), ("last_year.sales", Unit.MONEY),
        ("merchants.joined_on - 2025-01-01", Unit.DURATION), ("targets.floor", Unit.MONEY),
        ("days_between(merchants.joined_on, 2025-01-01)", Unit.COUNT), ("lower(merchants.tier)", Unit.TEXT),
    ],
)  # fmt: skip
def test_units_follow_from_what_is_combined(text, unit):
    assert value(text).unit is unit


@pytest.mark.parametrize(
    "text",
    [
        "gmv + orders", "gmv > orders", "gmv * gmv", "orders / gmv", "1 / gmv", "merchants.tier + 1",
        "merchants.tier > 'a'", "merchants.vip > true", "gmv and true", "not gmv", "if(gmv, 1, 2)",
        "if(true, gmv, orders)", "merchants.joined_on > 5", "merchants.joined_on + 1", "abs(merchants.tier)",
        "merchants.joined_on + 12 hours", "starts_with(gmv, 'a')", "coalesce(merchants.tier, gmv)",
        "greatest(merchants.joined_on, 2025-01-01)", "5 USD + gmv", "gmv / 0", "gmv / (3 - 3)", "0.001 CNY",
        "gmv + 0.001", "merchants.merchant_id", "orders.status", "sum(paid)", "nonsense",
        "merchants.nonsense",
        "days_between(1, 2)", "gmv in (1, 'a')",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(text):
    with pytest.raises(ExpressionError):
        value(text)


@pytest.mark.parametrize(
    "text",
    [
        "paid", "sum(5)", "sum(status)", "sum(paid / quantity)", "sum(if(quantity > 1, paid / quantity, 0))",
        "count(buyer_id)", "count(5)", "count()", "sum()", "sum(paid, paid)", "sum(sum(paid))",
        "sum(paid where gmv > 5)", "sum(paid * rating)", "sum(paid where visitor_id = 'x')",
        "count_distinct(source)", "max(status)", "sum(merchants.fee)",
    ],
)  # fmt: skip
def test_what_cannot_be_added_up_is_refused(text):
    with pytest.raises(ExpressionError):
        metric(text)


def test_constants_are_folded_exactly():
    assert value("1 / 3 + 1 / 6") == Const(Fraction(1, 2), Unit.NUMBER)
    assert value("110% * 5", Unit.MONEY) == Const(Fraction(550), Unit.MONEY)
    assert value("-(2 - 5)") == Const(Fraction(3), Unit.NUMBER)


def test_a_bare_number_is_money_where_money_is_wanted():
    assert fit(Const(Fraction("12.34"), Unit.NUMBER), Unit.MONEY, "CNY") == Const(
        Fraction(1234), Unit.MONEY
    )
    assert fit(Const(Fraction(12), Unit.NUMBER), Unit.MONEY, "JPY") == Const(
        Fraction(12), Unit.MONEY
    )
    with pytest.raises(ExpressionError, match="smallest unit of JPY"):
        fit(Const(Fraction("0.5"), Unit.NUMBER), Unit.MONEY, "JPY")


def test_a_day_against_an_instant_is_the_midnight_it_begins():
    tree = row("placed_at >= 2025-05-01")
    assert isinstance(tree, Op)
    assert isinstance(tree.args[1], Op)
    assert tree.args[1].op == "start_of_day"


def test_nothing_but_listed_functions_can_be_called():
    assert {*AGGREGATES, *SCALARS} == {
        "sum", "count", "count_distinct", "average", "min", "max", "least", "greatest", "coalesce", "abs",
        "if", "days_between", "months_between", "starts_with", "lower",
    }  # fmt: skip
    for name in ("read_csv", "getenv", "system", "random", "now", "SUM"):
        with pytest.raises(ExpressionError, match="not known"):
            value(f"{name}(gmv)")


def test_nothing_but_declared_columns_can_be_read():
    for table in SCHEMA.tables:
        if table in TABLES:
            for word in SCHEMA.tables[table]:
                tree = row(f"{table}.{word}", table)
                assert columns(tree) == [tree]
    for text in (
        "information_schema.tables",
        "orders.rowid",
        "order_lines.filename",
        "all_orders.order_id",
    ):
        with pytest.raises(ExpressionError, match="not known"):
            row(text)


def test_a_key_is_no_value_but_the_day_of_an_enrollment():
    assert value("enrollments.enrolled_on") == Value("enrollments.enrolled_on", Unit.DAY)
    for key in ("enrollments.program", "targets.period", "merchants.merchant_id"):
        with pytest.raises(ExpressionError, match="is a key"):
            value(key)


def test_a_tree_is_walked_in_reading_order():
    tree = value("gmv + if(orders > 1, gmv, last_year.sales)")
    assert [node.name for node in walk(tree) if isinstance(node, Value)] == [
        "gmv",
        "orders",
        "gmv",
        "last_year.sales",
    ]
