"""linear: an amount interpolated between the tiers."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Op, Tree, Unit, add, choose, number, subtract
from cogrow.rewards.terms import Form, Key, Terms, given


def amount(terms: Terms) -> Tree:
    """Return a + (b - a) x (value - start) / (following start - start) in the tier that is reached.

    Nothing below the first tier, the last tier's amount above the last.
    """
    measured = given(terms.qualifies_on)
    total: Tree = number(0, Unit.MONEY)
    for tier, following in zip(terms.tiers, (*terms.tiers[1:], None), strict=True):
        begins = number(tier.amount or 0, Unit.MONEY)
        reached: Tree = begins
        if following is not None:
            rise = (following.amount or 0) - (tier.amount or 0)
            above = Op("*", (number(rise), subtract(measured, tier.start)), measured.unit)
            length = subtract(following.start, tier.start)
            reached = add(begins, Op("/", (above, length), Unit.MONEY))
        total = choose(tier.reached(measured), reached, total)
    return total


FORM = Form(
    N_("linear"),
    required=(Key.QUALIFIES_ON, Key.TIERS),
    optional=(),
    tier_pays=Key.AMOUNT,
    amount=amount,
    sentence=message(N_("an amount that grows evenly from tier to tier")),
)
