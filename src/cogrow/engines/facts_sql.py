"""From fact rows to one row per merchant: which tables are joined, which rows count, what is summed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from sqlglot import exp

from cogrow.engines.exact import Renderer
from cogrow.engines.ratio import SQL, Ratio, day, instant, text, times, whole, wide
from cogrow.expressions.tree import (
    Aggregate,
    ColumnRef,
    Const,
    Tree,
    Unit,
    columns,
)
from cogrow.facts import TABLES, Kind, Link, path_to
from cogrow.period import Period
from cogrow.programs.program import Program

#: Orders of a program whose rows are order lines are lines counted by their order.
_LINE_TABLES = frozenset({"order_lines", "products"})


@dataclass(frozen=True, slots=True)
class Window:
    """A period facts are measured in, under the name its columns carry (`now` or `before`)."""

    name: str
    period: Period


@dataclass(frozen=True, slots=True)
class Measured:
    """One aggregate in one window, the step it is computed in and the column it is computed into."""

    aggregate: Aggregate
    window: Window
    step: str
    column: str

    @property
    def scale(self) -> int:
        """Return what the summed column is a multiple of."""
        return _scale(self.aggregate)

    @property
    def ratio(self) -> Ratio:
        """Return the value: a sum over 1 or its scale; an average over its count."""
        scale = _scale(self.aggregate)
        here = exp.column(self.column, self.step)
        if self.aggregate.function == "average":
            count = exp.column(self.column + "_count", self.step)
            below: int | SQL = exp.Nullif(this=times(wide(count), scale), expression=whole(0))
            return Ratio(here, below)
        if self.aggregate.function in ("min", "max"):
            return Ratio(here, scale)
        return Ratio(exp.func("COALESCE", here, whole(0)), scale)


def _scale(aggregate: Aggregate) -> int:
    if aggregate.argument is None or aggregate.function == "count_distinct":
        return 1
    below = Renderer(ZoneInfo("UTC")).ratio(aggregate.argument).denominator
    if not isinstance(below, int):
        raise AssertionError(aggregate)
    return below


def over_lines(program: Program, aggregate: Aggregate) -> Aggregate:
    """Return an aggregate over orders as one over their lines, where lines decide what qualifies.

    Refunds told apart by line are counted once each.
    """
    if aggregate.function == "count" and by_line(program, aggregate):
        refund = ColumnRef("refunds", "refund_id", Unit.TEXT)
        return replace(aggregate, function="count_distinct", argument=refund)
    if aggregate.table != "orders":
        return aggregate
    condition = program.qualifying.conditions.get("order_lines")
    if condition is None or not _tables(condition.tree) & _LINE_TABLES:
        return aggregate
    argument = aggregate.argument or ColumnRef("order_lines", "order_id", Unit.TEXT)
    function = "count_distinct" if aggregate.function == "count" else aggregate.function
    return Aggregate(function, "order_lines", argument, aggregate.where, aggregate.unit)


def by_line(program: Program, aggregate: Aggregate) -> bool:
    """Return whether an aggregate over refunds looks at lines, so that each refund is told apart."""
    if aggregate.table != "refunds":
        return False
    found = program.qualifying.conditions
    asked = [found[name].tree for name in ("refunds", program.qualifying.table) if name in found]
    return bool(_tables(aggregate.argument, aggregate.where, *asked) & _LINE_TABLES)


def _tables(*trees: Tree | None) -> set[str]:
    return {ref.table for tree in trees if tree is not None for ref in columns(tree)}


@dataclass
class FactQuery:
    """The rows of one fact table that count for a program, and how they become a row per merchant.

    `by_line`: refunds of whole orders are told apart by line. `available` are the columns the facts
    really have; `everyone` says that no merchant is left out.
    """

    program: Program
    table: str
    by_line: bool
    measured: list[Measured]
    available: Mapping[str, Iterable[str]]
    everyone: bool
    used: set[str] = field(init=False)

    def __post_init__(self) -> None:
        found, main = self.program.qualifying.conditions, self.program.qualifying.table
        self.own = found[self.table].tree if self.table in found else None
        follows = self.table in ("order_lines", "orders", "refunds") and self.table != main
        self.of_main = found[main].tree if follows and main in found else None
        trees = [part for m in self.measured for part in (m.aggregate.argument, m.aggregate.where)]
        self.trees = [tree for tree in (self.own, self.of_main, *trees) if tree is not None]
        self.used = {self.table, *_tables(*self.trees)}
        self.render = Renderer(self.program.schedule.zone)
        self.windows = list(dict.fromkeys(m.window for m in self.measured))
        self.unlinked = self.table == "refunds" and "merchant_id" in self.available["refunds"]
        if "merchant_id" not in TABLES[self.table].by_name or self.table == "refunds":
            self.used.add("orders")

    @property
    def step(self) -> str:
        """Return the name of the step that sums these rows."""
        return self.measured[0].step

    def needs(self) -> set[tuple[str, str]]:
        """Return every (table, column) the query reads."""
        found = {(ref.table, ref.column) for tree in self.trees for ref in columns(tree)}
        found |= {self._dated_by()[:2]}
        if self.table == "refunds":
            found |= {("refunds", "order_id"), ("refunds", "refunded_at")}
            found |= {("orders", self.program.qualifying.dated_by)}
        return found

    def merchant(self) -> SQL:
        """Return the column of the merchant a row belongs to."""
        if self.table == "refunds":
            of_order = exp.column("merchant_id", "orders")
            if not self.unlinked:
                return of_order
            return exp.func("COALESCE", exp.column("merchant_id", "refunds"), of_order)
        owner = self.table if "merchant_id" in TABLES[self.table].by_name else "orders"
        return exp.column("merchant_id", owner)

    def _dated_by(self) -> tuple[str, str, Kind]:
        if self.table in ("orders", "order_lines") or (
            self.table == "refunds" and self.program.qualifying.refunds_dated_by == "order"
        ):
            return "orders", self.program.qualifying.dated_by, Kind.INSTANT
        name = TABLES[self.table].dated_by
        if name is None:
            raise AssertionError(self.table)
        return self.table, name, TABLES[self.table].by_name[name].kind

    @property
    def dates_itself(self) -> bool:
        """Whether the table's own column, and not its order's, places a row in time."""
        return self._dated_by()[0] == self.table

    def date(self) -> SQL:
        """Return the column that places a row in time."""
        table, name, _ = self._dated_by()
        found: SQL = exp.column(name, table)
        if self.table == "refunds" and table == "orders" and self.unlinked:
            return exp.case().when(_alone(), exp.column("refunded_at", "refunds")).else_(found)
        return found

    def order_inside(self, window: Window) -> SQL:
        """Return the condition that a row's order, seen alone, lies in the window."""
        return self._between(window, exp.column(self.program.qualifying.dated_by, "orders"))

    def inside(self, window: Window) -> SQL:
        """Return the condition that a row lies in the window."""
        return self._between(window, self.date())

    def _between(self, window: Window, date: SQL) -> SQL:
        period, zone = window.period, self.program.schedule.zone
        if self._dated_by()[2] is Kind.DAY:
            low, high = day(period.start), day(period.end)
        else:
            start, end = period.instants(zone)
            low, high = instant(start), instant(end)
        return exp.and_(
            exp.GTE(this=date, expression=low), exp.LT(this=date.copy(), expression=high)
        )

    def currency(self) -> SQL | None:
        """Return the column of the currency of the money measured; None where none is."""
        measured = [(one.aggregate.argument, one.aggregate.where) for one in self.measured]
        trees = [tree for pair in measured for tree in pair if tree is not None]
        if all(ref.unit is not Unit.MONEY for tree in trees for ref in columns(tree)):
            return None
        source = TABLES[self.table].currency_from
        if not source:
            return None
        found: SQL = exp.column("currency", source)
        if self.table == "refunds" and "currency" in self.available["refunds"]:
            return exp.func("COALESCE", exp.column("currency", "refunds"), found)
        return found

    def _source(self) -> exp.Select:
        """Return SELECT … FROM the table and every table its columns come from."""
        name = "refund_lines" if self.by_line else self.table
        source = exp.to_table(name)
        query = exp.select().from_(exp.alias_(source, self.table) if self.by_line else source)
        loose: set[str] = set()
        for link, here in self._links():
            pairs = [
                exp.EQ(this=exp.column(c, here), expression=exp.column(c, link.table))
                for c in link.columns
            ]
            if link.table == "merchants":
                pairs = [
                    exp.EQ(this=self.merchant(), expression=exp.column("merchant_id", "merchants"))
                ]
            elif here in loose or (link.optional and (self.unlinked or here != "refunds")):
                loose.add(link.table)
            kind = "left" if link.table in loose else "inner"
            query = query.join(exp.to_table(link.table), on=exp.and_(*pairs), join_type=kind)
        return query

    def _links(self) -> list[tuple[Link, str]]:
        """Return the links to join, nearest first, with the table each starts from."""
        found: dict[str, tuple[Link, str]] = {}
        for goal in sorted(self.used - {self.table}):
            here = self.table
            chain = path_to(self.table, goal) or ()
            if self.by_line and goal == "products":
                chain = (
                    *(path_to("refunds", "order_lines") or ()),
                    Link("products", ("product_id",)),
                )
            if goal == "merchants" and self.table in ("refunds", "order_lines"):
                chain = (
                    *(path_to(self.table, "orders") or ()),
                    Link("merchants", ("merchant_id",)),
                )
            for link in chain:
                found.setdefault(link.table, (link, here))
                here = link.table
        return list(found.values())

    def qualifying(self) -> exp.Select:
        """Return the joined rows that count, of eligible merchants, in any of the windows."""
        query = self._source().where(exp.or_(*(self.inside(window) for window in self.windows)))
        if self.own is not None and not isinstance(self.own, Const):
            query = query.where(self.render.flag(self.own))
        if self.of_main is not None and not isinstance(self.of_main, Const):
            query = query.where(self._of_order(self.render.flag(self.of_main)))
        if self.table == "refunds":
            dated = TABLES["orders"].by_name[self.program.qualifying.dated_by]
            if dated.optional and self._dated_by()[0] == "refunds":
                counted = exp.Is(this=exp.column(dated.name, "orders"), expression=exp.null())
                query = query.where(self._of_order(exp.Not(this=counted)))
        if not self.everyone:
            eligible = exp.select("merchant_id").from_("eligible").where(exp.column("eligible"))
            query = query.where(exp.In(this=self.merchant(), query=eligible.subquery()))
        return query

    def _of_order(self, holds: SQL) -> SQL:
        """Return a condition on what is refunded; a refund that names no order has none to ask."""
        return exp.or_(_alone(), exp.paren(holds)) if self.unlinked else holds

    def per_merchant(self) -> exp.Select:
        """Return one row per merchant with a column per aggregate and window."""
        query = self.qualifying().select(exp.alias_(self.merchant(), "merchant_id"))
        for one in self.measured:
            for name, value in self._columns(one):
                query = query.select(exp.alias_(value, name))
        if (currency := self.currency()) is not None:
            other = exp.NEQ(this=currency, expression=text(self.program.currency))
            foreign = exp.Count(this=exp.case().when(other, whole(1)))
            query = query.select(exp.alias_(foreign, "foreign_rows"))
        return query.group_by(self.merchant())

    def _columns(self, one: Measured) -> list[tuple[str, SQL]]:
        aggregate, conditions = one.aggregate, []
        if len(self.windows) > 1:
            conditions.append(self.inside(one.window))
        if aggregate.where is not None:
            conditions.append(exp.paren(self.render.flag(aggregate.where)))

        def kept(call: SQL) -> SQL:
            if not conditions:
                return call
            where = exp.Where(this=exp.and_(*(c.copy() for c in conditions)))
            return exp.Filter(this=call, expression=where)

        if aggregate.argument is None:
            return [(one.column, kept(exp.Count(this=exp.Star())))]
        if aggregate.function == "count_distinct":
            value = self.render.any(aggregate.argument)
            return [(one.column, kept(exp.Count(this=exp.Distinct(expressions=[value]))))]
        value = self.render.ratio(aggregate.argument).numerator
        kinds: dict[str, type[exp.AggFunc]] = {"min": exp.Min, "max": exp.Max}
        found = [(one.column, kept(kinds.get(aggregate.function, exp.Sum)(this=value)))]
        if aggregate.function == "average":
            found.append((one.column + "_count", kept(exp.Count(this=value.copy()))))
        return found

    def rows(self, window: Window) -> exp.Select:
        """Return the rows of one window as people list them: identity, date, amounts, counted or not.

        One column per aggregate says what the row adds to it (null: nothing).
        """
        query = self.qualifying().where(self.inside(window))
        query = query.select(exp.alias_(self.merchant(), "merchant_id"))
        key = (*TABLES[self.table].key, *(("line_no",) if self.by_line else ()))
        for column in key:
            query = query.select(exp.column(column, self.table))
        query = query.select(exp.alias_(self.date(), "dated"))
        for one in self.measured:
            if one.window == window:
                query = query.select(exp.alias_(self._contribution(one.aggregate), one.column))
        return query.order_by("dated", *key)

    def _contribution(self, aggregate: Aggregate) -> SQL:
        argument = aggregate.argument
        if argument is None:
            value: SQL = whole(1)
        elif aggregate.function == "count_distinct":
            value = self.render.any(argument)
        else:
            value = self.render.ratio(argument).numerator
        if aggregate.where is None:
            return value
        return exp.case().when(self.render.flag(aggregate.where), value)


def _alone() -> SQL:
    return exp.Is(this=exp.column("order_id", "refunds"), expression=exp.null())
