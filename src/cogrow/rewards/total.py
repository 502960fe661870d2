"""total: every tier reached pays its rate on everything."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, Unit, add, choose, number
from cogrow.rewards.terms import Form, Key, Terms, given, paid_at


def amount(terms: Terms) -> Tree:
    """Return Σ rate x all of pays_on over every tier reached.

    Source: Dynamics 365 rebate management deals, "total".
    """
    value, measured = given(terms.pays_on), given(terms.qualifies_on)
    total: Tree = number(0, Unit.MONEY)
    for tier in terms.tiers:
        paid = paid_at(tier.rate or number(0), value)
        none = number(0, Unit.MONEY)
        total = add(total, choose(tier.reached(measured), paid, none))
    return total


FORM = Form(
    N_("total"),
    required=(Key.PAYS_ON, Key.TIERS),
    optional=(Key.QUALIFIES_ON,),
    tier_pays=Key.RATE,
    amount=amount,
    sentence=message(N_("the rate of every tier reached, each on all of the value")),
)
