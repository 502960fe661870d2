"""From a program and a period to its plan: eligible → qualifying → measured → attained → earned → limited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlglot
from sqlglot import exp

from cogrow.engines.exact import (
    SQL,
    Ratio,
    Renderer,
    ceiling,
    rounded,
    text,
    whole,
    wide,
)
from cogrow.engines.facts_sql import (
    REFUND_LINES,
    FactQuery,
    Measured,
    Window,
    over_lines,
)
from cogrow.engines.plan import Added, FactRows, Plan, Step, Stored
from cogrow.engines.result import result_query
from cogrow.errors import N_, DataError, Issue, Span, message, nearest
from cogrow.expressions.tree import (
    Aggregate,
    Const,
    Op,
    Tree,
    Unit,
    Value,
    aggregates,
    columns,
    substitute,
    values,
)
from cogrow.facts import TABLES, FactFiles
from cogrow.period import Period
from cogrow.programs.program import BaselineKind, Program
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
            baseline.period_for(self.period) if baseline is not None and measured else None
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
            terms = component.terms
            parts = (terms.pays_on, terms.qualifies_on, terms.over, *(t.start for t in terms.tiers))
            trees += [part for part in parts if part is not None]
            trees += [component.when.tree] if component.when else []
        return sorted({name for tree in trees for name in values(tree) if "." in name})

    # -- steps -----------------------------------------------------------------------------------

    def compile(self) -> Plan:
        """Return the plan. Raises DataError where the facts lack a table or column it needs."""
        groups = self.groups()
        self.check_facts(groups)
        self.eligible()
        for group in groups:
            self.qualifying(group)
        self.measured(groups)
        self.finish()
        tables = dict.fromkeys(
            table for group in groups for table in (group.table, *sorted(group.used))
        )
        others = [name.split(".")[0] for name in self.attributes()]
        start = self.baseline_period.start if self.baseline_period else self.period.start
        return Plan(
            program=self.program.id,
            version=self.program.version,
            period=self.period,
            baseline_period=self.baseline_period,
            tables=tuple(dict.fromkeys(["merchants", *tables, *others])),
            steps=tuple(self.steps),
            stored=self.stored,
            rows=tuple(self.rows),
            formulas=self.formulas(),
            earliest=min(start, self.period.start),
        )

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
        by_table: dict[str, list[Measured]] = {}
        for position, ((aggregate, name), window) in enumerate(needed.items(), start=1):
            column = f"{name}_{aggregate.function}_{position}"
            by_table.setdefault(aggregate.table, []).append(Measured(aggregate, window, column))
        return [
            FactQuery(self.program, table, measured, self._columns(), self.everyone)
            for table, measured in sorted(by_table.items())
        ]

    def _columns(self) -> Mapping[str, Mapping[str, object]]:
        canonical = {name: table.by_name for name, table in TABLES.items()}
        return {**canonical, **self.available}

    def check_facts(self, groups: list[FactQuery]) -> None:
        """Raise DataError naming every table and column the program needs and the facts lack."""
        needed: dict[str, set[str]] = {"merchants": {"merchant_id"}}
        for group in groups:
            trees = [t for m in group.measured for t in (m.aggregate.argument, m.aggregate.where)]
            for ref in [r for t in (*trees, group.condition) if t is not None for r in columns(t)]:
                needed.setdefault(ref.table, set()).add(ref.column)
            date = group.date().find(exp.Column)
            if date is not None:
                needed.setdefault(date.table, set()).add(date.name)
            for table in group.used:
                needed.setdefault(table, set())
        for ref in columns(self.program.merchants.tree):
            needed["merchants"].add(ref.column)
        for name in self.attributes():
            table, _, word = name.partition(".")
            needed.setdefault(table, set()).add(self.program.schema.tables[table][word].name)
        issues = []
        for table, names in sorted(needed.items()):
            if table not in self.available:
                what = message(N_("The program needs the table `{table}`."), table=table)
                issues.append(Issue("FCT101", what, Span(path=table)))
                continue
            for name in sorted(names - set(self.available[table])):
                what = message(
                    N_("The program needs `{column}` of `{table}`."), column=name, table=table
                )
                hint = nearest(name, self.available[table])
                issues.append(Issue("FCT102", what, Span(path=f"{table}.{name}"), hint=hint))
        if issues:
            what = message(N_("The facts lack what program {name} needs."), name=self.program.id)
            raise DataError(what, issues)

    def eligible(self) -> None:
        """Add the step that says who may take part, with the attributes later steps use."""
        render = Renderer(self.zone)
        holds = exp.func("COALESCE", render.flag(self.program.merchants.tree), exp.false())
        query = exp.select("merchants.merchant_id", exp.alias_(holds, "eligible")).from_(
            "merchants"
        )
        for name in self.attributes():
            table, _, word = name.partition(".")
            column = self.program.schema.tables[table][word]
            alias = name.replace(".", "_")
            unit = Value(name, self._unit(name)).unit
            source: SQL = exp.column(column.name, table)
            if table != "merchants":
                source = exp.column(column.name, table)
                query = self._join_imported(query, table)
            if unit is Unit.NUMBER:
                scaled = exp.Mul(this=source, expression=whole(10**6))
                source = exp.cast(scaled, exp.DataType.build("BIGINT"))
                self.store(name, alias, unit, 10**6)
            else:
                self.store(name, alias, unit)
            query = query.select(exp.alias_(source, alias))
        sentence = message(
            N_("who may take part: {condition}"), condition=self.program.merchants.text
        )
        self.steps.append(Step("eligible", sentence, query))

    def _unit(self, name: str) -> Unit:
        table, _, word = name.partition(".")
        found = self.program.schema.column(table, word)
        if found is None:
            raise AssertionError(name)
        return found.unit

    def _join_imported(self, query: exp.Select, table: str) -> exp.Select:
        if any(join.this.alias_or_name == table for join in query.args.get("joins") or []):
            return query
        on = [
            exp.EQ(
                this=exp.column("merchant_id", "merchants"),
                expression=exp.column("merchant_id", table),
            )
        ]
        have = self.available.get(table, {})
        if "program" in have:
            on.append(exp.EQ(this=exp.column("program", table), expression=text(self.program.id)))
        if "period" in have:
            on.append(exp.EQ(this=exp.column("period", table), expression=text(self.period.name)))
        return query.join(exp.to_table(table), on=exp.and_(*on), join_type="left")

    def store(self, name: str, column: str, unit: Unit, denominator: int | str = 1) -> None:
        """Remember which column of the steps so far holds the figure called `name`."""
        self.stored[name] = Stored(column, unit, denominator)
        below = denominator if isinstance(denominator, int) else exp.column(denominator)
        self.render.values[name] = Ratio(exp.column(column), below)

    def qualifying(self, group: FactQuery) -> None:
        """Add the step that sums one fact table per merchant."""
        if group.by_line and not any(step.name == "refund_lines" for step in self.steps):
            extra = ("merchant_id", "currency", "reason", "kind")
            have = [c for c in extra if c in self.available.get("refunds", ())]
            sql = REFUND_LINES.format(
                extra="".join(f", {c}" for c in have), extra_r="".join(f", r.{c}" for c in have)
            )
            sentence = message(N_("refunds of whole orders, told apart by order line"))
            query = sqlglot.parse_one(sql, dialect="duckdb")
            if not isinstance(query, exp.Query):
                raise AssertionError(sql)
            self.steps.append(Step("refund_lines", sentence, query))
        sentence = message(
            N_("qualifying {table} of {periods}, summed per merchant"),
            table=group.table,
            periods=" / ".join(str(window.period) for window in group.windows),
        )
        self.steps.append(Step(f"qualifying_{group.table}", sentence, group.per_merchant()))
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
            step = f"qualifying_{group.table}"
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


def compile_plan(program: Program, period: Period, facts: FactFiles) -> Plan:
    """Return the plan of `program` in `period` over `facts`.

    Raises DataError where the facts lack a table or a column the program needs.
    """
    return Compiler(program, period, facts).compile()
