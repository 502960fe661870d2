"""explain: why one merchant earned what it earned, down to the order lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cogrow.embedded import Limits
from cogrow.engines.batch.order import Run
from cogrow.engines.compile import compile_plan
from cogrow.engines.duckdb import DuckDB, open_engine
from cogrow.engines.plan import Added, Check, FactRows, Plan, Rejected
from cogrow.engines.rejected import rejected
from cogrow.errors import N_, InvariantBroken, Translate, message
from cogrow.expressions.evaluate import evaluate
from cogrow.expressions.tree import NUMERIC, Aggregate, Const, aggregates, put_in
from cogrow.facts import FactFiles
from cogrow.operations.choose import one_run
from cogrow.operations.earn import Progress
from cogrow.operations.explanation.account import Account
from cogrow.operations.explanation.bounds import funded, limited, result, stacked
from cogrow.operations.explanation.earned import earned
from cogrow.operations.explanation.gather import (
    Gathered,
    attributes,
    computed,
    enrollments,
    queue_of,
    read,
)
from cogrow.operations.explanation.measured import attained, measured
from cogrow.operations.explanation.owed import owed
from cogrow.operations.explanation.sentence import Sentence
from cogrow.operations.explanation.things import Thing, things_of
from cogrow.operations.explanation.who import eligible, version
from cogrow.operations.figures import read_values
from cogrow.period import Period
from cogrow.programs.program import Program
from cogrow.sources.opening import open_facts

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Listed:
    """The fact rows of one table in one period that measured values were made of.

    `grain` is what they are told apart by, "" for the merchant alone.
    """

    table: str
    period: Period
    rows: pa.Table
    adds: tuple[Added, ...]
    grain: str = ""


@dataclass(frozen=True, slots=True)
class KeptOut:
    """A row that does not count: what it is known by, its columns, and every check it fails."""

    row: Mapping[str, Any]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class NotCounted:
    """The rows of one fact table about the period that do not count in it."""

    table: str
    rows: tuple[KeptOut, ...]

    def reasons(self) -> dict[tuple[str, str], int]:
        """Return how many rows fail each check, by its reason and text, in the order of the checks."""
        found: dict[tuple[str, str], int] = {}
        for one in self.rows:
            for check in one.checks:
                key = check.reason, check.text
                found[key] = found.get(key, 0) + 1
        return found


@dataclass(frozen=True, slots=True)
class Explained:
    """A merchant's derivation: its rows of earnings, the sentences, what it was paid for one by one, and
    the facts where asked for: those behind the values, and those that do not count.
    """

    program: Program
    period: Period
    earnings: tuple[Mapping[str, Any], ...]
    sentences: tuple[Sentence, ...]
    things: Mapping[str, Sequence[Thing]]
    listed: tuple[Listed, ...] = ()
    kept_out: tuple[NotCounted, ...] | None = None

    def as_json(self, translate: Translate) -> dict[str, Any]:
        """Return the derivation as plain data."""
        found: dict[str, Any] = {
            "program": self.program.id,
            "version": self.program.version,
            "period": self.period.name,
            "merchant_id": self.earnings[0]["merchant_id"],
            "earnings": [_plain(row) for row in self.earnings],
            "steps": [sentence.as_json(translate) for sentence in self.sentences],
            "things": {
                name: [thing.as_json() for thing in found] for name, found in self.things.items()
            },
            "rows": [
                {
                    "table": one.table,
                    "period": one.period.name,
                    "rows": [_plain(row) for row in one.rows.to_pylist()],
                }
                for one in self.listed
            ],
        }
        if self.kept_out is not None:
            found["rejected"] = [_rejected(one) for one in self.kept_out]
        return found


def _rejected(one: NotCounted) -> dict[str, Any]:
    return {
        "table": one.table,
        "reasons": [
            {"reason": reason, "text": text, "rows": count}
            for (reason, text), count in one.reasons().items()
        ],
        "rows": [
            _plain(kept.row) | {"why": [{"reason": c.reason, "text": c.text} for c in kept.checks]}
            for kept in one.rows
        ],
    }


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _as_data(value) for name, value in row.items()}


def _as_data(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else str(value)
    return value if isinstance(value, (int, str, bool, type(None))) else str(value)


def explain(
    name: str,
    merchant: str,
    facts: Path,
    period_name: str | None,
    *,
    rows: bool = False,
    not_counted: bool = False,
    limits: Limits,
    progress: Progress,
    earnings: Path | None = None,
    beside: Sequence[str] = (),
) -> Explained:
    """Return the derivation of what `merchant` earned in a period.

    The figures are read from `earnings` where `earn` left them there with all they depend on, from
    the same terms and facts; else they are computed, for this merchant alone where it shares nothing.
    `rows` lists the facts behind the figures, `not_counted` those that do not count. `beside` are
    further programs it may depend on.

    Raises NotFound for an unknown program, period or merchant, ProgramError, DataError, EngineError,
    InvariantBroken where the derivation comes to something else than was earned.
    """
    with TemporaryDirectory(prefix="cogrow-") as work:
        opened, _ = open_facts(facts, Path(work), limits, progress)
        program, period, others = one_run(name, period_name, opened, beside)
        return derive(
            (program, period),
            merchant,
            opened,
            others=others,
            rows=rows,
            not_counted=not_counted,
            limits=limits,
            earnings=earnings,
        )


def derive(
    run: Run,
    merchant: str,
    facts: FactFiles,
    *,
    others: Sequence[Program] = (),
    rows: bool = False,
    not_counted: bool = False,
    limits: Limits,
    earnings: Path | None = None,
) -> Explained:
    """Return the derivation from opened facts; as `explain`."""
    program, period = run
    plan = compile_plan(program, period, facts)
    found = read(run, others, facts, earnings, merchant) if earnings is not None else None
    if found is None:
        found = computed(run, others, facts, limits, merchant)
    listed, things, orders = _facts(plan, facts, limits, merchant, found, rows=rows)
    kept_out = _kept_out(run, facts, limits, merchant) if not_counted else None
    if rows:
        check_sums(plan, found.rows[0], listed)
    account = Account(
        program,
        plan,
        found.rows,
        attributes(facts, merchant),
        enrollments(facts, program, merchant),
        found.earned,
        found.offered,
        queue_of(program, plan, found.table, merchant),
        things,
        orders,
    )
    told = tuple(sentences(account))
    paid_for = {one.name: things_of(account, one) for one in program.components if one.per}
    return Explained(program, period, tuple(found.rows), told, paid_for, listed, kept_out)


def sentences(account: Account) -> Iterator[Sentence]:
    """Yield the derivation of a merchant's earning.

    Raises InvariantBroken where it comes to something else than the rows of earnings say.
    """
    stacking = account.program.stacking
    in_order = stacking is not None and not stacking.chooses
    yield from version(account)
    yield from eligible(account)
    if account.rows[0]["eligible"]:
        yield from owed(account)
        yield from measured(account)
        if in_order:
            yield from stacked(account)
        yield from attained(account)
        for component, row in zip(account.program.components, account.rows, strict=True):
            yield from earned(account, component, row)
    yield from limited(account)
    if not in_order:
        yield from stacked(account)
    yield from funded(account)
    yield result(account)


def _facts(
    plan: Plan,
    facts: FactFiles,
    limits: Limits,
    merchant: str,
    found: Gathered,
    *,
    rows: bool,
) -> tuple[tuple[Listed, ...], Mapping[str, Sequence[dict[str, Any]]], list[dict[str, Any]] | None]:
    """Return the rows that count, the things paid for, and the orders with the visits they are owed to,
    as far as anybody wants to know of them.
    """
    visits = [one for one in plan.rows if one.window == "now" and _says_visit(one)]
    things = found.things if found.things is not None else {}
    missing = [name for name in plan.things if name not in things]
    if not (rows or visits or missing):
        return (), things, None
    with open_engine(facts, [plan], limits, merchant=merchant) as engine:
        read_now = {n: engine.things(plan, n, merchant).to_pylist() for n in missing}
        listed = tuple(_listed(engine, plan, one) for one in plan.rows) if rows else ()
        orders = [row for one in visits[:1] for row in engine.rows(plan, one).to_pylist()]
    return listed, {**things, **read_now}, orders if visits else None


def _says_visit(one: FactRows) -> bool:
    return "visit_id" in one.query.named_selects and "visited_at" in one.query.named_selects


def _listed(engine: DuckDB, plan: Plan, one: FactRows) -> Listed:
    return Listed(one.table, one.period, engine.rows(plan, one), one.adds, one.grain)


def _kept_out(run: Run, facts: FactFiles, limits: Limits, merchant: str) -> tuple[NotCounted, ...]:
    """Return the merchant's rows about the period that do not count."""
    plan, listings = rejected(*run, facts)
    with open_engine(facts, [plan], limits, merchant=merchant) as engine:
        return tuple(_not_counted(engine, plan, one) for one in listings)


def _not_counted(engine: DuckDB, plan: Plan, one: Rejected) -> NotCounted:
    columns = {check.column for check in one.checks}
    rows = []
    for row in engine.rows(plan, one).to_pylist():
        failed = {(c.reason, c.text): c for c in one.checks if row[c.column]}
        kept = {name: value for name, value in row.items() if name not in columns}
        rows.append(KeptOut(kept, tuple(failed.values())))
    return NotCounted(one.table, tuple(rows))


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
