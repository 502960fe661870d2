"""explain: why one merchant earned what it earned, down to the order lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cogrow.embedded import Limits
from cogrow.engines.compile import compile_plan
from cogrow.engines.duckdb import DuckDB, open_engine
from cogrow.engines.plan import Added, FactRows, Plan
from cogrow.engines.run import run_programs
from cogrow.errors import N_, InvariantBroken, NotFound, Translate, message
from cogrow.expressions.evaluate import Known, evaluate
from cogrow.expressions.tree import NUMERIC, Aggregate, Const, aggregates, put_in
from cogrow.facts import FactFiles
from cogrow.operations.choose import one_run
from cogrow.operations.earn import Progress, read_back, result_path
from cogrow.operations.explanation import Explanation, Sentence
from cogrow.operations.figures import read_values
from cogrow.period import Period
from cogrow.programs.program import Program
from cogrow.sources.conform import open_facts

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Listed:
    """The fact rows of one table in one period that measured values were made of."""

    table: str
    period: Period
    rows: pa.Table
    adds: tuple[Added, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """A merchant's derivation: its rows of earnings, the sentences, and the facts where asked for."""

    program: Program
    period: Period
    earnings: tuple[Mapping[str, Any], ...]
    sentences: tuple[Sentence, ...]
    listed: tuple[Listed, ...]

    def as_json(self, translate: Translate) -> dict[str, Any]:
        """Return the derivation as plain data."""
        return {
            "program": self.program.id,
            "version": self.program.version,
            "period": self.period.name,
            "merchant_id": self.earnings[0]["merchant_id"],
            "earnings": [{k: _plain(v) for k, v in row.items()} for row in self.earnings],
            "steps": [sentence.as_json(translate) for sentence in self.sentences],
            "rows": [
                {
                    "table": one.table,
                    "period": one.period.name,
                    "rows": [
                        {k: _plain(v) for k, v in row.items()} for row in one.rows.to_pylist()
                    ],
                }
                for one in self.listed
            ],
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else str(value)
    return value if isinstance(value, (int, str, bool, type(None))) else str(value)


def explain(
    name: str,
    merchant: str,
    facts: Path,
    period_name: str | None,
    *,
    rows: bool,
    limits: Limits,
    progress: Progress,
    earnings: Path | None = None,
) -> Explained:
    """Return the derivation of what `merchant` earned in a period; `rows` lists the facts behind it.

    The figures are read from `earnings` where `earn` left them there, from the same terms and facts;
    else they are computed for this merchant alone.

    Raises NotFound for an unknown program, period or merchant, ProgramError, DataError, EngineError.
    """
    import pyarrow.compute as pc

    with TemporaryDirectory(prefix="cogrow-") as work:
        opened, _ = open_facts(facts, Path(work), limits, progress)
        program, period, versions = one_run(name, period_name, opened)
        plan = compile_plan(program, period, opened)
        earned: list[dict[str, Any]] = []
        if earnings is not None:
            path = earnings / result_path(program, period)
            earned = read_back(path, plan, opened, merchant)
        if not earned:
            (ran,) = run_programs(
                [(program, period)], opened, limits, others=versions, merchant=merchant
            )
            earned = ran.table.filter(
                pc.equal(ran.table.column("merchant_id"), merchant)
            ).to_pylist()
        listed: tuple[Listed, ...] = ()
        if rows:
            with open_engine(opened, [plan], limits, merchant=merchant) as engine:
                listed = tuple(_listed(engine, plan, one) for one in plan.rows)
        if not earned:
            what = N_("There is no merchant {name} in the facts.")
            raise NotFound(message(what, name=merchant))
        if rows:
            check_sums(plan, earned[0], listed)
        told = Explanation(program, plan, earned, _attributes(opened, merchant))
        return Explained(program, period, tuple(earned), tuple(told.sentences()), listed)


def _attributes(facts: FactFiles, merchant: str) -> dict[str, Known]:
    """Return the merchant's own columns as exact values."""
    import pyarrow.parquet as pq

    only = [("merchant_id", "=", merchant)]
    for path in facts.tables["merchants"].paths:
        for row in pq.read_table(path, filters=only).to_pylist():
            return {name: _known(value) for name, value in row.items()}
    return {}


def _known(value: Any) -> Known:
    if isinstance(value, (bool, str, datetime)) or value is None:
        return value
    if isinstance(value, (int, Decimal)):
        return Fraction(value)
    known: Known = value
    return known


def _listed(engine: DuckDB, plan: Plan, one: FactRows) -> Listed:
    return Listed(one.table, one.period, engine.rows(plan, one), one.adds)


def check_sums(plan: Plan, row: Mapping[str, Any], listed: tuple[Listed, ...]) -> None:
    """Raise InvariantBroken unless the listed rows make exactly what was measured."""
    made: dict[Aggregate, Const] = {}
    for rows, one in zip(plan.rows, listed, strict=True):
        for added in rows.adds if not rows.grain else ():
            numbers = [v for v in one.rows.column(added.column).to_pylist() if v is not None]
            value = _made(added, numbers)
            made[added.aggregate] = Const(value, added.aggregate.unit)
    figures = read_values(row, plan.stored)
    for name, tree in plan.formulas.items():
        for aggregate in aggregates(tree):  # what no day of the calendar holds is unknown
            made.setdefault(aggregate, Const(None, aggregate.unit))
        total = evaluate(put_in(tree, made), figures)
        if total != figures[name]:
            what = N_("The rows behind {name} make {total}, but {found} was measured.")
            said = {"total": str(total), "found": str(figures[name])}
            raise InvariantBroken(message(what, name=name, **said))


def _made(added: Added, values: list[Any]) -> Any:
    """Return the aggregate of what the rows add; an average, least or largest of none is unknown."""
    function, scale = added.aggregate.function, added.scale
    if added.aggregate.unit not in NUMERIC:
        return (min if function == "min" else max)(values, default=None)
    if function == "count":
        return Fraction(len(values))
    if function == "count_distinct":
        return Fraction(len(set(values)))
    numbers = [int(value) for value in values]  # whole, but Decimal where the engine computed wide
    if function == "sum":
        return Fraction(sum(numbers), scale)
    if not numbers:
        return None
    if function == "average":
        return Fraction(sum(numbers), scale * len(numbers))
    return Fraction(min(numbers) if function == "min" else max(numbers), scale)
