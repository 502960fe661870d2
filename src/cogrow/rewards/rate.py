"""rate: one percentage of a value, or one amount per piece."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree
from cogrow.rewards.terms import Form, Key, Terms, given, paid_at


def amount(terms: Terms) -> Tree:
    """Return rate x pays_on."""
    if terms.rate is None:
        raise AssertionError(terms)
    return paid_at(terms.rate, given(terms.pays_on))


FORM = Form(
    N_("rate"),
    required=(Key.PAYS_ON, Key.RATE),
    optional=(),
    tier_pays=None,
    amount=amount,
    sentence=message(N_("one rate on all of the value")),
)
