"""growth: the rate of the tier reached, on the part above the baseline."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, Unit, subtract
from cogrow.rewards.terms import Form, Key, Terms, by_tier, given, paid_at


def amount(terms: Terms) -> Tree:
    """Return the reached tier's rate x (pays_on - over); nothing where that is negative.

    Source: Enable help center, "Fully retrospective", on growth.
    """
    above = subtract(given(terms.pays_on), given(terms.over))
    return paid_at(by_tier(terms, lambda tier: tier.rate, Unit.NUMBER), above)


FORM = Form(
    N_("growth"),
    required=(Key.PAYS_ON, Key.TIERS),
    optional=(Key.QUALIFIES_ON, Key.OVER),
    tier_pays=Key.RATE,
    amount=amount,
    sentence=message(N_("the rate of the tier reached, on the part above the baseline")),
)
