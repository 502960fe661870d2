"""retroactive: the tier reached sets the rate for all the value."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, Unit
from cogrow.rewards.terms import Form, Key, Terms, by_tier, given, paid_at


def amount(terms: Terms) -> Tree:
    """Return the reached tier's rate x all of pays_on.

    Source: Dynamics 365 rebate management deals, "retroactive".
    """
    return paid_at(by_tier(terms, lambda tier: tier.rate, Unit.NUMBER), given(terms.pays_on))


FORM = Form(
    N_("retroactive"),
    required=(Key.PAYS_ON, Key.TIERS),
    optional=(Key.QUALIFIES_ON,),
    tier_pays=Key.RATE,
    amount=amount,
    sentence=message(N_("the rate of the tier reached, on all of the value")),
)
