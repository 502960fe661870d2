"""Every reward form: exact, never negative, nothing for the unknown, and monotone where it says so."""

from __future__ import annotations

import pkgutil
import sys
from dataclasses import replace
from fractions import Fraction
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cogrow import rewards as rewards_room
from cogrow.expressions.evaluate import evaluate
from cogrow.expressions.tree import Unit, Value, number
from cogrow.rewards.graduated import slices
from cogrow.rewards.registry import forms
from cogrow.rewards.terms import Key, Terms, Tier, by_tier, tier_reached
from tests.plain_values import value_of
from tests.reference.forms import exact

PAYS_ON, QUALIFIES_ON, OVER, LIMIT = (
    Value(name, Unit.MONEY) for name in ("pays_on", "qualifies_on", "over", "limit")
)
SHARE = Value("share", Unit.NUMBER)

measured = st.one_of(
    st.none(), st.fractions(-(10**9), 10**9, max_denominator=1000), st.integers(-(10**9), 10**9)
)
positive = st.fractions(0, 10**9, max_denominator=1000)
rates = st.fractions(0, 1, max_denominator=10_000)
shares = st.fractions(-1, 2, max_denominator=100)
starts = st.lists(st.integers(0, 10**9), min_size=1, max_size=6, unique=True).map(sorted)


@st.composite
def terms(draw: st.DrawFn, *, rising: bool = False) -> Terms:
    """Return terms every form can use; `rising`: later tiers pay no less, and the same value qualifies."""
    found = draw(starts)
    paid = draw(st.lists(rates, min_size=len(found), max_size=len(found)))
    fixed = draw(st.lists(st.integers(0, 10**6), min_size=len(found), max_size=len(found)))
    if rising:
        paid, fixed = sorted(paid), sorted(fixed)
    tiers = tuple(
        Tier(number(start, Unit.MONEY), rate, amount)
        for start, rate, amount in zip(found, paid, fixed, strict=True)
    )
    return Terms(
        PAYS_ON,
        PAYS_ON if rising or draw(st.booleans()) else QUALIFIES_ON,
        OVER,
        tiers,
        draw(rates),
        draw(st.integers(0, 10**6)),
        limit=LIMIT,
        share=draw(st.sampled_from([None, SHARE])),
        retained=draw(st.one_of(st.none(), rates)),
        retained_at_most=draw(st.sampled_from([None, LIMIT])),
        spend_limit=draw(st.sampled_from([None, LIMIT])),
    )


def known(
    pays_on: object,
    qualifies_on: object = None,
    over: object = 0,
    limit: object = 10**9,
    share: object = 1,
) -> dict[str, Fraction | None]:
    """Return the values of the names in `terms`, exact."""
    values = {"pays_on": pays_on, "qualifies_on": qualifies_on, "over": over}
    values |= {"limit": limit, "share": share}
    return {name: None if value is None else Fraction(str(value)) for name, value in values.items()}


def amount(form: str, of: Terms, *values: object, **named: object) -> Fraction | None:
    """Return what the form's own tree gives, unrounded."""
    found = evaluate(forms()[form].amount(of), known(*values, **named))
    assert found is None or isinstance(found, Fraction)
    return found


def start_of(tier: Tier) -> Fraction:
    start = evaluate(tier.start, {})
    assert isinstance(start, Fraction)
    return start


@pytest.mark.parametrize("form", sorted(forms()))
@given(terms(), st.tuples(measured, measured, measured, measured, st.none() | shares))
def test_a_form_pays_what_the_reference_pays(form, of, values):
    plain = known(*values)

    def ask(tree):
        return value_of(tree, ZoneInfo("UTC"), named=lambda node: plain[getattr(node, "name", "")])

    assert (amount(form, of, *values) or 0) == (exact(form, of, ask) or 0)


@pytest.mark.parametrize("form", sorted(forms()))
@given(terms(), st.tuples(measured, measured, positive, measured, shares))
def test_no_form_takes_money_away(form, of, values):
    assert (amount(form, of, *values) or 0) >= 0


@pytest.mark.parametrize("form", sorted(set(forms()) - {"flat"}))
@given(terms(rising=True))
def test_the_unknown_earns_nothing(form, of):
    assert not amount(form, of, None, None)


@pytest.mark.parametrize("form", sorted(forms()))
@given(terms(rising=True), positive, positive, positive)
def test_more_never_earns_less_where_later_tiers_pay_no_less(form, of, one, more, over):
    low, high = sorted([one, more])
    earned = amount(form, of, low, low, over), amount(form, of, high, high, over)
    assert (earned[0] or 0) <= (earned[1] or 0)


@given(terms(), positive, st.fractions(0, 1, max_denominator=100))
def test_graduated_has_no_cliff_whatever_its_rates(of, value, step):
    """One more of the value pays at most the highest rate on it: no jump where a tier begins."""
    before, after = amount("graduated", of, value), amount("graduated", of, value + step)
    assert before is not None
    assert after is not None
    assert 0 <= after - before <= step * max(tier.rate or 0 for tier in of.tiers)


@given(terms(), measured)
def test_slices_are_the_value_above_the_first_tier(of, value):
    assume(value is not None)
    parts = [evaluate(part, {"pays_on": Fraction(value)}) for part in slices(of)]
    first = start_of(of.tiers[0])
    assert all(isinstance(part, Fraction) and part >= 0 for part in parts)
    assert sum(part for part in parts if isinstance(part, Fraction)) == max(
        Fraction(value) - first, 0
    )


@given(terms())
def test_equality_belongs_to_the_tier(of):
    for position, tier in enumerate(of.tiers, start=1):
        start = start_of(tier)
        at = {"pays_on": start, "qualifies_on": start}
        under = {name: start - Fraction(1, 1000) for name in at}
        assert evaluate(tier_reached(of), at) == position
        assert evaluate(tier_reached(of), under) == position - 1
        assert evaluate(by_tier(of, lambda tier: tier.amount, Unit.MONEY), at) == tier.amount


def test_growth_pays_on_what_is_above():
    of = Terms(PAYS_ON, PAYS_ON, OVER, (Tier(number(0, Unit.MONEY), Fraction(3, 100)),))
    assert amount("growth", of, 235_000_000, over=200_000_000) == 1_050_000
    assert amount("growth", of, 199, over=200) == 0


def test_every_form_names_its_keys():
    for form in forms().values():
        keys = {*form.required, *form.optional}
        assert len(keys) == len(form.required) + len(form.optional)
        assert (Key.TIERS in form.required) == (form.tier_pays is not None)
        assert form.tier_pays in (None, Key.RATE, Key.AMOUNT)
        assert form.sentence.msgid


def test_a_form_that_lacks_a_term_is_our_fault_and_not_a_payment():
    for form in ("rate", "graduated", "retroactive", "growth", "rolling", "total", "match"):
        with pytest.raises((AssertionError, AttributeError)):
            amount(form, replace(Terms(), tiers=(Tier(number(0)),)), 5)


@pytest.mark.parametrize("contents", [{}, {"FORM": "flat"}, {"FORM": forms()["flat"]}])
def test_a_file_of_the_room_holds_the_form_of_its_name(monkeypatch, contents):
    module = ModuleType("cogrow.rewards.twin")
    module.__dict__.update(contents)
    found = [*pkgutil.iter_modules(rewards_room.__path__)]
    monkeypatch.setitem(sys.modules, "cogrow.rewards.twin", module)
    twin = pkgutil.ModuleInfo(found[0].module_finder, "twin", ispkg=False)
    monkeypatch.setattr(pkgutil, "iter_modules", lambda _path: [*found, twin])
    with pytest.raises(TypeError, match="no FORM called 'twin'"):
        forms.__wrapped__()
