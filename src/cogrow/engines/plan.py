"""The plan of a program: named steps, each one relational expression over the ones before.

A step is rendered as a CTE with its sentence as the comment above it, so that the SQL that runs
reads like the statement a merchant gets.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from cogrow.errors import Message
from cogrow.expressions.tree import Aggregate, Tree, Unit
from cogrow.period import Period


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
    """The rows of one fact table that a program measures in one window (`now`, `before`).

    `query` selects identity, date and one column per aggregate with what the row adds to it.
    """

    table: str
    window: str
    query: exp.Query
    adds: tuple[Added, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of one program in one period, the last of which is the result.

    `reads` are the columns it needs of each table; `dated` is, per window, the condition that a row
    lies in it, for tables that carry their own date. `stored` maps each metric, target and the
    baseline to its columns. `rows` list the facts behind each aggregate, and `formulas` say how a
    metric, or the baseline, is made of the aggregates of a window.
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
    formulas: dict[str, tuple[str, Tree]]

    def sql(self, dialect: str) -> str:
        """Return the one query of the plan in `dialect`, a CTE per step, sentences as comments."""
        *before, last = self.steps
        query = last.query.copy()
        for step in before:
            query = query.with_(step.name, as_=step.query.copy(), copy=False)
        for cte, step in zip(query.args["with_"].expressions, before, strict=True):
            first = cte.this
            while isinstance(first, exp.SetOperation):
                first = first.this
            first.add_comments([f" {step.name}: {step.sentence.render()} "], prepend=True)
        return query.sql(dialect=dialect, pretty=True)
