"""Every reward form: exact, never negative, nothing for the unknown, and monotone where it says so."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType, ModuleType

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cogrow import rewards as rewards_room
from cogrow.expressions.evaluate import evaluate
from cogrow.expressions.tree import Const, Unit, Value, number
from cogrow.rewards.graduated import slices
from cogrow.rewards.registry import forms
from cogrow.rewards.terms import Key, Terms, Tier, by_tier, tier_reached
from tests.plain_forms import FORMS, Figures, pays

PAYS_ON, QUALIFIES_ON, OVER, LIMIT, SPEND_LIMIT, RETAINED_AT_MOST = (
    Value(name, Unit.MONEY)
    for name in ("pays_on", "qualifies_on", "over", "limit", "spend_limit", "retained_at_most")
)
SHARE = Value("share", Unit.NUMBER)

measured = st.one_of(
    st.none(), st.fractions(-(10**9), 10**9, max_denominator=1000), st.integers(-(10**9), 10**9)
)
positive = st.fractions(0, 10**9, max_denominator=1000)
rates = st.fractions(0, 1, max_denominator=10_000)
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
    qualifies_on = PAYS_ON if rising or draw(st.booleans()) else QUALIFIES_ON
    return Terms(
        PAYS_ON,
        qualifies_on,
        OVER,
        tiers,
        draw(rates),
        draw(st.integers(0, 10**6)),
        limit=LIMIT,
        share=draw(st.sampled_from([None, SHARE])),
        retained=draw(st.none() | rates),
        retained_at_most=draw(st.sampled_from([None, RETAINED_AT_MOST])),
        spend_limit=draw(st.sampled_from([None, SPEND_LIMIT])),
    )


#: What the terms that only some forms take come to.
extras = st.fixed_dictionaries(
    {
        "limit": measured,
        "spend_limit": measured,
        "retained_at_most": measured,
        "share": st.none() | st.fractions(-2, 2, max_denominator=1000),
    }
)
UNKNOWN = dict.fromkeys(("limit", "spend_limit", "retained_at_most", "share"))


def known(**given: object) -> dict[str, Fraction | None]:
    return {name: None if value is None else Fraction(str(value)) for name, value in given.items()}


def amount(
    form: str,
    of: Terms,
    pays_on: object,
    qualifies_on: object = None,
    over: object = 0,
    more: Mapping[str, object] = MappingProxyType(UNKNOWN),
) -> Fraction | None:
    """Return what the form's own tree gives, unrounded."""
    exact = known(pays_on=pays_on, qualifies_on=qualifies_on, over=over, **more)
    found = evaluate(forms()[form].amount(of), exact)
    assert found is None or isinstance(found, Fraction)
    return found


def start_of(tier: Tier) -> Fraction:
    start = evaluate(tier.start, {})
    assert isinstance(start, Fraction)
    return start


@pytest.mark.parametrize("form", sorted(forms()))
@given(terms(), measured, measured, measured, extras, st.sampled_from([None, True, False]))
def test_a_form_pays_what_the_reference_pays(form, of, pays_on, qualifies_on, over, more, holds):
    if holds is not None:
        last = replace(of.tiers[-1], when=Const(value=holds, unit=Unit.FLAG))
        of = replace(of, tiers=(*of.tiers[:-1], last))
    exact = known(pays_on=pays_on, qualifies_on=qualifies_on, over=over, **more)
    wanted = pays(form, Figures(of, lambda tree: evaluate(tree, exact)))
    assert (amount(form, of, pays_on, qualifies_on, over, more) or 0) == (wanted or 0)


@given(terms(), positive, extras)
def test_a_cover_without_a_rate_bears_all_of_the_cost(of, cost, more):
    assume(more["limit"] is not None)
    borne = amount("cover", replace(of, rate=None), cost, more=more)
    assert borne == min(cost, max(Fraction(more["limit"]), Fraction(0)))


@pytest.mark.parametrize("form", sorted(forms()))
@given(terms(), measured, measured, positive, extras)
def test_no_form_takes_money_away(form, of, pays_on, qualifies_on, over, more):
    assert (amount(form, of, pays_on, qualifies_on, over, more) or 0) >= 0


@pytest.mark.parametrize("form", sorted(set(forms()) - {"flat"}))
@given(terms(rising=True), extras)
def test_the_unknown_earns_nothing(form, of, more):
    assert not amount(form, of, None, None, more=more)


@pytest.mark.parametrize("form", sorted(forms()))
@given(terms(rising=True), positive, positive, positive, extras)
def test_more_never_earns_less_where_later_tiers_pay_no_less(form, of, one, another, over, more):
    low, high = sorted([one, another])
    earned = amount(form, of, low, low, over, more), amount(form, of, high, high, over, more)
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


def test_the_reference_knows_every_form():
    assert set(FORMS) == set(forms())


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
