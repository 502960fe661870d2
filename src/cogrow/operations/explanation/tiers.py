"""Which tier is reached, and what is needed for the next one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from cogrow.errors import N_, message
from cogrow.expressions.evaluate import Known
from cogrow.expressions.tree import Const, Op, Tree, Unit, Value, values
from cogrow.operations.explanation.account import Account, Row, term
from cogrow.operations.explanation.sentence import Said, Sentence
from cogrow.operations.figures import percent
from cogrow.programs.program import Component
from cogrow.rewards.terms import given


def tier(account: Account, component: Component, row: Row) -> Iterator[Sentence]:
    """Say which tier is reached, why a higher one is not, and what is missing to the next."""
    reached = int(row["tier"] or 0)
    measured = given(component.terms.qualifies_on)
    value = account.value(measured)
    name, data = _name(component), {"component": component.name}
    if reached:
        said = message(
            N_("{name} ({value}) reaches tier {tier} of {count}, which begins at {start}."),
            name=name,
            value=_written(account, component, value),
            tier=reached,
            count=len(component.terms.tiers),
            start=_start(account, component, reached),
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


def _start(account: Account, component: Component, number: int) -> Said:
    """Return where a tier begins: the value, and what it is called where it has a name."""
    start, text = component.terms.tiers[number - 1].start, component.tier_texts[number - 1]
    if isinstance(start, Const):
        constant = start.unit is Unit.NUMBER
        return text if constant else account.write(_begins(account, component, number), start.unit)
    shown = _written(account, component, _begins(account, component, number))
    return message(N_("{value} ({name})"), value=shown, name=text)


def _written(account: Account, component: Component, value: Known) -> Said:
    """Return what picks the tier as people read it: a share where the tiers are written as shares."""
    shares = any(text.endswith("%") for text in component.tier_texts)
    if isinstance(value, Fraction) and shares and _unit(component) is Unit.NUMBER:
        return percent(value, 2)
    return account.write(value, _unit(component))


def _unit(component: Component) -> Unit:
    return given(component.terms.qualifies_on).unit


def _kept_out(account: Account, component: Component, number: int) -> Sentence:
    """Say of a tier whose start is reached that its own condition does not hold."""
    condition: Tree = given(component.terms.tiers[number - 1].when)
    said = message(
        N_("Tier {tier}, from {start}, also asks for {condition}, which does not hold ({found})."),
        tier=number,
        start=_start(account, component, number),
        condition=component.tier_whens[number - 1],
        found=account.found(condition),
    )
    return Sentence("attained", said, {"component": component.name, "kept_out_of_tier": number})


def _missing(account: Account, component: Component, number: int, *, first: bool) -> Sentence:
    measured = given(component.terms.qualifies_on)
    value, start = account.value(measured), _begins(account, component, number)
    text = component.tier_texts[number - 1]
    if not isinstance(value, Fraction) or not isinstance(start, Fraction):
        said = message(N_("{text} is unknown, so no further tier can be reached."), text=text)
        return Sentence("attained", said, {"component": component.name})
    what = N_("{name} ({value}) is {missing} below the first tier, {start}.")
    if not first:
        what = N_("{missing} more would reach the next tier, {start}.")
    condition = component.tier_whens[number - 1]
    if condition:
        what = N_(
            "{name} ({value}) is {missing} below tier {tier}, {start}, which also asks for {condition}."
        )
    said = message(
        what,
        name=_name(component),
        value=_written(account, component, value),
        missing=_written(account, component, start - value),
        tier=number,
        start=_start(account, component, number),
        condition=condition,
    )
    data: dict[str, Any] = {
        "component": component.name,
        "missing": str(start - value),
        "tier": number,
    }
    if (more := _more_of(account, measured, start)) is not None:
        name, amount, shown = more
        data["missing_of"] = {"name": name, "value": str(amount)}
        said = message(
            N_("{said} It takes {more} more of {name}."), said=said, more=shown, name=name
        )
    return Sentence("attained", said, data)


def _more_of(
    account: Account, measured: Tree, start: Fraction
) -> tuple[str, Fraction, Said] | None:
    """Return how much more of the value above the line a ratio needs to reach `start`, all else equal."""
    if not (
        isinstance(measured, Op) and measured.op == "/" and isinstance(measured.args[0], Value)
    ):
        return None
    above, below = (account.value(arg) for arg in measured.args)
    if not isinstance(above, Fraction) or not isinstance(below, Fraction) or below <= 0:
        return None
    name, unit = measured.args[0].name, measured.args[0].unit
    needed = _least_whole(start * below - above, unit)
    if name in values(measured.args[1]) or not isinstance(needed, Fraction):
        return None
    return name, needed, account.write(needed, unit)


def _least_whole(value: Known, unit: Unit) -> Known:
    """Return the least whole amount or count that reaches a bound; a number is its own bound."""
    if not isinstance(value, Fraction) or unit is Unit.NUMBER:
        return value
    return Fraction(-((-value.numerator) // value.denominator))
