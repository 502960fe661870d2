"""Curves say exactly where what is paid turns, jumps and falls, and under which assumptions."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cogrow.expressions.pieces import Line
from cogrow.expressions.tree import Const, Op, Tree, Unit, Value, number
from cogrow.programs.foresight.bound import extent
from cogrow.programs.foresight.curve import Cliff, Curve, Fall, Piece
from cogrow.programs.foresight.degree import degree
from cogrow.programs.foresight.paid import curves
from cogrow.programs.parse import parse
from cogrow.programs.program import Program
from cogrow.programs.reading.constants import by_example

HEAD = """\
program: drawn
title: {zh: 例, en: Drawn}
direction: commission
currency: CNY
gates: [baseline > 0, rating >= 4]
period: {from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}
qualifying: {order_lines: all}
baseline: net_sales of the same quarter last year
"""


def program(body: str) -> Program:
    parsed = parse((HEAD + body).encode(), "x.yaml")
    assert parsed.program is not None, [issue.text() for issue in parsed.issues]
    return parsed.program


def curve(body: str, **held: int) -> Curve:
    (found,) = curves(program(body), {name: Fraction(value) for name, value in held.items()})
    return found


def line(slope: str | int, intercept: int = 0) -> Line:
    return Line(Fraction(slope), Fraction(intercept))


TWO_TIERS = """\
reward:
  retroactive:
    pays_on: net_sales
    tiers: [{from: 110% of baseline, rate: 1%}, {from: 120% of baseline, rate: RATE}]
"""


def test_the_pieces_of_two_targets_are_exact():
    found = curve(TWO_TIERS.replace("RATE", "3%") + "limits: {per_merchant: 100}", baseline=300_000)
    assert found.pieces() == [
        Piece(Fraction(0), Fraction(330_000), line(0)),
        Piece(Fraction(330_000), Fraction(360_000), line("1/100")),
        # 100.00 are reached right at the cliff: 3 % of 360,000 are more.
        Piece(Fraction(360_000), None, line(0, 10_000)),
    ]
    first, second = found.cliffs()
    assert first == Cliff(Fraction(330_000), Fraction(0), Fraction(3_300))
    assert second == Cliff(Fraction(360_000), Fraction(3_600), Fraction(10_000))
    assert (first.share, second.share) == (None, Fraction(16, 9))
    assert found.falls() == []


def test_a_cap_is_reached_at_a_value_no_decimal_has():
    found = curve("reward: {rate: {pays_on: net_sales, rate: 3%}}\nlimits: {per_merchant: 100}")
    assert [piece.low for piece in found.pieces()] == [0, Fraction(1_000_000, 3)]


def test_a_fall_is_told_from_where_it_begins_to_where_it_is_made_good():
    found = curve(TWO_TIERS.replace("RATE", "0.5%"), baseline=100)
    (fall,) = found.falls()
    before, lowest = Fraction(120, 100), Fraction(60, 100)
    assert fall == Fall(Fraction(120), Fraction(240), before, lowest)
    assert curve(TWO_TIERS.replace("RATE", "0%"), baseline=100).falls()[0].high is None


def test_a_reward_that_turns_falls_from_the_turn_on():
    turning = "reward: {rate: {pays_on: 'least(net_sales, 100 - net_sales)', rate: 100%}}"
    (fall,) = curve(turning).falls()
    assert fall == Fall(Fraction(5_000), None, Fraction(5_000), Fraction(0))
    saw = "reward: {rate: {pays_on: 'if(net_sales < 50, net_sales, net_sales - 30)', rate: 100%}}"
    assert curve(saw).falls() == [
        Fall(Fraction(5_000), Fraction(8_000), Fraction(5_000), Fraction(2_000))
    ]


def test_an_open_bound_belongs_to_the_piece_before():
    found = curve("reward: {when: net_sales > 50, flat: {amount: 7}}")
    assert found.pieces() == [
        Piece(Fraction(0), Fraction(5_000), line(0), high_in=True),
        Piece(Fraction(5_000), None, line(0, 700), low_in=False),
    ]


def test_a_single_value_may_pay_apart():
    found = curve("reward: {when: orders = 5, flat: {amount: 7}}").pieces()
    assert Piece(Fraction(5), Fraction(5), line(0, 700), high_in=True) in found
    assert [str(piece.low) for piece in found] == ["0", "5", "5"]


def test_what_is_no_straight_line_is_said_to_be_none():
    found = curve(
        "reward: {rate: {pays_on: net_sales * (net_sales / baseline), rate: 1%}}", baseline=1
    )
    assert [piece.line for piece in found.pieces()] == [None]


def test_conditions_on_other_things_are_taken_as_met_and_drawn_apart():
    body = """\
reward:
  - {name: all, rate: {pays_on: net_sales, rate: 1%}}
  - {name: more, rate: {pays_on: net_sales, rate: 2%}}
  - {name: live, when: orders >= 3, rate: {pays_on: net_sales, rate: 5%}}
  - {name: each, rate: {pays_on: orders, rate: 0.50 CNY}}
"""
    found = curves(program(body))
    assert [(c.metric, c.components, c.whole) for c in found] == [
        ("net_sales", ("all", "more"), False),
        ("net_sales", ("live",), False),
        ("orders", ("each",), False),
    ]
    assert [c.assumes for c in found] == [
        ("baseline > 0", "rating >= 4"),
        ("orders >= 3", "baseline > 0", "rating >= 4"),
        ("baseline > 0", "rating >= 4"),
    ]
    assert found[0].pieces() == [Piece(Fraction(0), None, line("3/100"))]


def test_a_condition_on_the_metric_is_part_of_the_curve():
    body = "reward: {when: net_sales >= 10 or orders >= 3, rate: {pays_on: net_sales, rate: 100%}}"
    found = curve(body, orders=0)
    assert [cliff.at for cliff in found.cliffs()] == [1_000]
    assert curve(body, orders=3).cliffs() == []


def test_what_follows_from_the_metric_follows_it():
    body = """\
metrics: {fee: 2% of net_sales}
targets: {goal: baseline + 50}
reward: {retroactive: {qualifies_on: net_sales, pays_on: fee, tiers: [{from: goal, rate: 50%}]}}
"""
    found = curve(body, baseline=5_000)
    assert found.pieces()[-1] == Piece(Fraction(10_000), None, line("1/100"))
    assert set(found.held) == {"baseline"}


def test_a_component_for_things_is_drawn_for_one_thing_with_its_own_cap():
    body = """\
reward:
  per: product
  limits: {each: 3}
  when: net_sales of the merchant >= 1_000
  rate: {pays_on: net_sales, rate: 1%}
limits: {per_merchant: 1}
"""
    found = curve(body)
    assert found.per == "product"
    assert found.pieces()[-1] == Piece(Fraction(30_000), None, line(0, 300))
    assert "net_sales of the merchant >= 1_000" in found.assumes


def test_a_minimum_holds_for_all_components_together_or_is_left_out():
    body = "reward: {rate: {pays_on: net_sales, rate: 1%}}\nlimits: {minimum: 2}\n"
    assert [cliff.after for cliff in curve(body).cliffs()] == [Fraction(399, 2)]
    two = body.replace("reward: {", "reward:\n- {name: one, ").replace(
        "}}\n", "}}\n- {flat: {amount: 1}}\n", 1
    )
    assert curves(program(two))[0].cliffs() == []


def test_values_are_held_at_what_is_given_then_at_the_example_then_at_round_figures():
    body = (
        "reward: {match: {pays_on: ad_spend, rate: 50%, limit: 'greatest(baseline, net_sales)'}}\n"
        "examples: [{it: x, given: {ad_spend: 1, baseline: 20, net_sales: 30}, pays: 0.50}]\n"
    )
    found = program(body)
    assert by_example(found) == {"ad_spend": 100, "baseline": 2_000, "net_sales": 3_000}
    (drawn,) = curves(found, by_example(found))
    assert dict(drawn.held) == {"baseline": 2_000, "net_sales": 3_000}
    (drawn,) = curves(found)
    assert dict(drawn.held) == dict.fromkeys(("baseline", "net_sales"), 100_000_000)


@pytest.mark.parametrize(
    ("tree", "grows"),
    [
        (Value("x", Unit.MONEY), 1),
        (number(7), 0),
        (Op("+", (Value("x", Unit.MONEY), number(7)), Unit.MONEY), None),
        (Op("+", (Value("x", Unit.MONEY), number(0)), Unit.MONEY), 1),
        (Op("/", (Value("x", Unit.MONEY), Value("y", Unit.MONEY)), Unit.NUMBER), 0),
        (Op("*", (Value("x", Unit.MONEY), Value("y", Unit.MONEY)), Unit.NUMBER), 2),
        (Op(">=", (Value("x", Unit.MONEY), number(7)), Unit.FLAG), None),
        (Const("gold", Unit.TEXT), 0),
    ],
)
def test_how_a_tree_grows_with_its_values(tree, grows):
    assert degree(tree) == grows


def test_only_a_program_of_the_baseline_alone_stands_for_every_merchant():
    assert curve(TWO_TIERS.replace("RATE", "3%")).scales
    assert not curve(TWO_TIERS.replace("RATE", "3%") + "limits: {per_merchant: 100}").scales
    assert not curve("reward: {rate: {pays_on: net_sales, rate: 3%}}").scales


def bounds(tree: Tree) -> tuple[object, object]:
    return extent(tree)


def test_bounds_of_trees_hold_whatever_the_values_are():
    x, y = Value("x", Unit.MONEY), Value("y", Unit.MONEY)
    two, three = number(2), number(3)
    low = Op("least", (x, three), Unit.MONEY)
    high = Op("greatest", (y, two), Unit.MONEY)
    both = Op("least", (high, three), Unit.MONEY)
    assert bounds(low) == (None, 3)
    assert bounds(both) == (2, 3)
    assert bounds(Op("-", (both, low), Unit.MONEY)) == (-1, None)
    assert bounds(Op("neg", (both,), Unit.MONEY)) == (-3, -2)
    assert bounds(Op("*", (number(-2), both), Unit.MONEY)) == (-6, -4)
    assert bounds(Op("*", (both, both), Unit.MONEY)) == (4, 9)
    assert bounds(Op("/", (both, two), Unit.MONEY)) == (None, None)
    assert bounds(Op("if", (Op(">", (x, y), Unit.FLAG), both, number(9)), Unit.MONEY)) == (2, 9)
    assert bounds(Op("coalesce", (both, number(-1)), Unit.MONEY)) == (-1, 3)
