"""What one program pays each merchant in one period before programs meet: earned, and limited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from cogrow.programs.program import Component
from tests.reference.forms import exact, tier_reached
from tests.reference.things import of_things, rounded
from tests.reference.values import Values


@dataclass(frozen=True)
class Part:
    """What one component earned for one merchant, and why not more; `limited` is what limits leave."""

    component: Component
    condition_met: bool
    tier: int | None
    too_few: bool
    earned: int
    limited: int = 0


@dataclass(frozen=True)
class OfMerchant:
    """What one merchant earned in one period, with the figures that led there."""

    eligible: bool
    gates_passed: bool
    below_minimum: bool
    parts: Sequence[Part]
    figures: Mapping[str, Any]

    @property
    def takes_part(self) -> bool:
        return self.eligible and self.gates_passed

    @property
    def limited(self) -> list[int]:
        return [part.limited for part in self.parts]

    def reason(self, number: int) -> str:
        """Return why a component pays nothing, or less than it might; "" where this tells no reason."""
        part = self.parts[number]
        terms = part.component.terms
        return (
            (not self.eligible and "not_eligible")
            or (not self.gates_passed and "gate_not_passed")
            or (part.earned < 0 and "taken_back")
            or (not part.condition_met and "condition_not_met")
            or (bool(terms.tiers) and part.tier == 0 and "no_tier_reached")
            or (part.too_few and "too_few")
            or (not part.earned and "nothing_to_pay_on")
            or (self.below_minimum and "below_minimum")
            or ""
        )


@dataclass(frozen=True)
class Before:
    """What a merchant had of the program in earlier periods, limited, in minor units.

    `by_component` counts the periods of the range the component adds up over, `total` all of them.
    """

    by_component: Mapping[str, int]
    total: int


def of_merchant(values: Values, merchant: str, before: Before) -> OfMerchant:
    """Return what one merchant earned, each component for itself and all of them limited."""
    program, ask = values.program, values.ask(merchant)
    eligible = values.eligible(merchant)
    passed = all(ask(gate.tree) is True for gate in program.gates)
    parts = []
    for component in program.components:
        part = of_component(component, values, merchant)
        total = part.earned if eligible and passed else 0
        if component.accumulate is not None and eligible and passed:
            total -= before.by_component[component.name]
        parts.append(replaced(part, earned=total))
    least = [least_of(part.earned, part.component.limits.per_merchant) for part in parts]
    limited = running(least, cap_of(values, merchant, before))
    below = 0 <= sum(limited) < (program.limits.minimum or 0)
    if below:
        limited = [0 for _ in limited]
    kept = [replaced(part, limited=left) for part, left in zip(parts, limited, strict=True)]
    return OfMerchant(eligible, passed, below, kept, values.figures(merchant))


def replaced(part: Part, *, earned: int | None = None, limited: int = 0) -> Part:
    now = part.earned if earned is None else earned
    return Part(part.component, part.condition_met, part.tier, part.too_few, now, limited)


def of_component(component: Component, values: Values, merchant: str) -> Part:
    """Return what a component earns in all, for a merchant that takes part, before it is limited."""
    if component.per is not None:
        found = of_things(component, values, merchant)
        return Part(component, found.condition_met, None, found.too_few, found.earned)
    ask = values.ask(merchant)
    met = component.when is None or ask(component.when.tree) is True
    tier = tier_reached(component.terms, ask) if component.terms.tiers else None
    amount = exact(component.form.name, component.terms, ask) if met else None
    return Part(component, met, tier, too_few=False, earned=rounded(amount))


def cap_of(values: Values, merchant: str, before: Before) -> int | None:
    """Return the most a merchant can earn in the period; None for no limit."""
    limits = values.program.limits
    cap = limits.per_merchant
    if limits.never_above is not None:
        value = values.ask(merchant)(limits.never_above.tree)
        cap = least_of(0 if value is None else max(floor(value), 0), cap)
    if limits.lifetime is not None:
        cap = least_of(max(limits.lifetime - before.total, 0), cap)
    return cap


def least_of(amount: int, cap: int | None) -> int:
    return amount if cap is None else min(amount, cap)


def running(amounts: Iterable[int], cap: int | None) -> list[int]:
    """Return amounts cut one after the other, so that their sum so far never passes the cap."""
    total, kept, found = 0, 0, []
    for amount in amounts:
        total += amount
        found.append(least_of(total, cap) - kept)
        kept = least_of(total, cap)
    return found
