"""The steps `exact` and `earned`: what each component comes to for a merchant, rounded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from cogrow.engines.plan import Step
from cogrow.engines.ratio import SQL, Ratio, cast, join, rounded, same, total, whole, wide
from cogrow.engines.steps.things import summed_of
from cogrow.engines.terms_sql import terms_of
from cogrow.errors import N_, message

if TYPE_CHECKING:
    from cogrow.engines.compile import Compiler


def earned(compiler: Compiler) -> None:
    """Add the steps that compute each component's amount and round it, once; what adds up over
    periods is less what the periods before had of it.
    """
    program = compiler.program
    if (step := compiler.earlier()) is not None:
        compiler.steps.append(step)
    _exact(compiler, with_earlier=step is not None)
    query = exp.select("*").from_("exact")
    for n, component in enumerate(program.components, start=1):
        if component.per is not None:
            units: SQL = exp.column(f"exact_{n}")
        else:
            below: int | SQL = compiler.below.get(n, 1)
            units = rounded(Ratio(exp.column(f"exact_{n}"), below))
            holds = exp.column(f"when_{n}")
            units = exp.case().when(holds, exp.func("COALESCE", units, whole(0))).else_(whole(0))
        if component.accumulate:
            units = exp.Sub(this=exp.paren(units), expression=exp.column(f"earlier_{n}"))
        earns = exp.case().when(exp.column("takes_part"), units).else_(whole(0))
        query = query.select(exp.alias_(exp.paren(earns), f"earned_{n}"), copy=False)
    sentence = message(N_("each component's amount, rounded half up to the minor unit, once"))
    compiler.steps.append(Step("earned", sentence, query))


def _exact(compiler: Compiler, *, with_earlier: bool) -> None:
    program = compiler.program
    query = exp.select("attained.*").from_("attained")
    passes: list[SQL] = [exp.column("eligible")]
    passes += [exp.column(f"gate_{n}") for n in range(1, len(program.gates) + 1)]
    query = query.select(exp.alias_(exp.and_(*passes), "takes_part"), copy=False)
    foreign: list[SQL] = [exp.column("foreign_rows", "attained")]
    for n, component in enumerate(program.components, start=1):
        if component.per is not None:
            step = summed_of(component)
            on = same("merchant_id", "attained", step)
            query = join(query, step, on)
            met = exp.func("COALESCE", exp.column("things_met", step), exp.false())
            when: SQL = met if component.when is not None else exp.true()
            tier: SQL = cast(exp.null(), "INT")
            amount = Ratio(exp.func("COALESCE", exp.column("things_earned", step), whole(0)))
            earning = exp.func("COALESCE", exp.column("things_earning", step), whole(0))
            query = query.select(exp.alias_(earning, f"earning_{n}"), copy=False)
            rows = exp.column("foreign_things", step)
            foreign.append(exp.func("COALESCE", rows, whole(0)))
        else:
            when, tier, amount = terms_of(compiler.render, component, compiler.exact_targets)
        query = query.select(
            exp.alias_(when, f"when_{n}"), exp.alias_(tier, f"tier_{n}"), copy=False
        )
        query = query.select(exp.alias_(wide(amount.numerator), f"exact_{n}"), copy=False)
        if not isinstance(amount.denominator, int):
            query = query.select(
                exp.alias_(wide(amount.denominator), f"exact_{n}_denominator"), copy=False
            )
            compiler.below[n] = exp.column(f"exact_{n}_denominator")
        else:
            compiler.below[n] = amount.denominator
    query = query.select(exp.alias_(total(foreign), "foreign_in_all"), copy=False)
    if with_earlier:
        on = same("merchant_id", "attained", "earlier")
        query = join(query, "earlier", on)
        names = [f"earlier_{n}" for n, c in enumerate(program.components, 1) if c.accumulate]
        for name in (*names, "earlier_total"):
            had = exp.func("COALESCE", exp.column(name, "earlier"), whole(0))
            query = query.select(exp.alias_(wide(had), name), copy=False)
    compiler.steps.append(Step("exact", message(N_("tiers reached and exact amounts")), query))
