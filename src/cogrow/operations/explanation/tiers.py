"""Which tier is reached, and what is needed for the next one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from cogrow.errors import N_, message
from cogrow.expressions.evaluate import Known
from cogrow.expressions.tree import Tree, Unit
from cogrow.operations.explanation.account import Account, Row, term
from cogrow.operations.explanation.sentence import Sentence
from cogrow.programs.program import Component
from cogrow.rewards.terms import given


def tier(account: Account, component: Component, row: Row) -> Iterator[Sentence]:
    """Say which tier is reached, why a higher one is not, and what is missing to the next."""
    reached = int(row["tier"] or 0)
    measured = given(component.terms.qualifies_on)
    value, unit = account.value(measured), measured.unit
    name, data = _name(component), {"component": component.name}
    if reached:
        said = message(
            N_(
                "{name} ({value}) reaches tier {tier} of {count}, which begins at {start} ({text})."
            ),
            name=name,
            value=account.write(value, unit),
            tier=reached,
            count=len(component.terms.tiers),
            start=account.write(_begins(account, component, reached), unit),
            text=component.tier_texts[reached - 1],
        )
        yield Sentence("attained", said, {**data, "tier": reached})
    if value is None:
        unknown = N_("{text} is unknown, so no tier can be reached.")
        yield Sentence("attained", message(unknown, text=name), data)
        return
    for number in range(reached + 1, len(component.terms.tiers) + 1):
        start = account.value(component.terms.tiers[number - 1].start)
        if isinstance(start, Fraction) and isinstance(value, Fraction) and value >= start:
            yield _kept_out(account, component, number)
            continue
        yield _missing(account, component, number, first=not reached)
        return


def _name(component: Component) -> str:
    return term(component, component.terms.qualifies_on, "qualifies_on", "pays_on")


def _begins(account: Account, component: Component, number: int) -> Known:
    start = component.terms.tiers[number - 1].start
    return _least_whole(account.value(start), start.unit)


def _kept_out(account: Account, component: Component, number: int) -> Sentence:
    """Say of a tier whose start is reached that its own condition does not hold."""
    condition: Tree = given(component.terms.tiers[number - 1].when)
    said = message(
        N_("Tier {tier} ({text}) also asks for {condition}, which does not hold ({found})."),
        tier=number,
        text=component.tier_texts[number - 1],
        condition=component.tier_whens[number - 1],
        found=account.found(condition),
    )
    return Sentence("attained", said, {"component": component.name, "kept_out_of_tier": number})


def _missing(account: Account, component: Component, number: int, *, first: bool) -> Sentence:
    measured = given(component.terms.qualifies_on)
    value, start = account.value(measured), _begins(account, component, number)
    text, unit = component.tier_texts[number - 1], measured.unit
    if not isinstance(value, Fraction) or not isinstance(start, Fraction):
        said = message(N_("{text} is unknown, so no further tier can be reached."), text=text)
        return Sentence("attained", said, {"component": component.name})
    what = N_("{name} ({value}) is {missing} below the first tier, {text} ({start}).")
    if not first:
        what = N_("{missing} more would reach the next tier, {text} ({start}).")
    condition = component.tier_whens[number - 1]
    if condition:
        what = N_(
            "{name} ({value}) is {missing} below tier {tier}, {text} ({start}), which also asks for "
            "{condition}."
        )
    said = message(
        what,
        name=_name(component),
        value=account.write(value, unit),
        missing=account.write(start - value, unit),
        tier=number,
        text=text,
        start=account.write(start, unit),
        condition=condition,
    )
    data = {"component": component.name, "missing": str(start - value), "tier": number}
    return Sentence("attained", said, data)


def _least_whole(value: Known, unit: Unit) -> Known:
    """Return the least whole amount or count that reaches a bound; a number is its own bound."""
    if not isinstance(value, Fraction) or unit is Unit.NUMBER:
        return value
    return Fraction(-((-value.numerator) // value.denominator))
