"""From a program and a period to its plan: eligible → qualifying → measured → attained → exact → earned
→ limited → stacked → funded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

from sqlglot import exp

from cogrow.engines.exact import Renderer
from cogrow.engines.listed import rows
from cogrow.engines.plan import Added, FactRows, Plan, Step, Stored, Things
from cogrow.engines.ratio import (
    NUMBER_SCALE,
    SQL,
    Ratio,
    ceiling,
    join,
    same,
    total,
    whole,
    wide,
)
from cogrow.engines.reads import attributes, check_facts, needed_columns
from cogrow.engines.steps import clicks
from cogrow.engines.steps.beside import earlier, taken_before
from cogrow.engines.steps.bounded import bounded
from cogrow.engines.steps.earned import earned
from cogrow.engines.steps.eligible import column_of, eligible, is_eligible, unit_of
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.measured import (
    Figures,
    Measured,
    Window,
    by_line,
    lines_decide,
    over_lines,
    step_of,
    window,
)
from cogrow.engines.steps.refund_lines import STEP as REFUND_LINES_STEP
from cogrow.engines.steps.refund_lines import refund_lines
from cogrow.engines.steps.result import labels_of, result_query
from cogrow.engines.steps.thing_columns import carry
from cogrow.engines.steps.things import ThingSteps
from cogrow.errors import N_, message
from cogrow.expressions.tree import (
    Aggregate,
    Const,
    Tree,
    Unit,
    aggregates,
    over_range,
    substitute,
    values,
)
from cogrow.facts import TABLES, FactFiles
from cogrow.period import NOW, Period
from cogrow.programs.grain import Grain
from cogrow.programs.program import Program
from cogrow.programs.schedule import BaselineKind


@dataclass
class Compiler:
    """Builds the steps of one program in one period over facts with these columns.

    `given`: the values of a merchant are given instead of measured. `some`: it is run for some merchants, so
    that steps leave out the rows of others even where all are eligible.
    """

    program: Program
    period: Period
    facts: FactFiles
    steps: list[Step] = field(default_factory=list)
    rows: list[FactRows] = field(default_factory=list)
    things: dict[str, Things] = field(default_factory=dict)
    given: bool = False
    some: bool = False

    def __post_init__(self) -> None:
        self.zone = self.program.schedule.zone
        self.render = Renderer(self.zone)
        self.figures = Figures(self.render)
        self.stored = self.figures.stored
        self.available: Mapping[str, Mapping[str, object]] = {
            name: files.columns for name, files in self.facts.tables.items()
        }
        eligibility = self.program.merchants.tree
        automatic = self.program.enrollment == "automatic"
        anybody = automatic and isinstance(eligibility, Const) and eligibility.value is True
        self.everyone = anybody and not self.some
        baseline = self.program.baseline
        self.measures_baseline = baseline is not None and baseline.kind is not BaselineKind.GIVEN
        self.baseline_period = (
            self.program.schedule.over(baseline.range, self.period)
            if baseline is not None and self.measures_baseline
            else None
        )
        self.groups: list[FactQuery] = []
        self.exact_targets: dict[str, Tree] = {}
        self.below: dict[int, int | SQL] = {}

    # -- what the program reads ------------------------------------------------------------------

    def expanded(self, name: str, grain: str = "") -> Tree:
        """Return a metric's tree down to aggregates, metrics inside it replaced by theirs."""
        measure = self.program.measure(name)
        inside = {n: self.expanded(n, grain) for n in values(measure.tree) if "." not in n}
        return over_lines(self.program, substitute(measure.tree, inside), grain)

    @cached_property
    def formulas(self) -> dict[str, Tree]:
        """How each metric of the merchant and the measured baseline are made of aggregates."""
        found = {m.name: self.expanded(m.name) for m in self.program.merchant_measures}
        baseline = self.program.baseline
        if baseline is not None and self.measures_baseline:
            found["baseline"] = over_range(self.expanded(baseline.metric), baseline.range)
        return found

    # -- steps -----------------------------------------------------------------------------------

    def compile(self) -> Plan:
        """Return the plan. Raises DataError where the facts lack a table or column it needs."""
        self.groups = self._groups()
        names = attributes(self.program)
        clicked = any(clicks.STEP in group.used for group in self.groups)
        needed = needed_columns(self.program, self.groups, names, self.available)
        check_facts(self.program, needed, self.available)
        self.steps += eligible(self.program, self.period, names, self.available)
        for name in names:
            unit = unit_of(self.program, name)
            self.figures.store(
                name, column_of(name), unit, NUMBER_SCALE if unit is Unit.NUMBER else 1
            )
        if clicked and self.program.attribution is not None:
            have, asked_of = set(self.available["visits"]), self._clicked_orders()
            placed = self._clicked_spans()
            step = clicks.clicks(self.program, self.program.attribution, have, asked_of, placed)
            self.steps.append(step)
        for group in self.groups:
            self.qualifying(group)
        self.measured()
        self.finish()
        return self.plan(
            {table: tuple(sorted(names)) for table, names in sorted(needed.items())},
            self._dated(seen=clicked),
            self.formulas,
        )

    def _clicked_orders(self) -> list[SQL]:
        """Return the conditions of the orders of which it matters to what click they are owed."""
        found: list[SQL] = []
        asking = [group for group in self.groups if clicks.STEP in group.used]
        if not any(group.dates_itself for group in asking):
            windows = [group.order_inside(one) for group in asking for one in group.windows]
            found.append(exp.or_(*dict.fromkeys(windows)))
        if not self.everyone:
            found.append(is_eligible(exp.column("merchant_id", "orders")))
        return found

    def _clicked_spans(self) -> list[clicks.Span]:
        """Return when the orders of which it matters were placed; nothing where other days say which."""
        asking = [group for group in self.groups if clicks.STEP in group.used]
        placed = self.program.qualifying.dated_by == TABLES["orders"].dated_by
        if not placed or any(group.dates_itself and group.table != "orders" for group in asking):
            return []
        windows = dict.fromkeys(one for group in asking for one in group.windows)
        return [one.period.instants(self.zone) for one in windows]

    def plan(
        self,
        reads: dict[str, tuple[str, ...]],
        dated: dict[str, tuple[exp.Expr, ...]],
        formulas: dict[str, Tree],
    ) -> Plan:
        """Return the plan of the steps so far."""
        return Plan(
            program=self.program.id,
            version=self.program.version,
            period=self.period,
            baseline_period=self.baseline_period,
            reads=reads,
            dated=dated,
            steps=tuple(self.steps),
            stored=self.stored,
            rows=tuple(self.rows),
            formulas=formulas,
            things=self.things,
            labels=labels_of(self.program, self.period),
            scans=tuple(self.groups),
        )

    def _dated(self, *, seen: bool) -> dict[str, tuple[exp.Expr, ...]]:
        """Return when rows lie in a window, for tables that carry their own date; orders where groups
        are dated by their order. Visits an order can be owed to (`seen`) come from before.
        """
        found: dict[str, dict[exp.Expr, None]] = {}
        for group in self.groups:
            table = group.table if group.dates_itself else "orders"
            for one in group.windows:
                inside = group.inside(one) if group.dates_itself else group.order_inside(one)
                found.setdefault(table, {})[inside] = None
        if seen:
            found.pop("visits", None)
            found.pop("orders", None)
        return {table: tuple(conditions) for table, conditions in found.items()}

    def earlier(self) -> Step | None:
        """Return the step with what earlier periods had, if any is asked."""
        return earlier(self.program, self.period)

    def finish(self) -> None:
        """Add the steps from what was measured to the result."""
        self.attained()
        for component in self.program.components:
            if component.per is not None:
                ThingSteps(self, component, component.per).add()
        earned(self)
        query = result_query(self.program, self.stored, bounded(self))
        sentence = message(N_("one row per merchant and component, every figure kept"))
        self.steps.append(Step("earnings", sentence, query))

    def _groups(self) -> list[FactQuery]:
        """Return one query per fact table, with every aggregate the program needs from it; for each
        component that pays thing by thing, queries of its own.
        """
        found = self._measuring("", None, list(self.formulas.values()))
        for part in self.program.components:
            if part.per is None:
                continue
            trees = [self.expanded(name, part.per.name) for name in part.measures]
            found += self._measuring(part.name, part.per, trees)
            if not part.measures:
                table = part.per.table
                if table == "orders" and lines_decide(self.program):
                    table = "order_lines"  # an order is paid for where a line of it qualifies
                step = step_of(table, by_line=False, component=part.name)
                group = self._group(table, part.per, [], step, part.name)
                days = window(self.program.schedule, part.accumulate or NOW, self.period)
                group.windows += [days] if days is not None else []
                found.append(group)
            carry(self.program, part, [one for one in found if one.component == part.name])
        return found

    def _measuring(
        self, component: str, grain: Grain | None, trees: Sequence[Tree]
    ) -> list[FactQuery]:
        """Return the queries that measure what the trees are made of."""
        needed: dict[Aggregate, Window] = {}
        for tree in trees:
            for aggregate in aggregates(tree):
                days = window(self.program.schedule, aggregate.range, self.period)
                if days is not None:
                    needed[aggregate] = days
        name = grain.name if grain is not None else ""
        together: dict[tuple[str, bool], list[Measured]] = {}
        for position, (aggregate, days) in enumerate(needed.items(), start=1):
            key = aggregate.table, by_line(self.program, aggregate, name)
            step = step_of(*key, component)
            column = f"{days.name}_{aggregate.function}_{position}"
            together.setdefault(key, []).append(Measured(aggregate, days, step, column))
        return [
            self._group(table, grain, measured, measured[0].step, component, by_line=lines)
            for (table, lines), measured in sorted(together.items())
        ]

    def _group(
        self,
        table: str,
        grain: Grain | None,
        measured: list[Measured],
        step: str,
        component: str,
        *,
        by_line: bool = False,
    ) -> FactQuery:
        canonical = {name: table.by_name for name, table in TABLES.items()}
        have = {**canonical, **self.available}
        found = FactQuery(
            self.program, table, by_line, measured, have, self.everyone, step, grain, component
        )
        found.currencies = self.facts.currencies
        return found

    def qualifying(self, group: FactQuery) -> None:
        """Add the step that sums one fact table per merchant, or thing."""
        if group.by_line and not any(step.name == REFUND_LINES_STEP for step in self.steps):
            asking = [one for one in self.groups if one.by_line]
            query = refund_lines(self.available.get("refunds", ()), asking)
            sentence = message(N_("refunds of whole orders, told apart by order line"))
            self.steps.append(Step(REFUND_LINES_STEP, sentence, query))
        what = N_("qualifying {table} of {periods}, summed per merchant")
        if group.grain is not None:
            what = N_("qualifying {table} of {periods}, summed per {grain}")
        sentence = message(
            what,
            table=group.table,
            periods=" / ".join(str(window.period) for window in group.windows),
            grain=group.grain.name if group.grain else "",
        )
        self.steps.append(Step(group.step, sentence, group.grouped()))
        for one in group.windows:
            adds = tuple(
                Added(measured.column, measured.aggregate, measured.scale)
                for measured in group.measured
                if measured.window == one
            )
            grain = group.grain.name if group.grain else ""
            listed = FactRows(
                group.table, one.name, one.period, partial(rows, group, one), adds, grain
            )
            self.rows.append(listed)

    def measured(self) -> None:
        """Add the step that puts the metrics and the measured baseline beside each merchant."""
        query = exp.select("eligible.*").from_("eligible")
        known: dict[Aggregate, Ratio] = {}
        foreign: list[SQL] = []
        for group in self.groups:
            if group.grain is not None:
                continue
            on = same("merchant_id", "eligible", group.step)
            query = join(query, group.step, on)
            if group.currency() is not None:
                rows = exp.column("foreign_rows", group.step)
                foreign.append(exp.func("COALESCE", rows, whole(0)))
            known |= {one.aggregate: one.ratio for one in group.measured}
        query = query.select(exp.alias_(total(foreign), "foreign_rows"), copy=False)
        if self.program.stacking is not None and not self.program.stacking.chooses:
            query = self._taken(query)
        for tree in self.formulas.values():
            for aggregate in aggregates(tree):
                known.setdefault(aggregate, Ratio(exp.null()))  # no such days in the calendar
        render = Renderer(self.zone, dict(self.render.values), known)
        for measure in self.program.merchant_measures:
            tree = self.formulas[measure.name]
            query = self.figures.measure(query, measure, measure.column, tree, render)
        baseline = self.program.baseline
        if baseline is not None and self.measures_baseline:
            ratio = render.ratio(self.formulas["baseline"])
            query = self.figures.put(query, "baseline", "baseline", baseline.unit, ratio)
        sentence = message(N_("what the metrics gave for each merchant"))
        self.steps.append(Step("measured", sentence, query))

    def _taken(self, query: exp.Select) -> exp.Select:
        """Select what the programs before this one in the order have given the merchant."""
        stacking = self.program.stacking
        if stacking is None:
            raise AssertionError(self.program.id)
        before = stacking.programs[: stacking.programs.index(self.program.id)]
        source = exp.alias_(taken_before(self.period, before).subquery(), "beside", table=True)
        same_merchant = same("merchant_id", "eligible", "beside")
        query = join(query, source, same_merchant)
        amount = exp.func("COALESCE", exp.column("minor", "beside"), whole(0))
        query = query.select(exp.alias_(wide(amount), "taken"), copy=False)
        self.figures.store("taken", "taken", Unit.MONEY)
        return query

    def attained(self) -> None:
        """Add the steps that set the baseline and the targets, and hold the gates against them."""
        baseline, source = self.program.baseline, "measured"
        if baseline is not None and baseline.tree is not None and "baseline" not in self.stored:
            query = exp.select("*").from_(source)
            ratio = self.render.ratio(baseline.tree)
            query = self.figures.put(query, "baseline", "baseline", baseline.unit, ratio)
            sentence = message(N_("the baseline: {text}"), text=baseline.text)
            self.steps.append(Step("based", sentence, query))
            source = "based"
        known: dict[str, Tree] = {}
        query = exp.select("*").from_(source)
        for target in self.program.targets:
            known[target.name] = substitute(target.tree, known)
            ratio = self.render.ratio(known[target.name])
            query = query.select(
                exp.alias_(wide(ceiling(ratio)), f"target_{target.name}"), copy=False
            )
            self.stored[target.name] = Stored(f"target_{target.name}", target.unit)
        # Rates multiply and slices begin at the exact target; the column holds the least whole unit
        # that reaches it, which is what a person is told.
        self.exact_targets = known
        for position, gate in enumerate(self.program.gates, start=1):
            holds = exp.func(
                "COALESCE", self.render.flag(substitute(gate.tree, known)), exp.false()
            )
            query = query.select(exp.alias_(holds, f"gate_{position}"), copy=False)
        sentence = message(N_("targets, and the gates held against what was measured"))
        self.steps.append(Step("attained", sentence, query))


def compile_plan(program: Program, period: Period, facts: FactFiles, *, some: bool = False) -> Plan:
    """Return the plan of `program` in `period` over `facts`; for `some` merchants, one that does not measure
    the others.

    Raises DataError where the facts lack a table or a column the program needs.
    """
    return Compiler(program, period, facts, some=some).compile()
