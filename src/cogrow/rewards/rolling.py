"""rolling: lower tiers pay up to where the next begins, the tier reached pays on everything."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Const, Tree, Unit, add, choose, number
from cogrow.rewards.terms import Form, Key, Terms, given, paid_at


def amount(terms: Terms) -> Tree:
    """Return Σ rate x start of the following tier, over the tiers passed, plus rate x all of pays_on.

    Source: Dynamics 365 rebate management deals, "rolling".
    """
    value, measured = given(terms.pays_on), given(terms.qualifies_on)
    total: Tree = number(0, Unit.MONEY)
    passed: Tree = number(0, Unit.MONEY)
    for tier, following in zip(terms.tiers, (*terms.tiers[1:], None), strict=True):
        rate = Const(tier.rate, Unit.NUMBER)
        reached = add(passed, paid_at(rate, value))
        total = choose(tier.reached(measured), reached, total)
        if following is not None:
            passed = add(passed, paid_at(rate, following.start))
    return total


FORM = Form(
    N_("rolling"),
    required=(Key.PAYS_ON, Key.TIERS),
    optional=(Key.QUALIFIES_ON,),
    tier_pays=Key.RATE,
    amount=amount,
    sentence=message(N_("lower tiers up to their bound, the tier reached on all of the value")),
    tier_when=False,
)
