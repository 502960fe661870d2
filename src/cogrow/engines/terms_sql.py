"""The terms of one component in SQL: its condition, the tier reached, the exact amount."""

from __future__ import annotations

from sqlglot import exp

from cogrow.engines.exact import Renderer
from cogrow.engines.ratio import SQL, Ratio, cast
from cogrow.expressions.tree import Tree, substitute
from cogrow.programs.program import Component
from cogrow.rewards.terms import tier_reached


def terms_of(
    render: Renderer, component: Component, known: dict[str, Tree]
) -> tuple[SQL, SQL, Ratio]:
    """Return the condition, the tier reached and the exact amount of a component's terms; `known` are
    the exact targets.
    """
    terms = component.terms
    when: SQL = exp.true()
    if component.when is not None:
        tree = substitute(component.when.tree, known)
        when = exp.func("COALESCE", render.flag(tree), exp.false())
    reached: SQL = exp.null()
    if terms.tiers:
        reached = render.ratio(substitute(tier_reached(terms), known)).numerator
    amount = render.ratio(substitute(component.form.amount(terms), known))
    return when, cast(reached, "INT"), amount
