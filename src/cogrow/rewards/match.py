"""match: a share of what the merchant spent, limited by an amount it earned or by the spend matched."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, least
from cogrow.rewards.terms import Form, Key, Terms, given, paid_at


def amount(terms: Terms) -> Tree:
    """Return min(rate x spend, limit), or rate x min(spend, spend_limit).

    The two readings of "50/50 of what was earned": `limit` pays all of it, `spend_limit` its share.
    Source: Newsday co-op advertising page; export co-op, "match" and "share the total earned".
    """
    if terms.rate is None:
        raise AssertionError(terms)
    spend = given(terms.pays_on)
    if terms.spend_limit is not None:
        return paid_at(terms.rate, least(spend, terms.spend_limit))
    return least(paid_at(terms.rate, spend), paid_at(1, given(terms.limit)))


FORM = Form(
    N_("match"),
    required=(Key.PAYS_ON, Key.RATE),
    optional=(Key.LIMIT, Key.SPEND_LIMIT),
    tier_pays=None,
    amount=amount,
    sentence=message(N_("a share of what the merchant spent, up to a limit")),
    one_of=(Key.LIMIT, Key.SPEND_LIMIT),
)
