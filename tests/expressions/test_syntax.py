"""What operators may write: how it binds, what it means exactly, where it goes wrong."""

from __future__ import annotations

import re
from datetime import date, timedelta
from fractions import Fraction
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogrow.expressions.syntax import (
    DEEPEST,
    KEYWORDS,
    LONGEST_TEXT,
    MOST_NODES,
    Call,
    ExpressionError,
    Literal,
    Name,
    Node,
    Operation,
    parse,
)


def shape(node: Node) -> str:
    """Return a tree as text with every bracket: what binds to what."""
    if isinstance(node, Operation):
        return "(" + " ".join([node.op, *map(shape, node.operands)]) + ")"
    if isinstance(node, Call):
        where = f" where {shape(node.where)}" if node.where else ""
        return f"{node.function}[{', '.join(map(shape, node.arguments))}{where}]"
    return str(node) if isinstance(node, Name) else str(getattr(node, "value", node))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b * c", "(+ a (* b c))"),
        ("(a + b) * c", "(* (+ a b) c)"),
        ("a - b - c", "(- (- a b) c)"),
        ("a / b / c", "(/ (/ a b) c)"),
        ("-a * b", "(* (neg a) b)"),
        ("-3 + a", "(+ -3 a)"),
        ("110% of baseline", "(* 11/10 baseline)"),
        ("a + 10% of b", "(+ a (* 1/10 b))"),
        ("a or b and c", "(or a (and b c))"),
        ("a and b and c or d", "(or (and a b c) d)"),
        ("not a = b and c", "(and (not (= a b)) c)"),
        ("a != b", "(<> a b)"),
        ("a in (1, 2)", "(in a 1 2)"),
        ("a not in ('x')", "(not (in a x))"),
        ("a is null or b is not null", "(or (is_null a) (not (is_null b)))"),
        ("a between 1 and 2 and b", "(and (and (>= a 1) (<= a 2)) b)"),
        ("sum(a - b where c = 'x')", "sum[(- a b) where (= c x)]"),
        ("if(a > 0, b, c)", "if[(> a 0), b, c]"),
        ("coalesce(t.a, 0)", "coalesce[t.a, 0]"),
        ("NOT TRUE", "(not True)"),
        ("a\n  + b", "(+ a b)"),
        ("'it''s' = a", "(= it's a)"),
        ("a + 30 days > 2025-01-01", "(> (+ a 30 days, 0:00:00) 2025-01-01)"),
    ],
)
def test_how_it_binds(text, tree):
    assert shape(parse(text)) == tree


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("0.1", "number", Fraction(1, 10)),
        ("33.33%", "percent", Fraction(3333, 10000)),
        ("5 %", "percent", Fraction(1, 20)),
        ("5_000 CNY", "CNY", Fraction(5000)),
        ("-2.50 USD", "USD", Fraction(-5, 2)),
        ("90 days", "day", None),
        ("1.5 hours", "duration", timedelta(minutes=90)),
        ("1 minute", "duration", timedelta(minutes=1)),
        ("2024-02-29", "day", date(2024, 2, 29)),
        ("''", "text", ""),
        ("true", "flag", True),
    ],
)
def test_constants_are_exact(text, kind, value):
    node = parse(text)
    assert isinstance(node, Literal)
    if value is not None:
        assert (node.kind, node.value) == (kind, value)
    else:
        assert node.value == timedelta(days=90)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", 0),
        ("a +", 3),
        ("(a", 2),
        ("a b", 2),
        ("a = 'x", 4),
        ('a = "x"', 4),
        ("a; drop table b", 1),
        ("a = 1_00", 4),
        ("a > 2025-02-30", 4),
        ("sum(a where)", 11),
        ("a in ()", 6),
        ("select a from b", 7),
        ("a || b", 2),
        ("a::int", 1),
        ("a[1]", 1),
        ("$1", 0),
        ("a.b.c", 3),
        ("1.5 days 3", 9),
        ("0.0001 minutes", 0),
        ("90_000 days", 0),
    ],
)
def test_where_it_goes_wrong(text, at):
    with pytest.raises(ExpressionError) as refused:
        parse(text)
    assert refused.value.at == at


def test_names_know_where_they_stand():
    node = parse("gmv >= 5 and merchants.tier = 'x'")
    places = {str(n): n.at for n in everything(node) if isinstance(n, Name)}
    assert places == {"gmv": 0, "merchants.tier": 13}


def everything(node: Node) -> list[Node]:
    return [node, *(inner for part in node.parts for inner in everything(part))]


def test_the_limits_are_where_they_say():
    parse("abs(" * (DEEPEST - 1) + "a" + ")" * (DEEPEST - 1))
    with pytest.raises(ExpressionError, match="deep"):
        parse("abs(" * DEEPEST + "a" + ")" * DEEPEST)
    parse("f(" + ", ".join(["a"] * (MOST_NODES - 1)) + ")")
    with pytest.raises(ExpressionError, match="parts"):
        parse("f(" + ", ".join(["a"] * MOST_NODES) + ")")
    parse("'" + "x" * (LONGEST_TEXT - 2) + "'")
    with pytest.raises(ExpressionError, match="characters"):
        parse("'" + "x" * (LONGEST_TEXT - 1) + "'")


@pytest.mark.parametrize(
    "text",
    ["(" * 1999 + "a" + ")" * 1999 + " +", "not " * 999 + "a", "-" * 3999 + "a", "a+" * 1999 + "a"],
)
def test_depth_is_refused_without_recursion(text):
    with pytest.raises(ExpressionError):
        parse(text)


def test_brackets_alone_cost_no_depth():
    assert shape(parse("(" * 1000 + "a" + ")" * 1000)) == "a"


def test_keywords_are_the_words_of_the_grammar():
    """Nothing can be called by one, so that a text reads one way."""
    grammar = files("cogrow.expressions").joinpath("grammar.lark").read_text("utf-8")
    words = set(re.findall(r"/([a-z]+)\\b/i", grammar))
    for plural in re.findall(r"/\(([a-z?|]+)\)\\b/i", grammar):
        for word in plural.split("|"):
            words |= {word.replace("s?", ""), word.replace("?", "")}
    assert words == KEYWORDS


@given(st.text(max_size=60))
def test_any_text_is_a_tree_or_an_error_inside_it(text):
    try:
        node = parse(text)
    except ExpressionError as error:
        assert 0 <= error.at <= len(text)
    else:
        assert all(0 <= inner.at < len(text) for inner in everything(node))


@given(
    st.fractions(min_value=0, max_value=10**9, max_denominator=1000).filter(
        lambda v: 1000 % v.denominator == 0
    )
)
def test_any_decimal_is_read_exactly(value):
    whole, thousandths = divmod(value.numerator * (1000 // value.denominator), 1000)
    node = parse(f"{whole}.{thousandths:03d}")
    assert isinstance(node, Literal)
    assert node.value == value
