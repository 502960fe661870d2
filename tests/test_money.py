"""Whole minor units: one rounding, fair splits, numbers read exactly."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogrow.money import (
    EXPONENTS,
    Money,
    format_minor,
    parse_number,
    round_half_up,
    split,
    to_minor,
)

amounts = st.integers(-(10**20), 10**20)
weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("exact", "whole"),
    [
        ("2.5", 3),
        ("-2.5", -3),
        ("2.4999", 2),
        ("0.5", 1),
        ("-0.5", -1),
        ("0", 0),
        ("7", 7),
        ("1/3", 0),
    ],
)
def test_halves_go_up_and_away_from_zero(exact, whole):
    assert round_half_up(Fraction(exact)) == whole


@given(st.integers(-(10**12), 10**12), st.sampled_from([1, 2, 4, 5, 8, 10, 125, 1000, 2**20]))
def test_rounding_is_the_decimal_one(numerator, denominator):
    with localcontext(prec=60):
        exact = Decimal(numerator) / Decimal(denominator)
        assert round_half_up(Fraction(numerator, denominator)) == exact.quantize(
            Decimal(1), ROUND_HALF_UP
        )


@given(st.fractions())
def test_rounding_is_symmetric_and_moves_by_half_at_most(exact):
    assert round_half_up(-exact) == -round_half_up(exact)
    assert abs(round_half_up(exact) - exact) <= Fraction(1, 2)


@given(amounts, weights)
def test_parts_add_up_and_lie_within_a_unit_of_their_share(minor, shares):
    parts = split(minor, shares)
    assert sum(parts) == minor
    if sum(shares):
        for part, share in zip(parts, shares, strict=True):
            assert abs(part - Fraction(minor * share, sum(shares))) < 1
            assert part * minor >= 0
            assert share or not part


@given(amounts, weights, weights)
def test_a_part_depends_on_what_comes_before_it_only_through_the_total(minor, shares, more):
    """Running shares: the parts of a prefix add up to the prefix's own share, rounded once."""
    whole = [*shares, *more]
    if sum(whole):
        exact = Fraction(abs(minor) * sum(shares), sum(whole))
        assert abs(sum(split(minor, whole)[: len(shares)])) == exact.numerator // exact.denominator


@given(amounts, weights)
def test_a_split_mirrors(minor, shares):
    assert split(-minor, shares) == [-part for part in split(minor, shares)]


def test_without_weights_the_first_takes_all():
    assert split(-7, [0, 0, 0]) == [-7, 0, 0]


@pytest.mark.parametrize("shares", [[], [1, -1]])
def test_shares_must_be_there_and_not_negative(shares):
    with pytest.raises(ValueError, match="weights"):
        split(1, shares)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", "12"), ("1_000.50", "1000.5"), ("-3", "-3"), ("0.1", "1/10"), ("1_234_567", "1234567"),
        ("007", "7"), ("0.000001", "1/1000000"),
    ],
)  # fmt: skip
def test_numbers_are_read_exactly(text, value):
    assert parse_number(text) == Fraction(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1e3",
        "1,000",
        ".5",
        "5.",
        "1_00",
        "_1",
        "1__000",
        "+1",
        "٣",
        "1.0_0",
        "inf",
        " 1",
        "1/2",
    ],
)
def test_what_is_no_number(text):
    assert parse_number(text) is None


def test_parts_of_a_minor_unit_are_not_rounded_away():
    assert to_minor(Fraction("12.34"), "CNY") == 1234
    assert to_minor(Fraction("12.345"), "CNY") is None
    assert to_minor(Fraction("12.345"), "KWD") == 12345
    assert to_minor(Fraction(12), "JPY") == 12
    assert to_minor(Fraction("0.5"), "JPY") is None


@given(st.integers(-(10**15), 10**15), st.sampled_from(sorted(EXPONENTS)))
def test_what_is_shown_reads_back(minor, currency):
    shown = format_minor(minor, currency)
    assert to_minor(Fraction(shown.replace(",", "")), currency) == minor
    assert str(Money(minor, currency)) == f"{shown} {currency}"


def test_shown_with_separators_and_all_decimals():
    assert format_minor(1234567, "CNY") == "12,345.67"
    assert format_minor(-5, "CNY") == "-0.05"
    assert format_minor(1000, "JPY") == "1,000"


@pytest.mark.parametrize("minor", [1.0, True, "1", Fraction(1)])
def test_minor_units_are_whole_numbers_and_nothing_else(minor):
    with pytest.raises(TypeError):
        Money(minor, "CNY")


def test_a_currency_is_known():
    with pytest.raises(ValueError, match="RMB"):
        Money(1, "RMB")
