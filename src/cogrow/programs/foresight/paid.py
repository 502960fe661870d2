"""From a program to its curves: what its components pay as trees over one metric, the rest held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from cogrow.expressions.evaluate import Known
from cogrow.expressions.tree import (
    NUMERIC,
    Const,
    Op,
    Tree,
    Unit,
    Value,
    add,
    aggregates,
    both,
    choose,
    least,
    number,
    substitute,
    values,
    walk,
)
from cogrow.money import EXPONENTS
from cogrow.programs.foresight.curve import Curve
from cogrow.programs.program import Component, Program

#: Held where neither the reader nor an example says what: major units of money, a count, a number.
ASSUMED = {Unit.MONEY: 1_000_000, Unit.COUNT: 1_000, Unit.NUMBER: 1}


class Expander:
    """Writes the values of a program in terms of what is measured; `metric` stays as it is."""

    def __init__(self, program: Program, metric: str) -> None:
        self.metric = metric
        self.known: dict[str, Tree] = {}
        for measure in program.measures:
            if measure.name != metric and not aggregates(measure.tree):
                self.known[measure.name] = measure.tree
        if program.baseline is not None and program.baseline.tree is not None:
            self.known["baseline"] = program.baseline.tree
        for target in program.targets:
            if target.name != metric:
                self.known[target.name] = target.tree

    def __call__(self, tree: Tree) -> Tree:
        """Return the tree with every value that follows from others written out."""
        while True:
            inside = {name: self.known[name] for name in values(tree) if name in self.known}
            if not inside:
                return tree
            tree = substitute(tree, inside)

    def asks(self, tree: Tree) -> bool:
        """Return whether the tree depends on the metric."""
        return self.metric in values(self(tree))


def steering(program: Program, component: Component) -> Value | None:
    """Return the value that decides what a component pays: what its tier, its amount or its condition
    is about; None where nothing does.
    """
    measured = set(component.measures) if component.per is not None else set()
    measured = measured or {measure.name for measure in program.measures}
    terms = component.terms
    when = component.when.tree if component.when is not None else None
    trees = [tree for tree in (terms.qualifies_on, terms.pays_on, when) if tree is not None]
    found = [node for tree in trees for node in walk(tree) if isinstance(node, Value)]
    numeric = [node for node in found if node.unit in NUMERIC and node.name != "baseline"]
    return next((node for node in numeric if node.name in measured), next(iter(numeric), None))


def paid(program: Program, component: Component, expand: Expander, *, capped: bool = True) -> Tree:
    """Return what a component pays before rounding and before the program's limits, 0 where unknown;
    for one thing where it has a grain. `capped`: with the component's own cap.

    Conditions that do not depend on the metric are taken as met.
    """
    tiers = []
    for tier in component.terms.tiers:
        asks = tier.when is not None and expand.asks(tier.when)
        tiers.append(replace(tier, when=_met(tier.when) if asks and tier.when else None))
    amount = component.form.amount(replace(component.terms, tiers=tuple(tiers)))
    zero = number(0, Unit.MONEY)
    asked = [component.when] if component.when is not None else []
    if component.per is None:
        asked += program.gates
    conditions = tuple(_met(one.tree) for one in asked if expand.asks(one.tree))
    if conditions:
        amount = choose(both(conditions), amount, zero)
    amount = Op("coalesce", (amount, zero), Unit.MONEY)
    limits = component.limits
    cap = limits.each if component.per is not None else limits.per_merchant
    if capped and cap is not None:
        amount = least(amount, number(cap, Unit.MONEY))
    return expand(amount)


def _met(condition: Tree) -> Tree:
    """Return the condition, true where it is unknown."""
    return Op("coalesce", (condition, Const(value=True, unit=Unit.FLAG)), Unit.FLAG)


def curves(program: Program, given: Mapping[str, Known] | None = None) -> list[Curve]:
    """Return one curve for each metric that decides what components pay, and each condition on other
    things; `given` are values held.
    """
    groups: dict[tuple[str, str, str], list[Component]] = {}
    units: dict[str, Unit] = {}
    for component in program.components:
        metric = steering(program, component)
        if metric is None:
            continue
        units[metric.name] = metric.unit
        apart = ""
        if component.when is not None and not Expander(program, metric.name).asks(
            component.when.tree
        ):
            apart = component.when.text
        per = component.per.name if component.per is not None else ""
        groups.setdefault((per, metric.name, apart), []).append(component)
    return [
        _curve(program, key, units[key[1]], tuple(members), given or {})
        for key, members in groups.items()
    ]


def _curve(
    program: Program,
    key: tuple[str, str, str],
    unit: Unit,
    members: tuple[Component, ...],
    given: Mapping[str, Known],
) -> Curve:
    per, metric, apart = key
    expand = Expander(program, metric)
    whole = len(members) == len(program.components)
    tree: Tree | None = None
    for member in members:
        one = paid(program, member, expand)
        tree = one if tree is None else add(tree, one)
    if tree is None:
        raise AssertionError(key)
    if not per:
        tree = expand(_limited(program, tree, whole=whole))
    assumes = [apart] if apart else []
    assumes += [gate.text for gate in program.gates if per or not expand.asks(gate.tree)]
    names = tuple(member.name for member in members)
    held = holdings(program, tree, metric, given)
    return Curve(metric, unit, per, names, whole, tree, held, tuple(assumes))


def _limited(program: Program, tree: Tree, *, whole: bool) -> Tree:
    limits, zero = program.limits, number(0, Unit.MONEY)
    for cap in (limits.per_merchant, limits.lifetime):
        if cap is not None:
            tree = least(tree, number(cap, Unit.MONEY))
    if limits.never_above is not None:
        above = Op("coalesce", (limits.never_above.tree, zero), Unit.MONEY)
        tree = least(tree, Op("greatest", (above, zero), Unit.MONEY))
    if limits.minimum is not None and whole:
        # The minimum asks for the rounded amount: half a unit less is rounded up to it.
        least_worth = limits.minimum - (Fraction(1, 2) if len(program.components) == 1 else 0)
        worth = Op(">=", (tree, number(least_worth, Unit.MONEY)), Unit.FLAG)
        tree = choose(worth, tree, zero)
    return tree


def holdings(
    program: Program, tree: Tree, metric: str, given: Mapping[str, Known]
) -> dict[str, Known]:
    """Return what every value in the tree but `metric` is held at."""
    held: dict[str, Known] = {}
    for node in walk(tree):
        if not isinstance(node, Value) or node.name == metric:
            continue
        if node.name in given:
            held[node.name] = given[node.name]
        elif node.unit in ASSUMED:
            exponent = EXPONENTS[program.currency] if node.unit is Unit.MONEY else 0
            held[node.name] = Fraction(ASSUMED[node.unit] * 10**exponent)
        else:
            held[node.name] = _first_day(program, node)
    return held


def _first_day(program: Program, node: Value) -> Known:
    """Return the first day of the first period for a day, unknown for a text or a flag."""
    period = program.schedule.periods()[0]
    if node.unit is Unit.INSTANT:
        return period.instants(program.schedule.zone)[0].replace(tzinfo=None)
    if node.unit is not Unit.DAY:
        return None
    return period.end if node.name == "period.end" else period.start
