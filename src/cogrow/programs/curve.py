"""What a program pays as a function of the metric it is about: exact intervals, cliffs and falls.

Everything else is held: what is given, what the first worked example gives, or a round figure. What
is paid is not rounded here; gates and conditions that do not ask for the metric are taken as met.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from cogrow.expressions.evaluate import Known
from cogrow.expressions.pieces import ITSELF, Line, Pieces, always, pieces
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
from cogrow.programs.program import Component, Program

#: Held where neither the reader nor an example says what: major units of money, a count, a number.
ASSUMED = {Unit.MONEY: 1_000_000, Unit.COUNT: 1_000, Unit.NUMBER: 1}

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Piece:
    """What is paid from `low` to `high` (None: without end): slope x metric + intercept, in minor
    units; None where it is no straight line. A bound is inside where `low_in`, `high_in` say so.
    """

    low: Fraction
    high: Fraction | None
    line: Line | None
    low_in: bool = True
    high_in: bool = False


@dataclass(frozen=True, slots=True)
class Cliff:
    """Where the metric reaches `at`, what is paid jumps from `before` to `after` (minor units)."""

    at: Fraction
    before: Fraction
    after: Fraction

    @property
    def size(self) -> Fraction:
        """Return by how much it jumps, in minor units; negative where it falls."""
        return self.after - self.before

    @property
    def share(self) -> Fraction | None:
        """Return the jump as a share of what was paid before; None from nothing."""
        return self.size / self.before if self.before else None


@dataclass(frozen=True, slots=True)
class Fall:
    """From `low` on more of the metric pays less than `before`, down to `lowest`, up to `high` (None:
    for good).
    """

    low: Fraction
    high: Fraction | None
    before: Fraction
    lowest: Fraction


@dataclass(frozen=True)
class Curve:
    """What `components` pay together against `metric`; `per` is the grain it is measured for ("" the
    merchant), `whole` whether these are all components of the program.

    `held` are the other values it depends on; `assumes` the conditions taken as met, as written.
    """

    metric: str
    unit: Unit
    per: str
    components: tuple[str, ...]
    whole: bool
    tree: Tree
    held: Mapping[str, Known]
    assumes: tuple[str, ...] = ()

    @cached_property
    def amount(self) -> Pieces:
        """Return what is paid, in minor units, over every number."""
        known = {name: always(value) for name, value in self.held.items()}
        return pieces(self.tree, {**known, self.metric: ITSELF})

    @property
    def scales(self) -> bool:
        """Return whether twice the baseline and twice the metric pay twice as much, and nothing else
        matters: one picture, in terms of the baseline, then stands for every merchant.
        """
        free = set(values(self.tree))
        return "baseline" in free and free <= {self.metric, "baseline"} and degree(self.tree) == 1

    def pieces(self) -> list[Piece]:
        """Return the pieces from 0 on, each as long as it can be."""
        found: list[Piece] = []
        for low, high, worth in self.amount.cut([ZERO]).spans():
            if (high is not None and high < 0) or (low is None):
                continue
            line = worth if isinstance(worth, Line) else None
            if low == high:
                found.append(Piece(low, high, line, high_in=True))
            else:
                found.append(Piece(low, high, line, low_in=False))
        return list(_joined(found))

    def cliffs(self) -> list[Cliff]:
        """Return every jump above 0, in ascending order."""
        found = []
        for low, high, _ in self.amount.spans():
            if low is not None and low == high and low > 0:
                position = self.amount.ends.index(low)
                cells = self.amount.cells[2 * position : 2 * position + 3 : 2]
                before, after = (c.at(low) if isinstance(c, Line) else None for c in cells)
                if before is not None and after is not None and before != after:
                    found.append(Cliff(low, before, after))
        return found

    def falls(self) -> list[Fall]:
        """Return where more of the metric, from 0 on, pays less."""
        return list(_falls(self.pieces()))

    def rises(self) -> bool:
        """Return whether more of the metric, from 0 on, ever pays more."""
        lines = [piece.line for piece in self.pieces()]
        climbs = any(line is not None and line.slope > 0 for line in lines)
        return climbs or any(cliff.size > 0 for cliff in self.cliffs())


def _joined(found: list[Piece]) -> Iterator[Piece]:
    """Yield pieces and the single points between them as the pieces they make together; a point that
    fits both belongs to the right.
    """
    last: Piece | None = None
    for piece, following in zip(found, (*found[1:], None), strict=True):
        to_the_right = piece.low == piece.high and following and _meets(piece, following)
        if last is not None and not to_the_right and _meets(last, piece):
            line = piece.line if last.low == last.high else last.line
            last = replace(last, high=piece.high, line=line, high_in=piece.high_in)
            continue
        if last is not None:
            yield last
        last = piece
    if last is not None:
        yield last


def _meets(one: Piece, other: Piece) -> bool:
    """Tell whether two neighbors, of which one is a single point, are one line."""
    if one.line is None or other.line is None:
        return one.line is other.line
    if one.low == one.high:
        return one.line.at(one.low) == other.line.at(one.low)
    if other.low == other.high:
        return one.line.at(other.low) == other.line.at(other.low)
    return one.line == other.line


def _falls(found: list[Piece]) -> Iterator[Fall]:
    most: Fraction | None = None
    open_fall: Fall | None = None
    for piece in found:
        line = piece.line
        if line is None:
            if open_fall is not None:
                yield replace(open_fall, high=piece.low)
            most, open_fall = None, None
            continue
        first = line.at(piece.low)
        last = line.at(piece.high) if piece.high is not None else None
        if most is None or first >= most:
            if open_fall is not None:
                yield replace(open_fall, high=piece.low)
                open_fall = None
            most = first
        elif open_fall is None:
            open_fall = Fall(piece.low, None, most, first)
        if open_fall is None and line.slope < 0:
            open_fall = Fall(piece.low, None, most, first)
        if open_fall is not None:
            lowest = min(open_fall.lowest, first, first if last is None else last)
            open_fall = replace(open_fall, lowest=lowest)
            if line.slope > 0 and (last is None or last >= most):
                yield replace(open_fall, high=(most - line.intercept) / line.slope)
                open_fall = None
        if line.slope > 0 and last is not None:
            most = max(most, last)
    if open_fall is not None:
        yield open_fall


def degree(tree: Tree) -> int | None:
    """Return how a tree grows with its values: twice all of them makes it 2**degree times as much.

    None where nothing can be said; a condition has degree 0 where it stays true or false.
    """
    found = _degree(tree)
    return None if found is None or found == _ANY else found


_ANY = -1000  #: the degree of 0, which fits any


def _degree(tree: Tree) -> int | None:
    if isinstance(tree, Const):
        return _ANY if tree.value == 0 and not isinstance(tree.value, bool) else 0
    if isinstance(tree, Value):
        return 1
    if not isinstance(tree, Op):
        return None
    parts = [_degree(arg) for arg in tree.args]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if tree.op == "if":
        return _alike(known[1:]) if known[0] in (0, _ANY) else None
    if tree.op in ("*", "/"):
        if _ANY in known:
            return _ANY
        return known[0] + known[1] if tree.op == "*" else known[0] - known[1]
    if tree.op in ("+", "-", "neg", "abs", "least", "greatest", "coalesce"):
        return _alike(known)
    if tree.op in ("=", "<>", "<", "<=", ">", ">=", "in"):
        return None if _alike(known) is None else 0
    return 0 if tree.op in ("and", "or", "not", "is_null") else None


def _alike(parts: list[int]) -> int | None:
    """Return the one degree the parts have, _ANY if all are 0; None where they differ."""
    real = {part for part in parts if part != _ANY}
    if not real:
        return _ANY
    return real.pop() if len(real) == 1 else None


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
