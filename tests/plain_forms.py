"""What each reward form pays, in plain arithmetic: written to be read beside the form's own tree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from cogrow.expressions.tree import Tree
from cogrow.rewards.terms import Terms

NONE = Fraction(0)


@dataclass(frozen=True)
class Figures:
    """What the terms of one component come to; None is unknown. `reached` says so of each tier."""

    terms: Terms
    ask: Callable[[Tree], Any]

    def value(self, tree: Tree | None) -> Fraction | None:
        found: Fraction | None = None if tree is None else self.ask(tree)
        return found

    @property
    def starts(self) -> list[Fraction | None]:
        return [self.value(tier.start) for tier in self.terms.tiers]

    @property
    def reached(self) -> list[bool]:
        measured = self.value(self.terms.qualifies_on)
        return [
            reaches(measured, start) and (tier.when is None or self.ask(tier.when) is True)
            for start, tier in zip(self.starts, self.terms.tiers, strict=True)
        ]

    @property
    def tier(self) -> int:
        """Return the number of the highest tier reached, 0 for none."""
        return max((n for n, reached in enumerate(self.reached, 1) if reached), default=0)

    def at_least_nothing(self, tree: Tree | None) -> Fraction | None:
        found = self.value(tree)
        return None if found is None else max(found, NONE)


def reaches(measured: Fraction | None, start: Fraction | None) -> bool:
    """Tell whether a tier is reached: equality belongs to it."""
    return measured is not None and start is not None and measured >= start


def pays(form: str, of: Figures) -> Fraction | None:
    """Return what a form pays, unrounded; None where what it pays on is unknown."""
    return FORMS[form](of)


def flat(of: Figures) -> Fraction | None:
    return Fraction(of.terms.amount or 0)


def step(of: Figures) -> Fraction | None:
    return Fraction(of.terms.tiers[of.tier - 1].amount or 0) if of.tier else NONE


def rate(of: Figures) -> Fraction | None:
    value = of.at_least_nothing(of.terms.pays_on)
    return None if value is None else (of.terms.rate or 0) * value


def retroactive(of: Figures) -> Fraction | None:
    value = of.at_least_nothing(of.terms.pays_on)
    return None if value is None else rate_reached(of) * value


def growth(of: Figures) -> Fraction | None:
    value, over = of.value(of.terms.pays_on), of.value(of.terms.over)
    if value is None or over is None:
        return None
    return rate_reached(of) * max(value - over, NONE)


def rate_reached(of: Figures) -> Fraction:
    return (of.terms.tiers[of.tier - 1].rate or NONE) if of.tier else NONE


def total(of: Figures) -> Fraction | None:
    value = of.at_least_nothing(of.terms.pays_on)
    if value is None:
        return None
    tiers = zip(of.terms.tiers, of.reached, strict=True)
    return sum((tier.rate or NONE for tier, reached in tiers if reached), NONE) * value


def rolling(of: Figures) -> Fraction | None:
    value = of.at_least_nothing(of.terms.pays_on)
    ends = of.starts[1 : max(of.tier, 1)]
    if value is None or None in ends:
        return None
    passed = zip(of.terms.tiers, ends, strict=False)
    lower = sum(((tier.rate or NONE) * (end or 0) for tier, end in passed), NONE)
    return lower + rate_reached(of) * value


def graduated(of: Figures) -> Fraction | None:
    value, starts = of.value(of.terms.pays_on), of.starts
    if value is None or None in starts:
        return None
    paid = NONE
    for low, high, tier in zip(starts, [*starts[1:], None], of.terms.tiers, strict=True):
        top = value if high is None else min(value, high)
        paid += (tier.rate or 0) * max(top - (low or 0), NONE)
    return paid


def linear(of: Figures) -> Fraction | None:
    measured, tier = of.value(of.terms.qualifies_on), of.tier
    if tier in (0, len(of.terms.tiers)) or measured is None:
        return step(of)
    (low, high), (begin, end) = (
        list(pairwise(of.terms.tiers))[tier - 1],
        list(pairwise(of.starts))[tier - 1],
    )
    if begin is None or end is None or begin == end:
        return None
    way = (measured - begin) / (end - begin)
    return (1 - way) * (low.amount or 0) + way * (high.amount or 0)


def match(of: Figures) -> Fraction | None:
    spend, share = of.at_least_nothing(of.terms.pays_on), of.terms.rate or NONE
    if of.terms.spend_limit is not None:
        most = of.value(of.terms.spend_limit)
        return None if spend is None or most is None else share * max(min(spend, most), NONE)
    limit = of.at_least_nothing(of.terms.limit)
    return None if spend is None or limit is None else min(share * spend, limit)


def cover(of: Figures) -> Fraction | None:
    cost, limit = of.at_least_nothing(of.terms.pays_on), of.at_least_nothing(of.terms.limit)
    if cost is None or limit is None:
        return None
    return min(cost * (1 if of.terms.rate is None else of.terms.rate), limit)


def fee_refund(of: Figures) -> Fraction | None:
    back, terms = of.at_least_nothing(of.terms.pays_on), of.terms
    if back is not None and terms.share is not None:
        share = of.value(terms.share)
        back = None if share is None else back * min(max(share, NONE), Fraction(1))
    if back is None or terms.retained is None:
        return back
    kept = terms.retained * back
    if terms.retained_at_most is not None:
        most = of.at_least_nothing(terms.retained_at_most)
        return None if most is None else back - min(kept, most)
    return back - kept


FORMS: dict[str, Callable[[Figures], Fraction | None]] = {
    form.__name__: form
    for form in (
        flat, rate, step, graduated, retroactive, growth, rolling, total, match, cover, linear,
        fee_refund,
    )
}  # fmt: skip
