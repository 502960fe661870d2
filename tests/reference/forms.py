"""What each form of reward pays, unrounded, from what its terms are worth."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from cogrow.rewards.terms import Terms, Tier
from tests.reference.values import Ask

ZERO = Fraction(0)
#: The forms whose tiers carry a rate each.
BY_RATE = ("graduated", "retroactive", "growth", "rolling", "total")


def reaches(measured: Fraction | None, start: Fraction | None) -> bool:
    """Tell whether a tier is reached: equality belongs to it."""
    return measured is not None and start is not None and measured >= start


def tier_reached(terms: Terms, ask: Ask) -> int:
    """Return the number of the highest tier reached, from 1; 0 for none."""
    if not terms.tiers:
        return 0
    measured = ask(terms.qualifies_on) if terms.qualifies_on is not None else None
    numbered = enumerate(terms.tiers, start=1)
    return max(
        (n for n, tier in numbered if is_there(tier, ask) and reaches(measured, ask(tier.start))),
        default=0,
    )


def is_there(tier: Tier, ask: Ask) -> bool:
    """Tell whether the condition of a tier holds. A tier whose own does not might as well be missing."""
    return tier.when is None or ask(tier.when) is True


def positive(value: Fraction) -> Fraction:
    return max(value, ZERO)


def exact(form: str, terms: Terms, ask: Ask) -> Fraction | None:
    """Return what a form pays; None where it is unknown."""

    def worth(tree: Any) -> Any:
        return None if tree is None else ask(tree)

    if form == "flat":
        return Fraction(terms.amount or 0)
    if form in ("step", "linear"):
        return by_amount(form, terms, ask)
    pays_on = worth(terms.pays_on)
    if pays_on is None:
        return None
    if form in BY_RATE:
        return by_rate(form, terms, ask, pays_on, worth(terms.over))
    rate = Fraction(1) if terms.rate is None else terms.rate
    limit, spend_limit = worth(terms.limit), worth(terms.spend_limit)
    if form == "rate":
        return rate * positive(pays_on)
    if form == "match" and terms.spend_limit is not None:
        return None if spend_limit is None else rate * positive(min(pays_on, spend_limit))
    if form in ("match", "cover"):
        return None if limit is None else min(rate * positive(pays_on), positive(limit))
    if form == "fee_refund":
        share = Fraction(1) if terms.share is None else worth(terms.share)
        if share is None:
            return None
        returned: Fraction = min(positive(share), Fraction(1)) * positive(pays_on)
        kept = (terms.retained or 0) * returned
        if terms.retained is not None and terms.retained_at_most is not None:
            most = worth(terms.retained_at_most)
            if most is None:
                return None
            kept = min(kept, positive(most))
        return returned - kept
    raise NotImplementedError(form)


def by_amount(form: str, terms: Terms, ask: Ask) -> Fraction | None:
    """Return the amount of the tier reached; in a linear reward, on the line to the one after it."""
    top = tier_reached(terms, ask)
    if not top:
        return ZERO
    tier = terms.tiers[top - 1]
    begins = Fraction(tier.amount or 0)
    after = next((one for one in terms.tiers[top:] if is_there(one, ask)), None)
    if form == "step" or after is None:
        return begins
    assert terms.qualifies_on is not None
    measured, low, high = (ask(tree) for tree in (terms.qualifies_on, tier.start, after.start))
    if high is None or high == low:
        return None
    along: Fraction = (measured - low) / (high - low)
    return begins + ((after.amount or 0) - begins) * along


def by_rate(
    form: str, terms: Terms, ask: Ask, pays_on: Fraction, over: Fraction | None
) -> Fraction | None:
    """Return what the rates of the tiers pay on a value."""
    there = [tier for tier in terms.tiers if is_there(tier, ask)]
    starts = [ask(tier.start) for tier in there]
    rates = [tier.rate or ZERO for tier in there]
    measured = None if terms.qualifies_on is None else ask(terms.qualifies_on)
    reached = [n for n, start in enumerate(starts) if reaches(measured, start)]
    value = positive(pays_on)
    if form == "graduated":
        if any(start is None for start in starts):
            return None
        total = ZERO
        for low, high, rate in zip(starts, [*starts[1:], None], rates, strict=True):
            total += rate * positive((pays_on if high is None else min(pays_on, high)) - low)
        return total
    if form == "growth" and over is None:
        return None
    if not reached:
        return ZERO
    top = reached[-1]
    if form == "retroactive":
        return rates[top] * value
    if form == "growth":
        return rates[top] * positive(pays_on - (over or ZERO))
    if form == "total":
        return sum((rates[n] for n in reached), ZERO) * value
    if form == "rolling":
        if any(start is None for start in starts[1:top]):
            return None
        lower = sum((rates[n] * positive(starts[n + 1]) for n in range(top)), ZERO)
        return lower + rates[top] * value
    raise AssertionError(form)
