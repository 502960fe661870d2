"""The steps of a component that pays thing by thing: per order line, order, product, campaign and so on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlglot import exp

from cogrow.engines.exact import Renderer
from cogrow.engines.plan import Step, Stored, Things
from cogrow.engines.ratio import (
    NUMBER_SCALE,
    SQL,
    Ratio,
    join,
    rounded,
    running_sum,
    same,
    text,
    total,
    whole,
    wide,
)
from cogrow.engines.steps.eligible import column_of, unit_of
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.measured import Figures
from cogrow.engines.steps.thing_columns import CURRENCY, coarser, dated, own_columns, own_names
from cogrow.engines.terms_sql import terms_of
from cogrow.errors import N_, message
from cogrow.expressions.tree import (
    Aggregate,
    Unit,
    Value,
    aggregates,
    substitute,
)
from cogrow.programs.grain import Grain
from cogrow.programs.program import Component
from cogrow.programs.reading.build import OF_THE_MERCHANT

if TYPE_CHECKING:
    from cogrow.engines.compile import Compiler


@dataclass
class ThingSteps:
    """Adds the steps of a component to a compiler: its things measured, what each earns,
    which of them count, and their sum per merchant in the step `summed_of(component)`.
    """

    compiler: Compiler
    component: Component
    grain: Grain

    def __post_init__(self) -> None:
        self.program = self.compiler.program
        self.bounds = self.component.limits
        of_merchant = self.compiler.render.values
        named = {name + OF_THE_MERCHANT: value for name, value in of_merchant.items()}
        self.render = Renderer(self.compiler.zone, {**of_merchant, **named})
        self.figures = Figures(self.render)

    def step(self, what: str) -> str:
        """Return the name of one of the component's own steps."""
        return f"{self.component.name}_{what}"

    def add(self) -> None:
        """Add all steps."""
        self.listed()
        self.exact()
        self.counted()
        self.capped()
        self.summed()

    def _add(self, what: str, sentence: str, query: exp.Query) -> None:
        said = message(sentence, component=self.component.name, grain=self.grain.name)
        self.compiler.steps.append(Step(self.step(what), said, query))

    # -- what there is ---------------------------------------------------------------------------

    def sources(self) -> list[FactQuery]:
        """Return the queries that measure the things, or the one that finds them."""
        groups = self.compiler.groups
        return [group for group in groups if group.component == self.component.name]

    def _aggregates(self, name: str) -> list[Aggregate]:
        return aggregates(self.compiler.expanded(name, self.grain.name))

    def listed(self) -> None:
        """Add the step with a row per thing: the merchant's values, its keys, what was measured."""
        query = self._given() if self.compiler.given else self._named(self._joined())
        sentence = N_("{component}: every {grain}, with what was measured of it")
        self._add("things", sentence, query)

    @property
    def listing(self) -> str:
        """Return what the steps' rows of things are called: the one step there is, or all together."""
        steps = [group.step for group in self.sources()]
        return steps[0] if len(steps) == 1 else "things"

    @cached_property
    def own(self) -> dict[str, tuple[str, SQL]]:
        """The columns of the things themselves: by name, the table each is read of, and its value. What
        the query that finds the things carries is read there.
        """
        carried = {name for group in self.sources() for name in group.carried}
        here = {name: (self.listing, exp.column(name, self.listing)) for name in carried}
        return own_columns(self.program, self.component) | here

    def _joined(self) -> exp.Select:
        sources, listing = self.sources(), self.listing
        columns = ("merchant_id", *self.grain.keys)
        query = exp.select("attained.*", *(exp.column(key, listing) for key in self.grain.keys))
        if len(sources) == 1:
            query = query.from_(listing, copy=False)
        else:
            union: exp.Query = exp.select(*columns).from_(sources[0].step)
            for group in sources[1:]:
                union = exp.union(union, exp.select(*columns).from_(group.step))
            query = query.from_(exp.alias_(union.subquery(), "things", table=True), copy=False)
            for group in sources:
                on = exp.and_(*(same(name, "things", group.step) for name in columns))
                query = join(query, group.step, on)
        attained = exp.table_("attained")
        return query.join(attained, on=same("merchant_id", listing, "attained"), copy=False)

    def _named(self, query: exp.Select) -> exp.Select:
        """Select the measures, the thing's own columns, and what orders and groups it."""
        known: dict[Aggregate, Ratio] = {}
        foreign: list[SQL] = []
        for group in self.sources():
            known |= {one.aggregate: one.ratio for one in group.measured}
            if group.currency() is not None:
                rows = exp.column("foreign_rows", group.step)
                foreign.append(exp.func("COALESCE", rows, whole(0)))
        for name in self.component.measures:
            for aggregate in self._aggregates(name):
                known.setdefault(aggregate, Ratio(exp.null()))
        render = Renderer(self.compiler.zone, dict(self.compiler.render.values), known)
        for name in self.component.measures:
            measure = self.program.measure(name)
            tree = self.compiler.expanded(name, self.grain.name)
            column = measure.column.replace("measured_", "thing_", 1)
            query = self.figures.measure(query, measure, column, tree, render)
        query, tables = self._own_columns(query)
        if money := self._foreign_rows():
            foreign.append(money)
        query = query.select(exp.alias_(total(foreign), "foreign_things"), copy=False)
        return self._linked(query, tables)

    def _own_columns(self, query: exp.Select) -> tuple[exp.Select, set[str]]:
        """Select the things' own columns; return also the tables they are to be looked up in."""
        for name, (_, value) in self.own.items():
            query = query.select(exp.alias_(value, name), copy=False)
        for name in own_names(self.program, self.component):
            unit = unit_of(self.program, name)
            scale = NUMBER_SCALE if unit is Unit.NUMBER else 1
            self.figures.store(name, column_of(name), unit, scale)
        return query, {table for table, _ in self.own.values() if table != self.listing}

    def _foreign_rows(self) -> SQL | None:
        """Return 1 for a thing whose own money is in another currency, where any is read."""
        if CURRENCY not in self.own:
            return None
        money = self.own[CURRENCY][1].copy()
        other = exp.NEQ(this=money, expression=text(self.program.currency))
        return exp.case().when(other, whole(1)).else_(whole(0))

    def _linked(self, query: exp.Select, tables: set[str]) -> exp.Select:
        """Join the row of each thing, and the rows it leads to."""
        if not tables:
            return query
        base = self.grain.table
        on = exp.and_(*(same(key, self.listing, base) for key in self.grain.keys))
        query, joined = join(query, base, on), {base}
        for goal in sorted(tables):
            here = base
            for link in self.program.schema.path(base, goal) or ():
                if link.table not in joined:
                    joined.add(link.table)
                    pairs = exp.and_(*(same(column, here, link.table) for column in link.columns))
                    query = join(query, link.table, pairs)
                here = link.table
        return query

    def _given(self) -> exp.Select:
        """Select one thing whose values are those given of the merchant."""
        query = exp.select("attained.*").from_("attained")
        for key in self.grain.keys:
            query = query.select(exp.alias_(text("1"), key), copy=False)
        for name in (*self.component.measures, *own_names(self.program, self.component)):
            if name in self.compiler.stored:
                known = self.compiler.stored[name]
                self.figures.store(name, known.column, known.unit, known.denominator)
        for name in coarser(self.component):
            query = query.select(exp.alias_(text("1"), f"of_{name}"), copy=False)
        if dated(self.program, self.component) is not None:
            query = query.select(exp.alias_(exp.null(), "dated"), copy=False)
        return query.select(exp.alias_(whole(0), "foreign_things"))

    # -- what each earns -------------------------------------------------------------------------

    def exact(self) -> None:
        """Add the step with the condition, the tier and the exact amount of each thing."""
        merchants = {
            name: Value(name + OF_THE_MERCHANT, stored.unit)
            for name, stored in self.compiler.stored.items()
            if name in self.component.measures
        }
        known = {
            name: substitute(tree, dict(merchants))
            for name, tree in self.compiler.exact_targets.items()
        }
        when, tier, amount = terms_of(self.render, self.component, known)
        query = exp.select("*", exp.alias_(when, "condition_met"), exp.alias_(tier, "tier"))
        query = query.from_(self.step("things"), copy=False)
        query = query.select(exp.alias_(wide(amount.numerator), "exact"), copy=False)
        self.below: int | SQL = amount.denominator
        if not isinstance(amount.denominator, int):
            query = query.select(
                exp.alias_(wide(amount.denominator), "exact_denominator"), copy=False
            )
            self.below = exp.column("exact_denominator")
        if self.bounds.first is not None:
            counts: SQL = whole(1)
            if self.bounds.first_of:
                found = self.render.values[self.bounds.first_of]
                counts = found.numerator.copy() if isinstance(found, Ratio) else found.copy()
                counts = exp.func("GREATEST", exp.func("COALESCE", counts, whole(0)), whole(0))
            counts = exp.case().when(when.copy(), counts).else_(whole(0))
            query = query.select(exp.alias_(wide(counts), "counts"), copy=False)
        sentence = N_("{component}: what each {grain} would earn, exactly")
        self._add("exact", sentence, query)

    def order(self) -> list[SQL]:
        """Return the total order of a merchant's things: by date, then by what identifies them."""
        first: list[SQL] = []
        if dated(self.program, self.component) is not None:
            first = [exp.Ordered(this=exp.column("dated"), nulls_first=False)]
        return [*first, *(exp.column(key) for key in self.grain.keys)]

    def _running(self, value: str, *by: str) -> SQL:
        """Return the sum of a column up to each thing, in their order."""
        within = [exp.column("merchant_id"), *(exp.column(f"of_{name}") for name in by)]
        return running_sum(value, self.order(), within)

    def counted(self) -> None:
        """Add the step that rounds what each thing earns, once; only those that count."""
        source, amount = self.step("exact"), Ratio(exp.column("exact"), self.below)
        pays: SQL = exp.column("condition_met")
        if self.bounds.first is not None:
            per = [self.bounds.first_per] if self.bounds.first_per else []
            query = exp.select("*", exp.alias_(wide(self._running("counts", *per)), "running"))
            self._add("order", N_("{component}: which {grain} comes first"), query.from_(source))
            source = self.step("order")
            before = exp.Sub(this=exp.column("running"), expression=exp.column("counts"))
            left = exp.Sub(this=whole(self.bounds.first), expression=exp.paren(before))
            inside = exp.func("LEAST", exp.column("counts"), left)
            counted = exp.func("GREATEST", inside, whole(0))
            numerator = exp.Mul(this=exp.column("exact"), expression=counted)
            under = self.below if not isinstance(self.below, int) else whole(self.below)
            below = exp.Mul(this=under.copy(), expression=exp.column("counts"))
            amount = Ratio(exp.paren(numerator), exp.Nullif(this=below, expression=whole(0)))
        units = exp.func("COALESCE", rounded(amount), whole(0))
        earns: SQL = exp.case().when(pays, units).else_(whole(0))
        if self.bounds.each is not None:
            earns = exp.func("LEAST", earns, whole(self.bounds.each))
        query = exp.select("*", exp.alias_(wide(earns), "earned")).from_(source)
        if self.bounds.first is not None:
            query = query.select(exp.alias_(counted.copy(), "counted"), copy=False)
        self._add(
            "earned", N_("{component}: what each {grain} earns, rounded half up, once"), query
        )

    def capped(self) -> None:
        """Add the steps that ask for enough of them, and cap what those of one coarser thing earn."""
        source, amount = self.step("earned"), "earned"
        if self.bounds.at_least is not None:
            count = exp.Count(this=_positive("earned"))
            over = exp.Window(this=count, partition_by=[exp.column("merchant_id")])
            query = exp.select("*", exp.alias_(over, "earning")).from_(source)
            self._add("enough", N_("{component}: how many of them earn"), query)
            source = self.step("enough")
            few = exp.LT(this=exp.column("earning"), expression=whole(self.bounds.at_least))
            kept = exp.case().when(few, whole(0)).else_(exp.column("earned"))
            query = exp.select("*", exp.alias_(wide(kept), "kept")).from_(source)
            self._add("kept", N_("{component}: nothing where too few earn"), query)
            source, amount = self.step("kept"), "kept"
        for name, cap in self.bounds.within.items():
            upto = exp.alias_(wide(self._running(amount, name)), "upto")
            query = exp.select("*", upto).from_(source)
            self._add("upto", N_("{component}: what the things of one earn up to each"), query)
            before = exp.Sub(this=exp.column("upto"), expression=exp.column(amount))
            cut = exp.Sub(
                this=exp.func("LEAST", exp.column("upto"), whole(cap)),
                expression=exp.func("LEAST", before, whole(cap)),
            )
            query = exp.select("*", exp.alias_(wide(cut), "within")).from_(self.step("upto"))
            self._add("within", N_("{component}: the cap on what they earn together"), query)
            source, amount = self.step("within"), "within"
        query = exp.select("*", exp.alias_(exp.column(amount), "amount")).from_(source)
        self._add("amounts", N_("{component}: the amount of each {grain}"), query)
        below = self.below if isinstance(self.below, int) else "exact_denominator"
        exact = Stored("exact", Unit.MONEY, below)
        self.compiler.things[self.component.name] = Things(
            self.step("amounts"), self.grain.keys, self.figures.stored, exact
        )

    def summed(self) -> None:
        """Add the step that sums the things per merchant."""
        query = exp.select(
            "merchant_id",
            exp.alias_(exp.Sum(this=exp.column("amount")), "things_earned"),
            exp.alias_(exp.Count(this=_positive("earned")), "things_earning"),
            exp.alias_(exp.LogicalOr(this=exp.column("condition_met")), "things_met"),
            exp.alias_(exp.Sum(this=exp.column("foreign_things")), "foreign_things"),
        ).from_(self.step("amounts"))
        sentence = N_("{component}: what they come to for each merchant")
        self._add("summed", sentence, query.group_by("merchant_id"))


def _positive(column: str) -> SQL:
    above = exp.GT(this=exp.column(column), expression=whole(0))
    return exp.case().when(above, whole(1))


def summed_of(component: Component) -> str:
    """Return the step that sums the things of a component per merchant."""
    return f"{component.name}_summed"
