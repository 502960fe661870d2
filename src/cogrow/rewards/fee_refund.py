"""fee_refund: gives back a share of a fee, less what is retained of it."""

from __future__ import annotations

from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, Unit, greatest, least, multiply, number, subtract
from cogrow.rewards.terms import Form, Key, Terms, given, paid_at


def amount(terms: Terms) -> Tree:
    """Return share x fee - min(retained x share x fee, retained_at_most), the share within 0 to 1.

    Source: Pinduoduo 2024-09 (in proportion to the refund); refund administration fees elsewhere
    (a retained share with a cap of its own).
    """
    fee = given(terms.pays_on)
    returned = paid_at(1, fee)
    if terms.share is not None:
        within = least(greatest(terms.share, number(0)), number(1))
        returned = paid_at(within, fee)
    if terms.retained is None:
        return returned
    kept: Tree = multiply(number(terms.retained), returned, Unit.MONEY)
    if terms.retained_at_most is not None:
        kept = least(kept, paid_at(1, terms.retained_at_most))
    return subtract(returned, kept)


FORM = Form(
    N_("fee_refund"),
    required=(Key.PAYS_ON,),
    optional=(Key.SHARE, Key.RETAINED, Key.RETAINED_AT_MOST),
    tier_pays=None,
    amount=amount,
    sentence=message(N_("a share of a fee, given back")),
)
