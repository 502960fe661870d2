"""What a sound program would do that its author cannot have meant. One function per rule.

Nothing is tried out: a tier is called unreachable, or without effect, only where the exact pieces of
what is paid say so for every merchant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from cogrow.errors import N_, Message, Severity, message
from cogrow.expressions.pieces import BENT, ITSELF, Line, Pieces, always, pieces
from cogrow.expressions.tree import Op, Tree, Unit, Value, least, number, values, walk
from cogrow.money import format_minor, format_number, round_half_up
from cogrow.programs.foresight.bound import free_of_facts
from cogrow.programs.foresight.curve import Curve, Fall
from cogrow.programs.foresight.paid import Expander, curves, paid, steering
from cogrow.programs.program import Component, Program, as_rate
from cogrow.programs.reading.build import Builder
from cogrow.programs.reading.constants import by_example
from cogrow.rewards.terms import tier_reached
from cogrow.strict_yaml import Path

ONE = Fraction(1)

#: Metrics of which more is always meant to be better.
BETTER = frozenset({"gmv", "net_sales", "orders", "buyers", "units", "average_order"})


def _warn(
    build: Builder, code: str, path: Path, said: Message, hint: Message | None = None
) -> None:
    build.complain(code, path, said, hint, severity=Severity.WARNING)


def _tier_place(build: Builder, component: Component, position: int) -> Path:
    return (*build.places[component.name], "tiers", position, "from")


def _unit_scale(tree: Tree, metric: str) -> Pieces | None:
    """Return the tree as a function of the metric where that one function stands for every merchant."""
    if not free_of_facts(tree, metric):
        return None
    return pieces(tree, {"baseline": always(ONE), metric: ITSELF})


def tiers_are_reached(build: Builder, program: Program) -> None:
    """Warn of a tier no merchant can reach, whatever it sells."""
    what = N_("Tier {number} (from {text}) can never be reached.")
    for component, metric, expand in _steered(program):
        for position in _out_of_reach(component, metric, expand):
            said = message(what, number=position + 1, text=component.tier_texts[position])
            _warn(build, "PRG050", _tier_place(build, component, position), said)


def _out_of_reach(component: Component, metric: str, expand: Expander) -> set[int]:
    """Return which tiers are never the highest reached, counted from 0."""
    every = range(len(component.terms.tiers))
    if any(t.when is not None and not expand.asks(t.when) for t in component.terms.tiers):
        found = ((n, _alone(component, n, expand)) for n in every)
        return {n for n, alone in found if alone and not _can_hold(expand(alone), metric)}
    reached = _unit_scale(expand(tier_reached(component.terms)), metric)
    if reached is None or BENT in reached.cells:
        return set()
    numbers = {cell.intercept for cell in reached.cells if isinstance(cell, Line)}
    return {n for n in every if n + 1 not in numbers}


def _can_hold(condition: Tree, metric: str) -> bool:
    """Tell whether a condition can hold; what depends on more than the metric may."""
    whole = _unit_scale(condition, metric)
    return whole is None or any(holds is True or holds is BENT for holds in whole.cells)


def _steered(program: Program) -> Iterator[tuple[Component, str, Expander]]:
    """Yield the components with tiers, and the metric that picks them."""
    for component in program.components:
        metric = steering(program, component)
        if component.terms.tiers and metric is not None:
            yield component, metric.name, Expander(program, metric.name)


def _alone(component: Component, position: int, expand: Expander) -> Tree | None:
    """Return the condition that a tier is the highest reached, as far as only the metric decides."""
    measured = component.terms.qualifies_on
    if measured is None:
        return None
    tiers = component.terms.tiers
    one = tiers[position]
    if one.when is not None and not expand.asks(one.when):
        one = replace(one, when=None)
    asked: list[Tree] = [one.reached(measured)]
    for later in tiers[position + 1 :]:
        if later.when is None or expand.asks(later.when):
            reached = Op("coalesce", (later.reached(measured), _NO), Unit.FLAG)
            asked.append(Op("not", (reached,), Unit.FLAG))
    return Op("and", tuple(asked), Unit.FLAG) if len(asked) > 1 else asked[0]


_NO = Op("=", (number(0), number(1)), Unit.FLAG)


def tiers_matter(build: Builder, program: Program) -> None:
    """Warn of a tier without which every merchant would earn the same."""
    what = N_(
        "Tier {number} (from {text}) changes nothing: without it every merchant earns the same."
    )
    for component, metric, expand in _steered(program):
        unreached = _out_of_reach(component, metric, expand)
        for position in _smooth(program, component, metric, expand):
            tiers = component.terms.tiers
            others = (*tiers[:position], *tiers[position + 1 :])
            if position in unreached or not others:
                continue
            if any(t.when is not None and not expand.asks(t.when) for t in others):
                continue
            without = replace(component, terms=replace(component.terms, tiers=others))
            if _same(program, component, without, metric):
                said = message(what, number=position + 1, text=component.tier_texts[position])
                _warn(build, "PRG051", _tier_place(build, component, position), said)


def _smooth(program: Program, component: Component, metric: str, expand: Expander) -> Iterator[int]:
    """Yield the tiers, counted from 0, at whose start what is paid may go on as before. The first is
    left out where it pays nothing: it says on purpose that up to the next one nothing is paid.
    """
    bounds: set[Fraction] = set()
    for whole in _paid_to_all(program, component, metric, capped=True):
        bounds |= set(whole.ends) if whole is not None else set()
    picked_by_itself = isinstance(component.terms.qualifies_on, Value)
    for position, tier in enumerate(component.terms.tiers):
        if position == 0 and not (tier.rate or tier.amount):
            continue
        start = _unit_scale(expand(tier.start), metric)
        begins = start.cells[0] if start is not None and not start.ends else None
        turns = isinstance(begins, Line) and begins.intercept in bounds
        if not (turns and tier.when is None and picked_by_itself):
            yield position


def _same(program: Program, one: Component, other: Component, metric: str) -> bool:
    """Tell whether two forms of a component pay every merchant alike, with or without its caps."""
    for capped in (False, True):
        pairs = zip(
            _paid_to_all(program, one, metric, capped=capped),
            _paid_to_all(program, other, metric, capped=capped),
            strict=True,
        )
        if all(a is not None and a == b and BENT not in a.cells for a, b in pairs):
            return True
    return False


def _paid_to_all(
    program: Program, component: Component, metric: str, *, capped: bool
) -> list[Pieces | None]:
    """Return what a component pays, once for each value its `pays_on` is held at; None where that
    depends on the merchant. `capped`: with the cap of the program too.
    """
    expand, found = Expander(program, metric), list[Pieces | None]()
    cap = program.limits.per_merchant if component.per is None and capped else None
    for held in _apart(component, expand):
        terms = component.terms
        given = replace(component, terms=replace(terms, pays_on=held or terms.pays_on))
        tree = paid(program, given, expand, capped=capped)
        if cap is not None:
            tree = least(tree, number(cap, Unit.MONEY))
        found.append(_unit_scale(tree, metric))
    return found


def _apart(component: Component, expand: Expander) -> list[Tree | None]:
    """Return what to hold `pays_on` at where it does not depend on the metric: what a form pays is a
    straight line in it, and two points make a line.
    """
    pays_on = component.terms.pays_on
    if pays_on is None or component.terms.over is not None or expand.asks(pays_on):
        return [None]
    return [number(value, pays_on.unit) for value in (0, 1)]


def tiers_do_not_overlap(build: Builder, program: Program) -> None:
    """Warn of tiers of which, for some merchants, the later begins below the earlier."""
    for component, metric, expand in _steered(program):
        tiers = component.terms.tiers
        for position, (lower, higher) in enumerate(zip(tiers, tiers[1:], strict=False), start=1):
            low, high = expand(lower.start), expand(higher.start)
            free = list(dict.fromkeys([*values(low), *values(high)]))
            if len(free) != 1 or free == [metric] or higher.when is not None:
                continue
            begins = pieces(Op("<=", (high, low), Unit.FLAG), {free[0]: ITSELF})
            found = _first_true(begins)
            if found is None:
                continue
            what = N_("Tier {second} ({high}) begins below tier {first} ({low}) {where}.")
            said = message(
                what,
                second=position + 1,
                first=position,
                high=component.tier_texts[position],
                low=component.tier_texts[position - 1],
                where=_where(program, free[0], lower.start.unit, *found),
            )
            _warn(build, "PRG052", _tier_place(build, component, position), said)


def _first_true(found: Pieces) -> tuple[Fraction, Fraction | None] | None:
    """Return the first interval above 0 in which a condition holds."""
    for low, high, holds in found.cut([Fraction(0)]).spans():
        if holds is True and low is not None and low >= 0 and (high is None or high > low):
            return low, high
    return None


def _where(
    program: Program, name: str, unit: Unit, low: Fraction, high: Fraction | None
) -> Message:
    first = figure(low, unit, program.currency)
    if high is None and not low:
        return message(N_("for every merchant"))
    if high is None:
        return message(N_("where `{name}` is above {low}"), name=name, low=first)
    last = figure(high, unit, program.currency)
    if not low:
        return message(N_("where `{name}` is below {high}"), name=name, high=last)
    what = N_("where `{name}` is between {low} and {high}")
    return message(what, name=name, low=first, high=last)


def figure(value: Fraction, unit: Unit, currency: str) -> str:
    """Return a value as people write it; ≈ where it is rounded to the minor unit."""
    if unit is not Unit.MONEY:
        return format_number(value)
    shown = f"{format_minor(round_half_up(value), currency)} {currency}"
    return shown if value.denominator == 1 else f"≈ {shown}"


def more_pays_no_less(build: Builder, program: Program) -> None:
    """Warn where more of the metric pays less, saying from where to where.

    A reward that never rises with its metric is meant to shrink with it, as with late shipments.
    """
    for curve in curves(program, by_example(program)):
        if curve.scales:
            curve = replace(curve, held={**curve.held, "baseline": ONE})
        falls = curve.falls()
        if not falls or not (curve.rises() or curve.metric in BETTER):
            continue
        members = [c for c in program.components if c.name in curve.components]
        for fall in falls:
            place = _tier_at(build, program, curve, members, fall.low)
            _warn(build, "PRG053", place, _fallen(program, curve, fall), _held(program, curve))


def _held(program: Program, curve: Curve) -> Message | None:
    """Return what else the curve depends on, and is held at; None for nothing."""
    units = {node.name: node.unit for node in walk(curve.tree) if isinstance(node, Value)}
    shown = [
        f"{name} = {figure(value, units[name], program.currency)}"
        for name, value in curve.held.items()
        if isinstance(value, Fraction)
    ]
    if curve.scales or not shown:
        return None
    return message(N_("(Seen with {held}.)"), held=", ".join(shown))


def _fallen(program: Program, curve: Curve, fall: Fall) -> Message:
    def at(value: Fraction, unit: Unit) -> str | Message:
        if curve.scales:
            return message(N_("{share} of baseline"), share=as_rate(value))
        return figure(value, unit, program.currency)

    what = N_(
        "Where `{metric}` passes {low}, the reward falls from {before} to {lowest}; it pays as much again "
        "only from {high} on."
    )
    if fall.high is None:
        what = N_(
            "Where `{metric}` passes {low}, the reward falls from {before} to {lowest}, and never pays as "
            "much again."
        )
    return message(
        what,
        metric=curve.metric,
        low=at(fall.low, curve.unit),
        high=at(fall.high, curve.unit) if fall.high is not None else "",
        before=at(fall.before, Unit.MONEY),
        lowest=at(fall.lowest, Unit.MONEY),
    )


def _tier_at(
    build: Builder, program: Program, curve: Curve, members: list[Component], low: Fraction
) -> Path:
    """Return the place of the tier that begins at `low`; of the first component where none does."""
    expand = Expander(program, curve.metric)
    held = {name: always(value) for name, value in curve.held.items()}
    for component in members:
        for position, tier in enumerate(component.terms.tiers):
            start = expand(tier.start)
            if set(values(start)) <= set(held) and pieces(start, held).at(low) == low:
                return _tier_place(build, component, position)
    return build.places[members[0].name]


RULES: tuple[Callable[[Builder, Program], None], ...] = (
    tiers_are_reached,
    tiers_matter,
    tiers_do_not_overlap,
    more_pays_no_less,
)
