"""Earnings from before as the step `earned` gave them: where merchants share a fund, or are chosen for beside
those who do, all of them come to what follows, and only some of them to what came before it.
"""

from __future__ import annotations

from sqlglot import exp

from cogrow.engines.plan import Plan
from cogrow.engines.ratio import SQL, text, whole
from cogrow.expressions.tree import NUMERIC
from cogrow.programs.program import Program

#: The step to go on from.
STEP = "earned"

#: What earnings from before are called while they are read.
BEFORE = "before"


def earned_before(program: Program, plan: Plan) -> exp.Select:
    """Return the query that makes of earnings, a row per merchant and component, what the steps after
    `earned` read of it, a row per merchant.
    """
    first = program.components[0].name
    columns: dict[str, SQL] = {
        "eligible": _of(first, exp.column("eligible")),
        "takes_part": _of(first, exp.and_(exp.column("eligible"), exp.column("gates_passed"))),
        "foreign_in_all": whole(0),  # they were refused otherwise
    }
    names = {f"gate_{n}": f"gate_{n}" for n in range(1, len(program.gates) + 1)}
    for stored in plan.stored.values():
        names[stored.column] = stored.column
        if isinstance(stored.denominator, str) and stored.unit in NUMERIC:
            names[stored.denominator] = f"{stored.column}_denominator"
    if program.limits.lifetime is not None:
        names["earlier_total"] = "earlier_total_minor"
    columns |= {name: _of(first, exp.column(column)) for name, column in names.items()}
    for n, component in enumerate(program.components, start=1):
        own = {"when": "condition_met", "tier": "tier", "earned": "earned_minor"}
        own |= {"earning": "earning"} if component.per is not None else {}
        own |= {"earlier": "earlier_minor"} if component.accumulate else {}
        columns |= {
            f"{name}_{n}": _of(component.name, exp.column(column)) for name, column in own.items()
        }
    query = exp.select("merchant_id", *(exp.alias_(value, name) for name, value in columns.items()))
    return query.from_(BEFORE).group_by("merchant_id")


def _of(component: str, value: SQL) -> SQL:
    """Return the value in the one row of a merchant and a component."""
    own = exp.EQ(this=exp.column("component"), expression=text(component))
    return exp.Filter(this=exp.AnyValue(this=value), expression=exp.Where(this=own))
