"""What every reward form is made of: tiers, what picks the tier, what the rate multiplies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from cogrow.errors import Message
from cogrow.expressions.tree import (
    ZERO,
    Tree,
    Unit,
    at_least,
    choose,
    greatest,
    multiply,
    number,
)


@dataclass(frozen=True, slots=True)
class Tier:
    """A band that begins at `start` (inclusive) with its own rate or fixed amount (minor units)."""

    start: Tree
    rate: Fraction | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The resolved terms of one reward. What a form does not use is None or empty.

    `qualifies_on` picks the tier, `pays_on` is what the rate multiplies; `rate` is a share of money,
    or minor units per piece where `pays_on` is a count; `limit` is the most the reward can be.
    """

    pays_on: Tree | None = None
    qualifies_on: Tree | None = None
    over: Tree | None = None
    tiers: tuple[Tier, ...] = ()
    rate: Fraction | None = None
    amount: int | None = None
    limit: Tree | None = None

    def trees(self) -> tuple[Tree, ...]:
        """Return every tree in the terms: what an engine must know to compute them."""
        parts = (self.pays_on, self.qualifies_on, self.over, self.limit)
        starts = (tier.start for tier in self.tiers)
        return tuple(part for part in (*parts, *starts) if part is not None)


class Key(StrEnum):
    """The keys a reward may have in YAML."""

    PAYS_ON = "pays_on"
    QUALIFIES_ON = "qualifies_on"
    OVER = "over"
    TIERS = "tiers"
    RATE = "rate"
    AMOUNT = "amount"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Form:
    """One reward form: its name, its keys, and the amount it makes of its terms.

    `required` and `optional` are the keys it takes; `tier_pays` is what each tier carries (rate,
    amount, or None for no tiers). `amount` returns minor units before rounding, never negative for
    a measured value that is not negative. `sentence` says in one line what the form does.
    """

    name: str
    required: tuple[Key, ...]
    optional: tuple[Key, ...]
    tier_pays: Key | None
    amount: Callable[[Terms], Tree]
    sentence: Message


def given(tree: Tree | None) -> Tree:
    """Return a term the form requires; the program was checked to have it."""
    if tree is None:
        raise AssertionError("a required term is missing")
    return tree


def tier_reached(terms: Terms) -> Tree:
    """Return the number of the highest tier reached, counted from 1; 0 for none.

    A tier is reached where `qualifies_on` >= its start: equality belongs to the higher tier.
    """
    reached: Tree = ZERO
    measured = given(terms.qualifies_on)
    for position, tier in enumerate(terms.tiers, start=1):
        reached = choose(at_least(measured, tier.start), number(position), reached)
    return reached


def by_tier(terms: Terms, pick: Callable[[Tier], Fraction | int | None], unit: Unit) -> Tree:
    """Return what `pick` takes from the highest tier reached, 0 where none is."""
    chosen: Tree = number(0, unit)
    measured = given(terms.qualifies_on)
    for tier in terms.tiers:
        value = pick(tier)
        chosen = choose(at_least(measured, tier.start), number(value or 0, unit), chosen)
    return chosen


def paid_at(rate: Tree | Fraction | int, value: Tree) -> Tree:
    """Return rate x value in minor units; a negative value earns nothing."""
    factor = number(rate) if isinstance(rate, (Fraction, int)) else rate
    positive = greatest(value, number(0, value.unit))
    return multiply(factor, positive, Unit.MONEY)
