"""From a program and a period to its plan: eligible → qualifying → measured → attained → earned → limited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from cogrow.engines.eligible import column_of, eligible, unit_of
from cogrow.engines.exact import Renderer
from cogrow.engines.facts_sql import (
    FactQuery,
    Measured,
    Window,
    by_line,
    over_lines,
)
from cogrow.engines.plan import Added, FactRows, Plan, Step, Stored
from cogrow.engines.ratio import NUMBER_SCALE, SQL, Ratio, ceiling, rounded, whole, wide
from cogrow.engines.reads import check_facts, needed_columns
from cogrow.engines.refund_lines import STEP as REFUND_LINES_STEP
from cogrow.engines.refund_lines import refund_lines
from cogrow.engines.result import result_query
from cogrow.errors import N_, ProgramError, message
from cogrow.expressions.tree import (
    NUMERIC,
    Aggregate,
    Const,
    Op,
    Tree,
    Unit,
    aggregates,
    substitute,
    values,
)
from cogrow.facts import TABLES, FactFiles
from cogrow.period import NOW, Period
from cogrow.programs.program import PartLimits, Program
from cogrow.programs.schedule import BaselineKind
from cogrow.rewards.terms import tier_reached


@dataclass
class Compiler:
    """Builds the steps of one program in one period over facts with the given columns."""

    program: Program
    period: Period
    facts: FactFiles
    steps: list[Step] = field(default_factory=list)
    stored: dict[str, Stored] = field(default_factory=dict)
    rows: list[FactRows] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.zone = self.program.schedule.zone
        self.render = Renderer(self.zone)
        self.available: Mapping[str, Mapping[str, object]] = {
            name: files.columns for name, files in self.facts.tables.items()
        }
        eligibility = self.program.merchants.tree
        self.everyone = isinstance(eligibility, Const) and eligibility.value is True
        baseline = self.program.baseline
        measured = baseline is not None and baseline.kind is not BaselineKind.GIVEN
        self.baseline_period = (
            self.program.schedule.over(baseline.range, self.period)
            if baseline is not None and measured
            else None
        )
        self.now = Window("now", self.period)

    # -- what the program reads ------------------------------------------------------------------

    def expanded(self, name: str) -> Tree:
        """Return a metric's tree down to aggregates, metrics inside it replaced by theirs."""
        measure = self.program.measure(name)
        inside = {other: self.expanded(other) for other in values(measure.tree) if "." not in other}
        tree = substitute(measure.tree, inside)
        return _over_lines(self.program, tree)

    def formulas(self) -> dict[str, tuple[str, Tree]]:
        """Return how each metric and the measured baseline are made of aggregates, and of when."""
        found = {m.name: ("now", self.expanded(m.name)) for m in self.program.measures}
        baseline = self.program.baseline
        if baseline is not None and self.baseline_period is not None:
            found["baseline"] = ("before", self.expanded(baseline.metric))
        return found

    def attributes(self) -> list[str]:
        """Return the dotted names (merchants.x, targets.floor) the program uses as values."""
        trees = [m.tree for m in self.program.measures] + [t.tree for t in self.program.targets]
        trees += [gate.tree for gate in self.program.gates]
        if self.program.baseline and self.program.baseline.tree:
            trees.append(self.program.baseline.tree)
        for component in self.program.components:
            trees += component.terms.trees()
            trees += [component.when.tree] if component.when else []
        return sorted({name for tree in trees for name in values(tree) if "." in name})

    # -- steps -----------------------------------------------------------------------------------

    def compile(self) -> Plan:
        """Return the plan. Raises DataError where the facts lack a table or column it needs."""
        refuse_uncomputed(self.program)
        groups = self.groups()
        needed = needed_columns(self.program, groups, self.attributes(), self.available)
        check_facts(self.program, needed, self.available)
        names = self.attributes()
        self.steps.append(eligible(self.program, self.period, names, self.available))
        for name in names:
            unit = unit_of(self.program, name)
            self.store(name, column_of(name), unit, NUMBER_SCALE if unit is Unit.NUMBER else 1)
        for group in groups:
            self.qualifying(group)
        self.measured(groups)
        self.finish()
        return Plan(
            program=self.program.id,
            version=self.program.version,
            period=self.period,
            baseline_period=self.baseline_period,
            reads={table: tuple(sorted(names)) for table, names in sorted(needed.items())},
            dated={
                group.table: tuple(group.inside(window) for window in group.windows)
                for group in groups
                if group.dates_itself
            }
            | self._orders_dated(groups),
            steps=tuple(self.steps),
            stored=self.stored,
            rows=tuple(self.rows),
            formulas=self.formulas(),
        )

    def _orders_dated(self, groups: list[FactQuery]) -> dict[str, tuple[exp.Expr, ...]]:
        """Return when orders lie in a window, for the groups that are dated by their order."""
        by_order = [group for group in groups if not group.dates_itself]
        found = dict.fromkeys(
            group.order_inside(window) for group in by_order for window in group.windows
        )
        return {"orders": tuple(found)} if found else {}

    def finish(self) -> None:
        """Add the steps from what was measured to the result."""
        self.attained()
        self.earned()
        self.limited()
        query = result_query(self.program, self.period, self.stored)
        sentence = message(N_("one row per merchant and component, every figure kept"))
        self.steps.append(Step("earnings", sentence, query))

    def groups(self) -> list[FactQuery]:
        """Return one query per fact table, with every aggregate the program needs from it."""
        needed: dict[tuple[Aggregate, str], Window] = {}
        for measure in self.program.measures:
            for aggregate in aggregates(self.expanded(measure.name)):
                needed[aggregate, "now"] = self.now
        if self.baseline_period is not None and self.program.baseline is not None:
            before = Window("before", self.baseline_period)
            for aggregate in aggregates(self.expanded(self.program.baseline.metric)):
                needed[aggregate, "before"] = before
        together: dict[tuple[str, bool], list[Measured]] = {}
        for position, ((aggregate, name), window) in enumerate(needed.items(), start=1):
            column = f"{name}_{aggregate.function}_{position}"
            key = aggregate.table, by_line(self.program, aggregate)
            step = f"qualifying_{aggregate.table}" + ("_by_line" if key[1] else "")
            together.setdefault(key, []).append(Measured(aggregate, window, step, column))
        return [
            FactQuery(self.program, *key, measured, self._columns(), self.everyone)
            for key, measured in sorted(together.items())
        ]

    def _columns(self) -> Mapping[str, Mapping[str, object]]:
        canonical = {name: table.by_name for name, table in TABLES.items()}
        return {**canonical, **self.available}

    def store(self, name: str, column: str, unit: Unit, denominator: int | str = 1) -> None:
        """Remember which column of the steps so far holds the figure called `name`."""
        self.stored[name] = Stored(column, unit, denominator)
        below = denominator if isinstance(denominator, int) else exp.column(denominator)
        self.render.values[name] = Ratio(exp.column(column), below)

    def qualifying(self, group: FactQuery) -> None:
        """Add the step that sums one fact table per merchant."""
        if group.by_line and not any(step.name == REFUND_LINES_STEP for step in self.steps):
            query = refund_lines(self.available.get("refunds", ()))
            sentence = message(N_("refunds of whole orders, told apart by order line"))
            self.steps.append(Step(REFUND_LINES_STEP, sentence, query))
        sentence = message(
            N_("qualifying {table} of {periods}, summed per merchant"),
            table=group.table,
            periods=" / ".join(str(window.period) for window in group.windows),
        )
        self.steps.append(Step(group.step, sentence, group.per_merchant()))
        for window in group.windows:
            adds = tuple(
                Added(one.column, one.aggregate, one.scale)
                for one in group.measured
                if one.window == window
            )
            self.rows.append(FactRows(group.table, window.name, group.rows(window), adds))

    def measured(self, groups: list[FactQuery]) -> None:
        """Add the step that puts the metrics and the measured baseline beside each merchant."""
        query = exp.select("eligible.*").from_("eligible")
        now: dict[Aggregate, Ratio] = {}
        before: dict[Aggregate, Ratio] = {}
        foreign: list[SQL] = []
        for group in groups:
            step = group.step
            same = exp.EQ(
                this=exp.column("merchant_id", "eligible"),
                expression=exp.column("merchant_id", step),
            )
            query = query.join(exp.to_table(step), on=same, join_type="left")
            if group.currency() is not None:
                foreign.append(exp.func("COALESCE", exp.column("foreign_rows", step), whole(0)))
            for one in group.measured:
                (now if one.window.name == "now" else before)[one.aggregate] = one.ratio
        query = query.select(exp.alias_(_sum(foreign), "foreign_rows"))
        render = Renderer(self.zone, dict(self.render.values), now)
        for measure in self.program.measures:
            query = self.put(
                query,
                measure.name,
                f"measured_{measure.name}",
                measure.unit,
                render.ratio(self.expanded(measure.name)),
            )
        baseline = self.program.baseline
        if baseline is not None and self.baseline_period is not None:
            back = Renderer(self.zone, dict(self.render.values), before)
            ratio = back.ratio(self.expanded(baseline.metric))
            query = self.put(query, "baseline", "baseline", baseline.unit, ratio)
        sentence = message(N_("what the metrics gave for each merchant"))
        self.steps.append(Step("measured", sentence, query))

    def put(
        self, query: exp.Select, name: str, column: str, unit: Unit, ratio: Ratio
    ) -> exp.Select:
        """Select a ratio under `column`, its denominator beside it where it is not a constant."""
        query = query.select(exp.alias_(wide(ratio.numerator), column))
        if isinstance(ratio.denominator, int):
            self.store(name, column, unit, ratio.denominator)
            return query
        below = f"{column}_denominator"
        self.store(name, column, unit, below)
        return query.select(exp.alias_(wide(ratio.denominator), below))

    def attained(self) -> None:
        """Add the steps that set the baseline and the targets, and hold the gates against them."""
        baseline, source = self.program.baseline, "measured"
        if baseline is not None and baseline.tree is not None and "baseline" not in self.stored:
            query = exp.select("*").from_(source)
            ratio = self.render.ratio(baseline.tree)
            query = self.put(query, "baseline", "baseline", baseline.unit, ratio)
            sentence = message(N_("the baseline: {text}"), text=baseline.text)
            self.steps.append(Step("based", sentence, query))
            source = "based"
        known: dict[str, Tree] = {}
        query = exp.select("*").from_(source)
        for target in self.program.targets:
            known[target.name] = substitute(target.tree, known)
            ratio = self.render.ratio(known[target.name])
            query = query.select(exp.alias_(wide(ceiling(ratio)), f"target_{target.name}"))
            self.stored[target.name] = Stored(f"target_{target.name}", target.unit)
        # Rates multiply and slices begin at the exact target; the column holds the least whole unit
        # that reaches it, which is what a person is told.
        self.exact_targets = known
        for position, gate in enumerate(self.program.gates, start=1):
            holds = exp.func(
                "COALESCE", self.render.flag(substitute(gate.tree, known)), exp.false()
            )
            query = query.select(exp.alias_(holds, f"gate_{position}"))
        sentence = message(N_("targets, and the gates held against what was measured"))
        self.steps.append(Step("attained", sentence, query))

    def earned(self) -> None:
        """Add the steps that compute each component's amount and round it, once."""
        query = exp.select("*").from_("attained")
        passes: list[SQL] = [exp.column("eligible")]
        passes += [exp.column(f"gate_{n}") for n in range(1, len(self.program.gates) + 1)]
        query = query.select(exp.alias_(exp.and_(*passes), "takes_part"))
        below: list[int | SQL] = []
        for n, component in enumerate(self.program.components, start=1):
            terms = component.terms
            when: SQL = exp.true()
            if component.when is not None:
                tree = substitute(component.when.tree, self.exact_targets)
                when = exp.func("COALESCE", self.render.flag(tree), exp.false())
            query = query.select(exp.alias_(when, f"when_{n}"))
            reached: SQL = exp.null()
            if terms.tiers:
                picked = terms if terms.qualifies_on is not None else None
                if picked is None:
                    raise AssertionError(component)
                tree = substitute(tier_reached(terms), self.exact_targets)
                reached = self.render.ratio(tree).numerator
            query = query.select(
                exp.alias_(exp.cast(reached, exp.DataType.build("INT")), f"tier_{n}")
            )
            amount = self.render.ratio(substitute(component.form.amount(terms), self.exact_targets))
            query = query.select(exp.alias_(wide(amount.numerator), f"exact_{n}"))
            if isinstance(amount.denominator, int):
                below.append(amount.denominator)
            else:
                query = query.select(exp.alias_(wide(amount.denominator), f"exact_{n}_denominator"))
                below.append(exp.column(f"exact_{n}_denominator"))
        sentence = message(N_("tiers reached and exact amounts"))
        self.steps.append(Step("exact", sentence, query))
        query = exp.select("*").from_("exact")
        for n, denominator in enumerate(below, start=1):
            whole_units = rounded(Ratio(exp.column(f"exact_{n}"), denominator))
            pays = exp.and_(exp.column("takes_part"), exp.column(f"when_{n}"))
            earns = (
                exp.case().when(pays, exp.func("COALESCE", whole_units, whole(0))).else_(whole(0))
            )
            query = query.select(exp.alias_(exp.paren(earns), f"earned_{n}"))
        sentence = message(N_("each component's amount, rounded half up to the minor unit, once"))
        self.steps.append(Step("earned", sentence, query))

    def limited(self) -> None:
        """Add the step that applies the cap, in the order of the components, and the minimum."""
        cap, least = self.program.limits.per_merchant, self.program.limits.minimum
        count = len(self.program.components)
        upto = [
            _sum([exp.column(f"earned_{n}") for n in range(1, last + 1)])
            for last in range(count + 1)
        ]
        if cap is not None:
            upto = [exp.func("LEAST", total, whole(cap)) for total in upto]
        query = exp.select("*").from_("earned")
        for n in range(1, count + 1):
            part: SQL = exp.Sub(
                this=exp.paren(upto[n].copy()), expression=exp.paren(upto[n - 1].copy())
            )
            if least is not None:
                low = exp.LT(this=exp.paren(upto[count].copy()), expression=whole(least))
                part = exp.case().when(low, whole(0)).else_(part)
            query = query.select(exp.alias_(part, f"amount_{n}"))
        sentence = message(N_("the cap per merchant and the minimum payout"))
        self.steps.append(Step("limited", sentence, query))


def _sum(parts: Sequence[SQL]) -> SQL:
    total: SQL = whole(0)
    for part in parts:
        total = part if total == whole(0) else exp.Add(this=total, expression=part)
    return total


def _over_lines(program: Program, tree: Tree) -> Tree:
    if isinstance(tree, Aggregate):
        return over_lines(program, tree)
    if isinstance(tree, Op):
        return Op(tree.op, tuple(_over_lines(program, arg) for arg in tree.args), tree.unit)
    return tree


def refuse_uncomputed(program: Program) -> None:
    """Raise ProgramError for clauses that can be read and checked but not computed yet."""
    parts = program.components
    ranges = {a.range for m in program.measures for a in aggregates(m.tree)} - {NOW}
    clauses = {
        "per": any(part.per for part in parts),
        "accumulate": any(part.accumulate for part in parts),
        "reward.limits": any(part.limits != PartLimits() for part in parts),
        "enrollment": program.enrollment != "automatic",
        "attribution": program.attribution,
        "stacking": program.stacking,
        "fund": program.fund,
        "limits": program.limits.lifetime is not None or program.limits.never_above,
        "effective.by": program.effective is not None and program.effective.by,
        "period.first": program.schedule.first_days,
        "period.festival": program.schedule.festival,
        "metrics": ranges or any(m.unit not in NUMERIC for m in program.measures),
    }
    found = ", ".join(name for name, there in clauses.items() if there)
    if found:
        what = N_("Program {name} uses what cogrow cannot compute yet: {clauses}.")
        raise ProgramError(message(what, name=program.id, clauses=found))


def compile_plan(program: Program, period: Period, facts: FactFiles) -> Plan:
    """Return the plan of `program` in `period` over `facts`.

    Raises DataError where the facts lack a table or a column the program needs.
    """
    return Compiler(program, period, facts).compile()
