"""A function piece by piece is the tree itself: at every number, on every bound, for any tree."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cogrow.expressions.evaluate import evaluate
from cogrow.expressions.pieces import BENT, ITSELF, Line, Pieces, always, pieces
from cogrow.expressions.tree import Const, Op, Tree, Unit, Value, number

X = Value("x", Unit.MONEY)
#: Other values of the merchant; one of them unknown.
HELD = {"y": Fraction(7, 2), "z": Fraction(-3), "unknown": None}
KNOWN = {"x": ITSELF, **{name: always(value) for name, value in HELD.items()}}

small = st.one_of(
    st.integers(-6, 6).map(Fraction), st.fractions(-10, 10, max_denominator=7), st.just(None)
)
LEAVES = [X, X, X, *(Value(name, Unit.MONEY) for name in HELD)]
TWO = ("+", "-", "*", "/", "+", "-")
COMPARE = ("=", "<>", "<", "<=", ">", ">=")


@st.composite
def trees(draw: st.DrawFn, depth: int = 4) -> Tree:
    """Return a tree that is a number."""
    name = draw(
        st.sampled_from(["leaf", *TWO, "neg", "abs", "least", "greatest", "coalesce", "if"])
    )
    if name == "leaf" or not depth:
        constants = small.map(lambda value: Const(value, Unit.MONEY))
        return draw(st.one_of(st.sampled_from(LEAVES), constants))
    args = [
        draw(trees(draw(st.integers(0, depth - 1))))
        for _ in range(1 if name in ("neg", "abs") else 2)
    ]
    if name == "if":
        return Op(name, (draw(conditions(depth - 1)), *args), Unit.MONEY)
    return Op(name, tuple(args), Unit.MONEY)


@st.composite
def conditions(draw: st.DrawFn, depth: int) -> Tree:
    """Return a tree that holds, does not, or is unknown."""
    name = draw(st.sampled_from([*COMPARE, *COMPARE, "in", "is_null", "and", "or", "not", "leaf"]))
    if name == "leaf" or not depth:
        return Const(draw(st.sampled_from([True, False, None])), Unit.FLAG)
    inner = conditions if name in ("and", "or", "not") else trees
    many = {"not": 1, "is_null": 1, "in": 3}.get(name, 2)
    return Op(name, tuple(draw(inner(depth - 1)) for _ in range(many)), Unit.FLAG)


def same(tree, at: Fraction, found: Pieces) -> None:
    wanted, is_found = evaluate(tree, {"x": at, **HELD}), found.at(at)
    assert is_found is BENT or is_found == wanted


@given(trees(), st.fractions(-50, 50, max_denominator=60))
@example(Op("/", (X, Op("-", (X, X), Unit.MONEY)), Unit.MONEY), Fraction(1))
@example(Op("/", (number(1), X), Unit.MONEY), Fraction(0))
@example(Op("if", (Op("=", (X, number(2)), Unit.FLAG), number(1), X), Unit.MONEY), Fraction(2))
@example(Op("if", (Op("in", (X, number(2)), Unit.FLAG), number(1), X), Unit.MONEY), Fraction(2))
def test_the_pieces_are_the_tree_at_any_number_and_on_every_bound(tree, at):
    found = pieces(tree, KNOWN)
    same(tree, at, found)
    for low, high, _ in found.spans():
        for bound in (bound for bound in {low, high} if bound is not None):
            for near in (bound - Fraction(1, 10**9), bound, bound + Fraction(1, 10**9)):
                same(tree, near, found)


def bends(tree) -> bool:
    """Tell whether the tree multiplies, or divides by, something with the value in it."""
    if not isinstance(tree, Op):
        return False
    inside = [arg for arg in tree.args if "x" in str(arg)]
    grows = tree.op == "*" and len(inside) > 1
    return grows or (tree.op == "/" and tree.args[1] in inside) or any(map(bends, tree.args))


@given(trees())
def test_nothing_is_bent_that_multiplies_and_divides_by_constants_alone(tree):
    assert bends(tree) or BENT not in pieces(tree, KNOWN).cells


def test_a_square_is_said_to_be_bent_where_it_counts():
    square = Op("*", (X, X), Unit.NUMBER)
    assert pieces(square, KNOWN) == Pieces((), (BENT,))
    kept = pieces(Op("if", (Op(">=", (X, number(3)), Unit.FLAG), square, X), Unit.NUMBER), KNOWN)
    assert (kept.at(Fraction(2)), kept.at(Fraction(3))) == (2, BENT)


def test_a_bound_where_nothing_happens_is_left_out():
    assert ITSELF.cut([Fraction(1), Fraction(2)]).joined() == ITSELF
    stepped = pieces(Op(">", (X, number(1)), Unit.FLAG), KNOWN)
    assert stepped == Pieces((Fraction(1),), (False, False, True))
    twice = Op("+", (X, Op("abs", (X,), Unit.MONEY)), Unit.MONEY)
    zero, two = Fraction(0), Fraction(2)
    level = Line(zero, zero)
    assert pieces(twice, KNOWN) == Pieces((zero,), (level, level, Line(two, zero)))


def test_texts_and_days_are_compared_like_anywhere_else():
    known = {"x": ITSELF, "tier": always("gold")}
    gold = Op("=", (Value("tier", Unit.TEXT), Const("gold", Unit.TEXT)), Unit.FLAG)
    assert pieces(Op("if", (gold, X, number(0)), Unit.MONEY), known) == ITSELF


def test_a_value_nobody_knows_is_our_fault():
    with pytest.raises(KeyError):
        pieces(Value("nobody", Unit.MONEY), KNOWN)
