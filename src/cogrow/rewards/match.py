"""match: a share of what the merchant spent, limited by an amount it earned."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, least
from cogrow.rewards.terms import Form, Key, Terms, given, paid_at


def amount(terms: Terms) -> Tree:
    """Return min(rate x spend, limit).

    Source: Newsday co-op advertising page; export co-op, "share the total earned".
    """
    if terms.rate is None:
        raise AssertionError(terms)
    share = paid_at(terms.rate, given(terms.pays_on))
    if terms.limit is None:
        return share
    return least(share, paid_at(1, terms.limit))


FORM = Form(
    N_("match"),
    required=(Key.PAYS_ON, Key.RATE),
    optional=(Key.LIMIT,),
    tier_pays=None,
    amount=amount,
    sentence=message(N_("a share of what the merchant spent, up to a limit")),
)
