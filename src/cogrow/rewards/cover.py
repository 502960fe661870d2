"""cover: bears a cost, or a share of it, up to a limit."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, least
from cogrow.rewards.terms import Form, Key, Terms, given, paid_at


def amount(terms: Terms) -> Tree:
    """Return min(rate x cost, limit); all of the cost where no rate is given.

    Source: Taobao return-freight cover, 2024-09.
    """
    rate = 1 if terms.rate is None else terms.rate
    return least(paid_at(rate, given(terms.pays_on)), paid_at(1, given(terms.limit)))


FORM = Form(
    N_("cover"),
    required=(Key.PAYS_ON, Key.LIMIT),
    optional=(Key.RATE,),
    tier_pays=None,
    amount=amount,
    sentence=message(N_("a cost that is borne, up to a limit")),
)
