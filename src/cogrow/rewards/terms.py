"""What every reward form is made of: tiers, what picks the tier, what the rate multiplies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from cogrow.errors import Message
from cogrow.expressions.tree import (
    ZERO,
    Tree,
    Unit,
    at_least,
    both,
    choose,
    greatest,
    multiply,
    number,
)


@dataclass(frozen=True, slots=True)
class Tier:
    """A band that begins at `start` (inclusive) with its own rate or fixed amount (minor units).

    `when` must hold as well for the tier to be reached.
    """

    start: Tree
    rate: Fraction | None = None
    amount: int | None = None
    when: Tree | None = None

    def reached(self, measured: Tree) -> Tree:
        """Return the condition that `measured` reaches this tier."""
        begun = at_least(measured, self.start)
        return begun if self.when is None else both((begun, self.when))


@dataclass(frozen=True, slots=True)
class Terms:
    """The resolved terms of one reward. What a form does not use is None or empty.

    `qualifies_on` picks the tier, `pays_on` is what the rate multiplies; `rate` is a share of money,
    or minor units per piece where `pays_on` is a count; `limit` is the most the reward can be.
    `share` is the part of a fee given back, of which `retained` is kept, `retained_at_most` at most;
    `spend_limit` is the most spend that is matched.
    """

    pays_on: Tree | None = None
    qualifies_on: Tree | None = None
    over: Tree | None = None
    tiers: tuple[Tier, ...] = ()
    rate: Fraction | None = None
    amount: int | None = None
    limit: Tree | None = None
    share: Tree | None = None
    retained: Fraction | None = None
    retained_at_most: Tree | None = None
    spend_limit: Tree | None = None

    def trees(self) -> tuple[Tree, ...]:
        """Return every tree in the terms: what an engine must know to compute them."""
        parts = [self.pays_on, self.qualifies_on, self.over, self.limit]
        parts += [self.share, self.retained_at_most, self.spend_limit]
        for tier in self.tiers:
            parts += [tier.start, tier.when]
        return tuple(part for part in parts if part is not None)

    def mapped(self, change: Callable[[Tree], Tree]) -> Terms:
        """Return the terms with every tree changed."""

        def also(tree: Tree | None) -> Tree | None:
            return None if tree is None else change(tree)

        tiers = (replace(t, start=change(t.start), when=also(t.when)) for t in self.tiers)
        return replace(
            self,
            pays_on=also(self.pays_on),
            qualifies_on=also(self.qualifies_on),
            over=also(self.over),
            tiers=tuple(tiers),
            limit=also(self.limit),
            share=also(self.share),
            retained_at_most=also(self.retained_at_most),
            spend_limit=also(self.spend_limit),
        )


class Key(StrEnum):
    """The keys a reward may have in YAML."""

    PAYS_ON = "pays_on"
    QUALIFIES_ON = "qualifies_on"
    OVER = "over"
    TIERS = "tiers"
    RATE = "rate"
    AMOUNT = "amount"
    LIMIT = "limit"
    SPEND_LIMIT = "spend_limit"
    SHARE = "share"
    RETAINED = "retained"
    RETAINED_AT_MOST = "retained_at_most"


@dataclass(frozen=True, slots=True)
class Form:
    """One reward form: its name, its keys, and the amount it makes of its terms.

    `required` and `optional` are the keys it takes; `tier_pays` is what each tier carries (rate,
    amount, or None for no tiers). `amount` returns minor units before rounding, never negative for
    a measured value that is not negative. `sentence` says in one line what the form does. `one_of`
    are keys of which exactly one is given. `tier_when`: its tiers can carry a condition of their own.
    """

    name: str
    required: tuple[Key, ...]
    optional: tuple[Key, ...]
    tier_pays: Key | None
    amount: Callable[[Terms], Tree]
    sentence: Message
    one_of: tuple[Key, ...] = ()
    tier_when: bool = True


def given(tree: Tree | None) -> Tree:
    """Return a term the form requires; the program was checked to have it."""
    if tree is None:
        raise AssertionError("a required term is missing")
    return tree


def tier_reached(terms: Terms) -> Tree:
    """Return the number of the highest tier reached, counted from 1; 0 for none.

    A tier is reached where `qualifies_on` >= its start, so equality belongs to the higher tier, and
    its own condition holds.
    """
    reached: Tree = ZERO
    measured = given(terms.qualifies_on)
    for position, tier in enumerate(terms.tiers, start=1):
        reached = choose(tier.reached(measured), number(position), reached)
    return reached


def by_tier(terms: Terms, pick: Callable[[Tier], Fraction | int | None], unit: Unit) -> Tree:
    """Return what `pick` takes from the highest tier reached, 0 where none is."""
    chosen: Tree = number(0, unit)
    measured = given(terms.qualifies_on)
    for tier in terms.tiers:
        value = pick(tier)
        chosen = choose(tier.reached(measured), number(value or 0, unit), chosen)
    return chosen


def paid_at(rate: Tree | Fraction | int, value: Tree) -> Tree:
    """Return rate x value in minor units; a negative value earns nothing."""
    factor = number(rate) if isinstance(rate, (Fraction, int)) else rate
    positive = greatest(value, number(0, value.unit))
    return multiply(factor, positive, Unit.MONEY)
