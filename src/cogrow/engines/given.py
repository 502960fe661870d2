"""The plan over values that are given instead of measured: worked examples, and drafts on paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from sqlglot import exp

from cogrow.engines.compile import Compiler
from cogrow.engines.plan import Plan, Step
from cogrow.engines.ratio import SQL, text, whole, wide
from cogrow.errors import N_, message
from cogrow.expressions.tree import Tree, Unit, aggregates, values
from cogrow.facts import FactFiles
from cogrow.period import Period
from cogrow.programs.program import Program

Given = Mapping[str, Fraction | str | bool]


def needed_names(program: Program) -> set[str]:
    """Return the names the program's targets, rewards and own baseline cannot do without."""
    trees: list[Tree] = [target.tree for target in program.targets]
    if program.baseline is not None and program.baseline.tree is not None:
        trees.append(program.baseline.tree)
    for component in program.components:
        trees += component.terms.trees()
        trees += [component.when.tree] if component.when else []
    targets = {target.name for target in program.targets}
    return {name for tree in trees for name in values(tree)} - targets


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
    program = replace(program, gates=tuple(gates))
    compiler = Compiler(program, period, FactFiles("", {}, ""))
    units = {measure.name: measure.unit for measure in program.measures}
    if program.baseline is not None:
        units["baseline"] = program.baseline.unit
    scales = {name: _scale(name, cases) for name in known}
    rows = [_row(position, case, units, scales) for position, case in enumerate(cases, start=1)]
    query: exp.Query = rows[0]
    for row in rows[1:]:
        query = exp.union(query, row, distinct=False)
    for name in cases[0]:
        column, unit = _column(name, units), units.get(name, Unit.MONEY)
        compiler.store(name, column, unit, scales[name])
    compiler.steps.append(Step("given", message(N_("values as given")), query))
    select = exp.select("*").from_("given")
    for name in follow:
        measure = program.measure(name)
        ratio = compiler.render.ratio(measure.tree)
        select = compiler.put(select, name, f"measured_{name}", measure.unit, ratio)
    compiler.steps.append(Step("measured", message(N_("what follows from them")), select))
    compiler.finish()
    return Plan(
        program=program.id,
        version=program.version,
        period=period,
        baseline_period=compiler.baseline_period,
        reads={},
        dated={},
        steps=tuple(compiler.steps),
        stored=compiler.stored,
        rows=(),
        formulas={},
    )


def _all(program: Program, known: set[str], follow: list[str]) -> set[str]:
    own = {"baseline"} if program.baseline and program.baseline.tree is not None else set()
    return known | set(follow) | own | {target.name for target in program.targets}


def _column(name: str, units: Mapping[str, Unit]) -> str:
    if name == "baseline":
        return name
    return f"measured_{name}" if name in units else name.replace(".", "_")


def _scale(name: str, cases: Sequence[Given]) -> int:
    below = [v.denominator for case in cases if isinstance(v := case[name], Fraction)]
    return math.lcm(*below) if below else 1


def _row(
    position: int, case: Given, units: Mapping[str, Unit], scales: Mapping[str, int]
) -> exp.Select:
    query = exp.select(
        exp.alias_(text(f"case-{position:04d}"), "merchant_id"),
        exp.alias_(exp.true(), "eligible"),
        exp.alias_(whole(0), "foreign_rows"),
    )
    for name, value in case.items():
        if isinstance(value, Fraction):
            sql: SQL = wide(whole((value * scales[name]).numerator))
        else:
            sql = exp.convert(value, copy=True)
        query = query.select(exp.alias_(sql, _column(name, units)))
    return query
