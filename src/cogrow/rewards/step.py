"""step: the fixed amount of the highest tier reached."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, Unit
from cogrow.rewards.terms import Form, Key, Terms, by_tier


def amount(terms: Terms) -> Tree:
    """Return the amount of the highest tier reached."""
    return by_tier(terms, lambda tier: tier.amount, Unit.MONEY)


FORM = Form(
    N_("step"),
    required=(Key.QUALIFIES_ON, Key.TIERS),
    optional=(),
    tier_pays=Key.AMOUNT,
    amount=amount,
    sentence=message(N_("the fixed amount of the tier reached")),
)
