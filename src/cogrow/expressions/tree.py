"""The typed tree: every name looked up, every unit known. Rooms above compose and read these nodes.

Values are exact: a tree of numbers stands for a rational, and is rounded only where `earned` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction

from cogrow.facts import Kind
from cogrow.period import NOW, Range


class Unit(StrEnum):
    """What a value is counted in. Money is in minor units of the program's currency."""

    MONEY = "money"
    COUNT = "count"
    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    INSTANT = "instant"
    DAY = "day"
    DURATION = "duration"


UNIT_OF = {
    Kind.TEXT: Unit.TEXT,
    Kind.MONEY: Unit.MONEY,
    Kind.COUNT: Unit.COUNT,
    Kind.NUMBER: Unit.NUMBER,
    Kind.INSTANT: Unit.INSTANT,
    Kind.DAY: Unit.DAY,
    Kind.FLAG: Unit.FLAG,
}

#: Units whose values are rationals.
NUMERIC = frozenset({Unit.MONEY, Unit.COUNT, Unit.NUMBER})


@dataclass(frozen=True, slots=True)
class Const:
    """A constant; None is the missing value."""

    value: Fraction | str | bool | date | timedelta | None
    unit: Unit


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A column of a fact row, by its physical name."""

    table: str
    column: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class Value:
    """A value known per merchant and period by name: a metric, the baseline, a target, an attribute."""

    name: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class Op:
    """An operator or scalar function over its arguments.

    `op` is one of: or and not = <> < <= > >= + - * / neg in is_null least greatest coalesce abs if
    days_between months_between starts_with lower start_of_day. `in` has the tested value first; `if`
    is condition, then, else.
    """

    op: str
    args: tuple[Tree, ...]
    unit: Unit


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One number per merchant from the qualifying rows of `table`.

    `function` is sum, count, count_distinct, average, min or max; `argument` is None for a count of
    rows; `where` keeps only some of the rows; `range` says over which days.
    """

    function: str
    table: str
    argument: Tree | None
    where: Tree | None
    unit: Unit
    range: Range = NOW


Tree = Const | ColumnRef | Value | Op | Aggregate

ZERO = Const(Fraction(0), Unit.NUMBER)


def children(tree: Tree) -> tuple[Tree, ...]:
    """Return the trees directly below."""
    if isinstance(tree, Op):
        return tree.args
    if isinstance(tree, Aggregate):
        return tuple(part for part in (tree.argument, tree.where) if part is not None)
    return ()


def walk(tree: Tree) -> Iterator[Tree]:
    """Yield the tree and everything below it, outermost first, left to right."""
    waiting = [tree]
    while waiting:
        here = waiting.pop()
        yield here
        waiting.extend(reversed(children(here)))


def aggregates(tree: Tree) -> list[Aggregate]:
    """Return the aggregates in the tree, in reading order."""
    return [node for node in walk(tree) if isinstance(node, Aggregate)]


def values(tree: Tree) -> list[str]:
    """Return the names of the values in the tree, each once, in reading order."""
    return list(dict.fromkeys(node.name for node in walk(tree) if isinstance(node, Value)))


def columns(tree: Tree) -> list[ColumnRef]:
    """Return the columns the tree reads, each once, in reading order."""
    return list(dict.fromkeys(node for node in walk(tree) if isinstance(node, ColumnRef)))


def substitute(tree: Tree, named: dict[str, Tree]) -> Tree:
    """Return the tree with each Value in `named` replaced by its tree."""
    if isinstance(tree, Value):
        return named.get(tree.name, tree)
    if isinstance(tree, Op):
        return replace(tree, args=tuple(substitute(arg, named) for arg in tree.args))
    return tree


def put_in(tree: Tree, known: Mapping[Aggregate, Tree]) -> Tree:
    """Return the tree with each Aggregate in `known` replaced by its tree."""
    if isinstance(tree, Aggregate):
        return known.get(tree, tree)
    if isinstance(tree, Op):
        return replace(tree, args=tuple(put_in(arg, known) for arg in tree.args))
    return tree


def over_range(tree: Tree, days: Range) -> Tree:
    """Return the tree with what is measured in the period measured over `days` instead."""
    if isinstance(tree, Aggregate):
        return replace(tree, range=days) if tree.range == NOW else tree
    if isinstance(tree, Op):
        return replace(tree, args=tuple(over_range(arg, days) for arg in tree.args))
    return tree


def number(value: int | Fraction, unit: Unit = Unit.NUMBER) -> Const:
    """Return a numeric constant."""
    return Const(Fraction(value), unit)


def add(left: Tree, right: Tree) -> Op:
    """Return left + right."""
    return Op("+", (left, right), left.unit)


def subtract(left: Tree, right: Tree) -> Op:
    """Return left - right."""
    return Op("-", (left, right), left.unit)


def multiply(rate: Tree, value: Tree, unit: Unit) -> Op:
    """Return rate x value, counted in `unit`."""
    return Op("*", (rate, value), unit)


def least(left: Tree, right: Tree) -> Op:
    """Return the smaller of two values of one unit."""
    return Op("least", (left, right), left.unit)


def greatest(left: Tree, right: Tree) -> Op:
    """Return the larger of two values of one unit."""
    return Op("greatest", (left, right), left.unit)


def at_least(left: Tree, right: Tree) -> Op:
    """Return left >= right."""
    return Op(">=", (left, right), Unit.FLAG)


def choose(condition: Tree, then: Tree, otherwise: Tree) -> Op:
    """Return `then` where the condition holds, `otherwise` where it does not or is unknown."""
    return Op("if", (condition, then, otherwise), then.unit)


def both(conditions: tuple[Tree, ...]) -> Tree:
    """Return the AND of the conditions; no condition holds always."""
    if not conditions:
        return Const(value=True, unit=Unit.FLAG)
    return conditions[0] if len(conditions) == 1 else Op("and", conditions, Unit.FLAG)
