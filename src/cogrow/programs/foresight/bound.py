"""The most a component can pay, whatever is measured: an upper bound that always holds."""

from __future__ import annotations

from fractions import Fraction

from cogrow.expressions.pieces import ITSELF, Line, always, pieces
from cogrow.expressions.tree import Const, Op, Tree, values
from cogrow.programs.foresight.degree import degree
from cogrow.programs.foresight.paid import Expander, paid, steering
from cogrow.programs.program import Component, Program

#: Least and largest value; None: without bound.
Extent = tuple[Fraction | None, Fraction | None]

ANYTHING: Extent = (None, None)


def most(program: Program, component: Component) -> Fraction | None:
    """Return the most one merchant earns from a component in a period, in minor units before
    rounding and the limits of the program; None where nothing bounds it.
    """
    cap = component.limits.per_merchant
    found = most_of_all(program, component)
    if cap is None:
        return found
    return Fraction(cap) if found is None else min(found, Fraction(cap))


def most_of_all(program: Program, component: Component) -> Fraction | None:
    """Return the most a component pays a merchant without its cap per merchant."""
    one, limits = most_of_one(program, component), component.limits
    if component.per is None or one is None:
        return one
    if limits.first is None or limits.first_per:
        return None
    return one * limits.first


def most_of_one(program: Program, component: Component, *, capped: bool = True) -> Fraction | None:
    """Return the most a component pays for one thing (the merchant, where it has no grain); `capped`:
    with its cap on each.
    """
    metric = steering(program, component)
    expand = Expander(program, metric.name if metric is not None else "")
    tree = expand(paid(program, component, expand, capped=capped and component.per is not None))
    bounds = [extent(tree)[1]]
    if metric is not None and free_of_facts(tree, metric.name):
        bounds.append(highest(tree, metric.name))
    known = [bound for bound in bounds if bound is not None]
    return min(known, default=None)


def free_of_facts(tree: Tree, metric: str) -> bool:
    """Return whether one curve stands for every merchant: nothing but the metric matters, or the
    baseline does and only sets the scale.
    """
    free = set(values(tree)) - {metric}
    return not free or (free == {"baseline"} and degree(tree) is not None)


def highest(tree: Tree, metric: str) -> Fraction | None:
    """Return the least upper bound of a tree over all values of the metric, the baseline being 1."""
    found = Fraction(0)
    whole = pieces(tree, {"baseline": always(Fraction(1)), metric: ITSELF})
    for low, high, line in whole.spans():
        if not isinstance(line, Line):
            return None
        if line.slope and ((high is None and line.slope > 0) or (low is None and line.slope < 0)):
            return None
        ends = [line.at(end) for end in (low, high) if end is not None]
        found = max([found, *ends] if line.slope else [found, line.intercept])
    return found


def extent(tree: Tree) -> Extent:
    """Return bounds of a number, whatever its values are."""
    if isinstance(tree, Const):
        return (tree.value, tree.value) if isinstance(tree.value, Fraction) else ANYTHING
    if not isinstance(tree, Op):
        return ANYTHING
    if tree.op == "if":
        return _hull(extent(tree.args[1]), extent(tree.args[2]))
    parts = [extent(arg) for arg in tree.args]
    if tree.op == "coalesce":
        found = parts[0]
        for part in parts[1:]:
            found = _hull(found, part)
        return found
    if tree.op in ("least", "greatest"):
        return _picked(tree.op, parts)
    if tree.op == "neg":
        return _negative(parts[0])
    if tree.op == "+":
        return _sum(parts[0], parts[1])
    if tree.op == "-":
        return _sum(parts[0], _negative(parts[1]))
    return _product(parts[0], parts[1]) if tree.op == "*" else ANYTHING


def _hull(one: Extent, other: Extent) -> Extent:
    low = None if one[0] is None or other[0] is None else min(one[0], other[0])
    high = None if one[1] is None or other[1] is None else max(one[1], other[1])
    return low, high


def _picked(op: str, parts: list[Extent]) -> Extent:
    lows, highs = [low for low, _ in parts], [high for _, high in parts]
    if op == "least":
        known = [high for high in highs if high is not None]
        return None if None in lows else min(low for low in lows if low is not None), min(
            known, default=None
        )
    known = [low for low in lows if low is not None]
    most_of_them = None if None in highs else max(high for high in highs if high is not None)
    return max(known, default=None), most_of_them


def _negative(part: Extent) -> Extent:
    low, high = part
    return None if high is None else -high, None if low is None else -low


def _sum(one: Extent, other: Extent) -> Extent:
    low = None if one[0] is None or other[0] is None else one[0] + other[0]
    high = None if one[1] is None or other[1] is None else one[1] + other[1]
    return low, high


def _product(one: Extent, other: Extent) -> Extent:
    """Return the bounds of a product of which one factor is a constant, else none."""
    if one[0] is None or one[0] != one[1]:
        one, other = other, one
    factor = one[0]
    if factor is None or factor != one[1]:
        return _product_of_positive(one, other)
    if factor == 0:
        return Fraction(0), Fraction(0)
    low, high = (None if bound is None else bound * factor for bound in other)
    return (low, high) if factor > 0 else (high, low)


def _product_of_positive(one: Extent, other: Extent) -> Extent:
    if one[0] is None or other[0] is None or one[0] < 0 or other[0] < 0:
        return ANYTHING
    high = None if one[1] is None or other[1] is None else one[1] * other[1]
    return one[0] * other[0], high
