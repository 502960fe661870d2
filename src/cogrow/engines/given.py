"""The plan over values that are given instead of measured: worked examples, and drafts on paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from fractions import Fraction

from sqlglot import exp

from cogrow.engines.compile import Compiler
from cogrow.engines.plan import Plan, Step
from cogrow.engines.ratio import SQL, day, instant, text, whole, wide
from cogrow.engines.steps.beside import earlier
from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, Unit, aggregates, values
from cogrow.facts import FactFiles
from cogrow.period import Period
from cogrow.programs.program import Condition, Program
from cogrow.programs.reading.build import OF_THE_MERCHANT

Given = Mapping[str, Fraction | str | bool | date]

#: Values a case may leave out; they are 0 then.
DEFAULTS = ("taken", "earlier")


@dataclass
class GivenCompiler(Compiler):
    """Builds the steps from values that stand in a step `given`."""

    names: tuple[str, ...] = ()

    def earlier(self) -> Step | None:
        """Return what the cases say earlier periods had; every component that adds up had all of it."""
        step = earlier(self.program, self.period)
        if step is None:
            return None
        had: SQL = exp.column("earlier") if "earlier" in self.names else whole(0)
        query = exp.select("merchant_id").from_("given")
        for column in step.query.named_selects[1:]:
            query = query.select(exp.alias_(had.copy(), column), copy=False)
        return Step("earlier", step.sentence, query)


def needed_names(program: Program) -> set[str]:
    """Return the names the program's targets, rewards and own baseline cannot do without."""
    trees: list[Tree] = [target.tree for target in program.targets]
    if program.baseline is not None and program.baseline.tree is not None:
        trees.append(program.baseline.tree)
    for component in program.components:
        trees += component.trees()
    if program.limits.never_above is not None:
        trees.append(program.limits.never_above.tree)
    targets = {target.name for target in program.targets}
    firsts = {part.limits.first_of for part in program.components} - {""}
    names = {name for tree in trees for name in values(tree)} | firsts
    return names - targets - {*DEFAULTS, "period.start", "period.end"}


def derived(program: Program, known: set[str]) -> list[str]:
    """Return the metrics that follow from the known values alone, in the order to compute them."""
    found: list[str] = []
    for measure in program.measures:
        inside = set(values(measure.tree))
        follows = inside and inside <= known | set(found) and not aggregates(measure.tree)
        if follows and measure.name not in known:
            found.append(measure.name)
    return found


def compile_given(program: Program, period: Period, cases: Sequence[Given]) -> Plan:
    """Return the plan that computes each case as one merchant (`case-0001`, …).

    All cases give the same names. Everyone is eligible; a gate on a value that is not given passes.
    """
    known = set(cases[0])
    follow = derived(program, known)
    gates = [
        gate for gate in program.gates if set(values(gate.tree)) <= _all(program, known, follow)
    ]
    program = _alone(program, tuple(gates))
    facts, names = FactFiles("", {}, ""), tuple(known)
    compiler = GivenCompiler(program, period, facts, given=True, names=names)
    units = units_of(program)
    scales = {name: _scale(name, cases) for name in known}
    rows = [
        _row(position, case, units, scales, period) for position, case in enumerate(cases, start=1)
    ]
    query: exp.Query = rows[0]
    for row in rows[1:]:
        query = exp.union(query, row, distinct=False)
    for name in cases[0]:
        column, unit = _column(name, units), units.get(name, Unit.MONEY)
        compiler.figures.store(name, column, unit, scales[name])
    if program.stacking is not None and "taken" not in known:
        compiler.figures.store("taken", "taken", Unit.MONEY)
    for name in ("period.start", "period.end"):
        compiler.figures.store(name, _column(name, units), Unit.DAY)
    compiler.steps.append(Step("given", message(N_("values as given")), query))
    select = exp.select("*").from_("given")
    for name in follow:
        measure = program.measure(name)
        ratio = compiler.render.ratio(measure.tree)
        select = compiler.figures.put(select, name, measure.column, measure.unit, ratio)
    compiler.steps.append(Step("measured", message(N_("what follows from them")), select))
    compiler.finish()
    return compiler.plan({}, {}, {})


def _alone(program: Program, gates: tuple[Condition, ...]) -> Program:
    """Return the program as it holds for a case: no other program, and no merchant, is beside it."""
    fund = program.fund and replace(program.fund, exhausted="committed", by=None)
    chosen = program.stacking is not None and program.stacking.chooses
    stacking = None if chosen else program.stacking
    return replace(program, gates=gates, stacking=stacking, fund=fund)


def units_of(program: Program) -> dict[str, Unit]:
    """Return the unit of every value a case can give by name."""
    units = {measure.name: measure.unit for measure in program.measures}
    units |= {name + OF_THE_MERCHANT: unit for name, unit in units.items()}
    if program.baseline is not None:
        units["baseline"] = program.baseline.unit
    return units | dict.fromkeys(DEFAULTS, Unit.MONEY)


def _all(program: Program, known: set[str], follow: list[str]) -> set[str]:
    own = {"baseline"} if program.baseline and program.baseline.tree is not None else set()
    always = {*DEFAULTS, "period.start", "period.end"}
    return known | set(follow) | own | always | {target.name for target in program.targets}


def _column(name: str, units: Mapping[str, Unit]) -> str:
    if name == "baseline":
        return name
    if name in DEFAULTS:
        return name
    plain = name.replace(".", "_").replace(" ", "_")
    return f"measured_{plain}" if name in units else plain


def _scale(name: str, cases: Sequence[Given]) -> int:
    below = [v.denominator for case in cases if isinstance(v := case[name], Fraction)]
    return math.lcm(*below) if below else 1


def _row(
    position: int,
    case: Given,
    units: Mapping[str, Unit],
    scales: Mapping[str, int],
    period: Period,
) -> exp.Select:
    query = exp.select(
        exp.alias_(text(f"case-{position:04d}"), "merchant_id"),
        exp.alias_(exp.true(), "eligible"),
        exp.alias_(whole(0), "foreign_rows"),
        exp.alias_(day(period.start), "period_start"),
        exp.alias_(day(period.end), "period_end"),
    )
    if "taken" not in case:
        query = query.select(exp.alias_(whole(0), "taken"), copy=False)
    for name, value in case.items():
        if isinstance(value, datetime):
            sql: SQL = instant(value.replace(tzinfo=UTC))
        elif isinstance(value, date):
            sql = day(value)
        elif isinstance(value, Fraction):
            sql = wide(whole((value * scales[name]).numerator))
        else:
            sql = exp.convert(value, copy=True)
        query = query.select(exp.alias_(sql, _column(name, units)), copy=False)
    return query
