"""flat: a fixed amount, once, where the component's condition holds."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, Unit, number
from cogrow.rewards.terms import Form, Key, Terms


def amount(terms: Terms) -> Tree:
    """Return the fixed amount."""
    return number(terms.amount or 0, Unit.MONEY)


FORM = Form(
    N_("flat"),
    required=(Key.AMOUNT,),
    optional=(),
    tier_pays=None,
    amount=amount,
    sentence=message(N_("a fixed amount")),
)
