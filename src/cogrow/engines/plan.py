"""The plan of a program: named steps, each one relational expression over the ones before.

A step is rendered as a CTE with its sentence as the comment above it, so that the SQL that runs
reads like the statement a merchant gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from sqlglot import exp

from cogrow.errors import Message
from cogrow.expressions.tree import Aggregate, Tree, Unit
from cogrow.period import Period
from cogrow.programs.program import Program

if TYPE_CHECKING:
    import pyarrow as pa

    from cogrow.engines.scans.rollups import RollUp
    from cogrow.engines.scans.share import SharedRows
    from cogrow.engines.scans.store import Store
    from cogrow.engines.steps.facts_sql import FactQuery

#: Called with how much of the running query is done, in percent.
Progress = Callable[[int], None]

#: The dialect plans are written in; another engine respells it.
DIALECT = "duckdb"

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the name later steps read it by, what it does in a sentence, and its query."""

    name: str
    sentence: Message
    query: exp.Query


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a computed value stands in the result: `column`, over `denominator` (a column's name, or
    a constant).
    """

    column: str
    unit: Unit
    denominator: int | str = 1


@dataclass(frozen=True, slots=True)
class Added:
    """What listed rows add up to: `column` of the listing, over `scale`, makes `aggregate`."""

    column: str
    aggregate: Aggregate
    scale: int


@dataclass(frozen=True, slots=True)
class FactRows:
    """The rows of one fact table that a program measures over some days.

    `make` returns the query, which selects identity, date and one column per aggregate with what the
    row adds to it; it is made when it is asked for. `grain` is what the aggregates are told apart by, ""
    for the merchant alone.
    """

    table: str
    window: str
    period: Period
    make: Callable[[], exp.Query]
    adds: tuple[Added, ...]
    grain: str = ""

    @property
    def query(self) -> exp.Query:
        """Return the query that lists the rows."""
        return self.make()


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can keep a row from counting: `column` of the listing says whether it does.

    `text` is the condition as written, or what the reason is about.
    """

    column: str
    reason: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The rows of one fact table about the period that do not count.

    `query` selects identity, date, the columns the conditions look at, and one column per check.
    """

    table: str
    query: exp.Query
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Things:
    """Where the things a component pays for one by one are listed: the last step that has a row for
    each, the columns that tell them apart, where their values stand, and what each comes to exactly.
    """

    step: str
    keys: tuple[str, ...]
    stored: dict[str, Stored]
    exact: Stored


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of one program in one period, the last of which is the result.

    `reads` are the columns it needs of each table; `dated` is, per window, the condition that a row
    lies in it, for tables that carry their own date. `stored` maps each metric, target and the
    baseline to its columns. `rows` list the facts behind each aggregate, and `formulas` say how a
    metric, or the baseline, is made of aggregates. `things` are, by component, what it pays for one
    by one. `labels` are the columns of earnings the result leaves out, since they say the same in every row
    of a component: their text by component. `scans` are what its steps read of the fact tables.
    """

    program: str
    version: str
    period: Period
    baseline_period: Period | None
    reads: dict[str, tuple[str, ...]]
    dated: dict[str, tuple[exp.Expr, ...]]
    steps: tuple[Step, ...]
    stored: dict[str, Stored]
    rows: tuple[FactRows, ...]
    formulas: dict[str, Tree]
    things: dict[str, Things]
    labels: dict[str, tuple[str, ...]]
    scans: tuple[FactQuery, ...] = ()

    def sql(self, dialect: str, *, upto: str = "", known: Mapping[str, str] = NOTHING) -> str:
        """Return the one query of the plan in `dialect`, a CTE per step, sentences as comments.

        `upto` names the step to end with; steps in `known` are read from the table they name there.
        """
        steps = list(self.steps)
        if upto:
            steps = steps[: [step.name for step in steps].index(upto) + 1]
        for name, table in known.items():
            at = [step.name for step in steps].index(name)
            stored = exp.select("*").from_(exp.table_(table, quoted=True))
            steps = [Step(name, steps[at].sentence, stored), *steps[at + 1 :]]
        *before, last = steps
        query = last.query.copy()
        for step in before:
            query = query.with_(step.name, as_=step.query.copy(), copy=False)
        if not before:
            return query.sql(dialect=dialect, pretty=True, copy=False)
        for cte, step in zip(query.args["with_"].expressions, before, strict=True):
            first = cte.this
            while isinstance(first, exp.SetOperation):
                first = first.this
            first.add_comments([f" {step.name}: {step.sentence.render()} "], prepend=True)
        return query.sql(dialect=dialect, pretty=True, copy=False)

    def listing(self, query: exp.Query) -> exp.Query:
        """Return a query over steps of the plan with those it needs before it."""
        query = query.copy()
        needed = {table.name for table in query.find_all(exp.Table)}
        for step in reversed(self.steps):  # a step reads only those before it
            if step.name in needed:
                needed |= {table.name for table in step.query.find_all(exp.Table)}
        for step in self.steps:
            if step.name in needed:
                query = query.with_(step.name, as_=step.query.copy(), copy=False)
        return query

    def things_sql(self, dialect: str, component: str, merchant: str) -> str:
        """Return the query of the things a component pays a merchant for."""
        listed = self.things[component]
        sql = self.sql(dialect, upto=listed.step)
        only = f"merchant_id = {exp.Literal.string(merchant).sql(dialect)}"
        order = ", ".join(f'"{key}"' for key in listed.keys)
        return f"SELECT * FROM ({sql}) AS listed WHERE {only} ORDER BY {order}"


class Engine(Protocol):
    """Runs plans over facts. It remembers what programs offer and earn, for the plans after them.

    Every engine gives the same tables, to the byte.
    """

    def share(self, rows: SharedRows) -> int | None:
        """Keep the rows of a fact table that several plans read, and return how many, where that is known."""

    def roll_up(self, rollup: RollUp, store: Store) -> int:
        """Build a roll-up, keep it, and return its rows."""

    def view(self, names: Iterable[str], store: Store) -> None:
        """Let plans read roll-ups by their names."""

    def offer(self, plan: Plan) -> None:
        """Keep what the plan would give if its program stood alone, for those it is stacked with."""

    def resume(self, plan: Plan, query: exp.Select, before: pa.Table) -> None:
        """Keep the step `earned` of a plan that is run for some merchants, and of the others what the query
        makes of the earnings `before`.
        """

    def remember(self, program: Program, period: Period, table: pa.Table) -> None:
        """Keep what a program earned, for later periods and the programs after it."""

    def remembered(self, merchant: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return what programs have earned so far and what they offer, of one merchant."""

    def earn(self, plan: Plan) -> pa.Table:
        """Return the earnings of the plan, ordered by merchant and component."""

    def rows(self, plan: Plan, listed: FactRows | Rejected) -> pa.Table:
        """Return the fact rows that are listed, oldest first."""

    def things(self, plan: Plan, component: str, merchant: str) -> pa.Table:
        """Return the things a component pays a merchant for, with what each was and earned."""
