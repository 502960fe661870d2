"""graduated: each slice of the value at its own tier's rate."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import (
    Const,
    Tree,
    Unit,
    add,
    greatest,
    least,
    multiply,
    number,
    subtract,
)
from cogrow.rewards.terms import Form, Key, Terms, given


def slices(terms: Terms) -> list[Tree]:
    """Return the part of pays_on that lies in each tier, lowest tier first.

    The slice of tier i is max(0, min(value, start of tier i+1) - start of tier i); the last is open.
    """
    value = given(terms.pays_on)
    parts: list[Tree] = []
    for tier, following in zip(terms.tiers, (*terms.tiers[1:], None), strict=True):
        upto = least(value, following.start) if following else value
        parts.append(greatest(subtract(upto, tier.start), number(0, value.unit)))
    return parts


def amount(terms: Terms) -> Tree:
    """Return the sum of each slice x its tier's rate.

    Source: Dynamics 365 rebate management deals, "graduated"; Enable, "graduated over attainment".
    """
    total: Tree = number(0, Unit.MONEY)
    for tier, part in zip(terms.tiers, slices(terms), strict=True):
        paid = multiply(Const(tier.rate, Unit.NUMBER), part, Unit.MONEY)
        total = paid if total == number(0, Unit.MONEY) else add(total, paid)
    return total


FORM = Form(
    N_("graduated"),
    required=(Key.PAYS_ON, Key.TIERS),
    optional=(),
    tier_pays=Key.RATE,
    amount=amount,
    sentence=message(N_("each slice of the value at the rate of its own tier")),
    tier_when=False,
)
