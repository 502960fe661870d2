"""From fact rows to one row per merchant: which tables are joined, which rows count, what is summed."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from cogrow.engines.exact import Renderer
from cogrow.engines.ratio import SQL, day, instant, join, text, whole
from cogrow.engines.steps.eligible import is_eligible
from cogrow.engines.steps.measured import COUNT, NOW_NAME, Measured, Window, keys
from cogrow.expressions.tree import Const, Op, Tree, Unit, columns
from cogrow.facts import TABLES, Kind, Link
from cogrow.programs.grain import Grain
from cogrow.programs.program import Program


@dataclass
class FactQuery:
    """The rows of one fact table that count for a program, and how they become a row per merchant, or
    per thing of the merchant's that is a `grain`, for the `component` that pays for these.

    `by_line`: refunds of whole orders are told apart by line. `available` are the columns the facts
    really have; `everyone` says that no merchant is left out. Without `measured` it only finds what
    there is in `windows`. `carried` are columns of the things themselves, one value for each. `currencies`
    are those that a table names, where that is known.
    """

    program: Program
    table: str
    by_line: bool
    measured: list[Measured]
    available: Mapping[str, Collection[str]]
    everyone: bool
    step: str
    grain: Grain | None = None
    component: str = ""
    windows: list[Window] = field(default_factory=list)
    carried: Mapping[str, SQL] = field(default_factory=dict)
    currencies: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    used: set[str] = field(init=False)

    def __post_init__(self) -> None:
        found, main = self.program.qualifying.conditions, self.program.qualifying.table
        self.own = found.get(self.table)
        follows = self.table in _OF_ORDER and self.table != main and self.table != "returns"
        self.of_main = found.get(main) if follows else None
        trees = [part for m in self.measured for part in (m.aggregate.argument, m.aggregate.where)]
        trees += [one.tree for one in (self.own, self.of_main) if one is not None]
        self.trees = [tree for tree in trees if tree is not None]
        self.keys = keys(self.program, self.grain, self.table) if self.grain is not None else ()
        self.render = Renderer(self.program.schedule.zone)
        self.windows = list(dict.fromkeys([*self.windows, *(m.window for m in self.measured)]))
        self.unlinked = self.table == "refunds" and "merchant_id" in self.available["refunds"]
        self.used = {self.table, *(table for table, _ in self.needs())}
        if "merchant_id" not in TABLES[self.table].by_name or self.table == "refunds":
            self.used.add("orders")

    def needs(self) -> set[tuple[str, str]]:
        """Return every (table, column) the query reads."""
        found = {(ref.table, ref.column) for tree in self.trees for ref in columns(tree)}
        found |= {(ref.table, ref.column) for ref in self.keys}
        found |= {self._dating()[:2]}
        if self.table == "refunds":
            found |= {("refunds", "order_id"), ("refunds", "refunded_at")}
            found |= {("orders", self.program.qualifying.dated_by)}
        if self.program.schedule.since is not None:
            tree = self.program.schedule.since.tree
            found |= {(ref.table, ref.column) for ref in columns(tree)}
        effective = self.program.effective
        if effective is not None and effective.by and self.table in _OF_ORDER:
            found.add(("orders", effective.by))
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

    def _dating(self) -> tuple[str, str, Kind]:
        if self.table in ("orders", "order_lines") or (
            self.table == "refunds" and self.program.qualifying.refunds_dated_by == "order"
        ):
            return "orders", self.program.qualifying.dated_by, Kind.INSTANT
        name = TABLES[self.table].dated_by
        if name is None:
            raise AssertionError(self.table)
        return self.table, name, TABLES[self.table].by_name[name].kind

    @property
    def dating(self) -> tuple[str, str]:
        """Return the table and the column that place a row in time."""
        return self._dating()[:2]

    @property
    def dated_by(self) -> str:
        """Return the name of the column that places a row in time."""
        return self._dating()[1]

    @property
    def dates_itself(self) -> bool:
        """Whether the table's own column, and not its order's, places a row in time."""
        return self._dating()[0] == self.table

    def date(self) -> SQL:
        """Return the column that places a row in time."""
        table, name, _ = self._dating()
        found: SQL = exp.column(name, table)
        if self.table == "refunds" and table == "orders" and self.unlinked:
            return exp.case().when(_alone(), exp.column("refunded_at", "refunds")).else_(found)
        return found

    def order_inside(self, window: Window) -> SQL:
        """Return the condition that a row's order, seen alone, lies in the window."""
        return self.between(window, exp.column(self.program.qualifying.dated_by, "orders"))

    def inside(self, window: Window) -> SQL:
        """Return the condition that a row lies in the window."""
        return self.between(window, self.date())

    def counted(self, window: Window) -> SQL:
        """Return the condition that a row lies in the window and, in the period itself, that this
        version is the one for it; what came before is measured whole.
        """
        own = self.of_version() if window.name == NOW_NAME else []
        return exp.and_(self.inside(window), *own, copy=False)

    def bounds(self, window: Window) -> tuple[datetime.date, datetime.date]:
        """Return where a window begins and ends, as the column that places a row in time has it: days,
        or instants of UTC.
        """
        period = window.period
        if self._dating()[2] is Kind.DAY:
            return period.start, period.end
        return period.instants(self.program.schedule.zone)

    def between(self, window: Window, date: SQL) -> SQL:
        """Return the condition that a date of the kind of the row's own lies in the window."""
        low, high = (bound_sql(bound) for bound in self.bounds(window))
        bounds = exp.GTE(this=date, expression=low), exp.LT(this=date.copy(), expression=high)
        return exp.and_(*bounds, copy=False)

    def currency(self) -> SQL | None:
        """Return the column of the currency of the money measured; None where none is, or where the facts
        name none but the program's.
        """
        measured = [(one.aggregate.argument, one.aggregate.where) for one in self.measured]
        trees = [tree for pair in measured for tree in pair if tree is not None]
        if all(ref.unit is not Unit.MONEY for tree in trees for ref in columns(tree)):
            return None
        source = TABLES[self.table].currency_from
        if not source:
            return None
        sources = [source]
        if self.table == "refunds" and "currency" in self.available["refunds"]:
            sources.insert(0, "refunds")
        named = [self.currencies.get(table) for table in sources]
        if all(one is not None and one <= {self.program.currency} for one in named):
            return None
        found: list[SQL] = [exp.column("currency", table) for table in sources]
        return exp.func("COALESCE", *found) if len(found) > 1 else found[0]

    def joined(self, tables: set[str]) -> exp.Select:
        """Return SELECT … FROM the table and `tables`, a row for every row of the table."""
        whole = replace(self)
        whole.used = set(tables)
        return whole.source(every_row=True)

    def source(self, *, every_row: bool = False) -> exp.Select:
        """Return SELECT … FROM the table and every table its columns come from."""
        name = "refund_lines" if self.by_line else self.table
        source = exp.table_(name)
        query = exp.select().from_(exp.alias_(source, self.table) if self.by_line else source)
        for link, here, needed in self.joins():
            pairs = [
                exp.EQ(this=exp.column(c, here), expression=exp.column(c, link.table))
                for c in link.columns
            ]
            if link.table == "merchants":
                pairs = [
                    exp.EQ(this=self.merchant(), expression=exp.column("merchant_id", "merchants"))
                ]
            inner = needed and not every_row
            query = join(query, link.table, exp.and_(*pairs), inner=inner)
        return query

    def joins(self) -> list[tuple[Link, str, bool]]:
        """Return the links to join, nearest first, the table each starts from, and whether a row without
        what it leads to is left out.
        """
        found: list[tuple[Link, str, bool]] = []
        loose: set[str] = set()
        for link, here in self._links():
            optional = link.optional and (self.unlinked or here != "refunds")
            if link.table != "merchants" and (here in loose or optional):
                loose.add(link.table)
            found.append((link, here, link.table not in loose))
        return found

    def present(self) -> list[SQL]:
        """Return the conditions that what a row must be joined with is there."""
        return [
            known(exp.column(link.columns[0], link.table))
            for link, _, needed in self.joins()
            if needed
        ]

    def _links(self) -> list[tuple[Link, str]]:
        """Return the links to join, nearest first, with the table each starts from."""
        path, found = self.program.schema.path, dict[str, tuple[Link, str]]()
        for goal in sorted(self.used - {self.table}):
            here = self.table
            chain = path(self.table, goal) or ()
            if self.by_line and goal in ("products", "clicks") and len(chain) != 1:
                chain = (
                    *(path("refunds", "order_lines") or ()),
                    *(path("order_lines", goal) or ()),
                )
            if goal == "merchants" and self.table in ("refunds", "order_lines"):
                chain = (*(path(self.table, "orders") or ()), Link("merchants", ("merchant_id",)))
            for link in chain:
                found.setdefault(link.table, (link, here))
                here = link.table
        return list(found.values())

    def qualifying(self) -> exp.Select:
        """Return the joined rows that count, of eligible merchants, in any of the windows."""
        query = self.source().where(*self.conditions(), copy=False)
        if not self.everyone:
            query = query.where(is_eligible(self.merchant()), copy=False)
        return query

    def conditions(self, *, parts: bool = False) -> list[SQL]:
        """Return what a joined row must meet to count in one of the windows; with `parts` as `checks`."""
        counted = exp.or_(*(self.counted(window) for window in self.windows), copy=False)
        checks = self.checks(parts=parts)
        return [counted, *(holds for reason, _, holds in checks if reason != "version")]

    def checks(self, *, parts: bool = False) -> list[tuple[str, str, SQL]]:
        """Return what a row must meet, besides lying in the days: what keeps it from counting else, the
        text of that, and the condition; with `parts` told apart where AND puts several together.
        """
        found = [("first_days", "", holds) for holds in self._first_days()]
        found += [("version", "", holds) for holds in self.of_version()]
        if self.own is not None and not isinstance(self.own.tree, Const):
            for one in self.own.parts() if parts else [self.own]:
                money = {ref.column for ref in columns(one.tree)} == {"currency"}
                reason = "currency" if money else "condition"
                found.append((reason, one.text, self.render.flag(one.tree)))
        if self.of_main is not None and not isinstance(self.of_main.tree, Const):
            for one in self.of_main.parts() if parts else [self.of_main]:
                holds = self._of_order(self.render.flag(one.tree))
                found.append(("order_condition", one.text, holds))
        if self.table == "refunds":
            dated = TABLES["orders"].by_name[self.program.qualifying.dated_by]
            if dated.optional and self._dating()[0] == "refunds":
                there = known(exp.column(dated.name, "orders"))
                found.append(("order_undated", dated.name, self._of_order(there)))
        for ref in self.keys:
            if ref.table != self.table or TABLES[ref.table].by_name[ref.column].optional:
                name = self.grain.name if self.grain else ""
                found.append(("belongs", name, known(self.render.column(ref))))
        return found

    def _of_order(self, holds: SQL) -> SQL:
        """Return a condition on what is refunded; a refund that names no order has none to ask."""
        return exp.or_(_alone(), exp.paren(holds)) if self.unlinked else holds

    def _first_days(self) -> list[SQL]:
        """Return the condition that a row lies in the merchant's first days, where they count."""
        since = self.program.schedule.since
        if since is None:
            return []
        length = Const(datetime.timedelta(self.program.schedule.first_days), Unit.DURATION)
        bounds: list[Tree] = [since.tree, Op("+", (since.tree, length), Unit.DAY)]
        if self._dating()[2] is Kind.INSTANT:
            bounds = [Op("start_of_day", (bound,), Unit.INSTANT) for bound in bounds]
        low, high = (self.render.any(bound) for bound in bounds)
        return [
            exp.GTE(this=self.date(), expression=low),
            exp.LT(this=self.date(), expression=high),
        ]

    def of_version(self) -> list[SQL]:
        """Return the condition that a row belongs to this version of the program."""
        effective = self.program.effective
        if effective is None or not effective.by:
            return []
        date, kind = self.date(), self._dating()[2]
        if self.table in _OF_ORDER:
            kind = Kind.INSTANT
            date = exp.column(effective.by, "orders")
            if self.unlinked:
                date = exp.case().when(_alone(), exp.column("refunded_at", "refunds")).else_(date)
        days = [effective.start, *([effective.end] if effective.end else [])]
        bounds = [day(one) if kind is Kind.DAY else self._midnight(one) for one in days]
        found: list[SQL] = [exp.GTE(this=date, expression=bounds[0])]
        return [*found, *(exp.LT(this=date.copy(), expression=bound) for bound in bounds[1:])]

    def _midnight(self, day: datetime.date) -> SQL:
        return self.render.any(Op("start_of_day", (Const(day, Unit.DAY),), Unit.INSTANT))

    def grouped(self) -> exp.Select:
        """Return one row per merchant, or thing, with a column per aggregate and window."""
        query = self.qualifying().select(exp.alias_(self.merchant(), "merchant_id"), copy=False)
        told_apart = [self.render.column(ref) for ref in self.keys]
        for name, column in zip(self.grain.keys if self.grain else (), told_apart, strict=True):
            query = query.select(exp.alias_(column, name), copy=False)
        for one in self.measured:
            for name, value in self._columns(one):
                query = query.select(exp.alias_(value, name), copy=False)
        for name, value in self.carried.items():
            query = query.select(exp.alias_(exp.Min(this=value), name), copy=False)
        if (other := self.foreign()) is not None:
            foreign = exp.Count(this=exp.case().when(other, whole(1)))
            query = query.select(exp.alias_(foreign, "foreign_rows"), copy=False)
        by = [self.merchant(), *(column.copy() for column in told_apart)]
        return query.group_by(*by, copy=False)

    def _columns(self, one: Measured) -> list[tuple[str, SQL]]:
        return self.calls(one, [self.counted(one.window)] if len(self.windows) > 1 else [])

    def calls(self, one: Measured, conditions: Sequence[SQL]) -> list[tuple[str, SQL]]:
        """Return the columns of an aggregate, over the rows that meet the conditions and its own."""
        aggregate, conditions = one.aggregate, list(conditions)
        if aggregate.where is not None:
            conditions.append(exp.paren(self.render.flag(aggregate.where)))

        def kept(call: SQL) -> SQL:
            return filtered(call, conditions)

        if aggregate.argument is None:
            return [(one.column, kept(exp.Count(this=exp.Star())))]
        if aggregate.function == "count_distinct":
            value = self.render.any(aggregate.argument)
            return [(one.column, kept(exp.Count(this=exp.Distinct(expressions=[value]))))]
        value = self.render.any(aggregate.argument)
        kinds: dict[str, type[exp.AggFunc]] = {"min": exp.Min, "max": exp.Max}
        found = [(one.column, kept(kinds.get(aggregate.function, exp.Sum)(this=value)))]
        if aggregate.function == "average":
            found.append((one.column + COUNT, kept(exp.Count(this=value.copy()))))
        return found

    def foreign(self) -> SQL | None:
        """Return the condition that a row's money is in another currency; None where none is measured."""
        if (currency := self.currency()) is None:
            return None
        return exp.NEQ(this=currency, expression=text(self.program.currency))


#: Tables whose rows belong to an order.
_OF_ORDER = ("orders", "order_lines", "refunds", "returns")


def bound_sql(bound: datetime.date) -> SQL:
    """Return a day or an instant as a literal."""
    return instant(bound) if isinstance(bound, datetime.datetime) else day(bound)


def filtered(call: SQL, conditions: Sequence[SQL]) -> SQL:
    """Return an aggregate over the rows that meet the conditions."""
    if not conditions:
        return call
    where = exp.Where(this=exp.and_(*(condition.copy() for condition in conditions)))
    return exp.Filter(this=call, expression=where)


def known(value: SQL) -> SQL:
    """Return the condition that a value is there."""
    return exp.Not(this=exp.Is(this=value, expression=exp.null()))


def _alone() -> SQL:
    return exp.Is(this=exp.column("order_id", "refunds"), expression=exp.null())
