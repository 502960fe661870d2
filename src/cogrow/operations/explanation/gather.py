"""Where the figures of a derivation come from: earnings computed before, or computed now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogrow.embedded import Limits
from cogrow.engines.batch.inputs import Inputs
from cogrow.engines.batch.order import Run, closed, with_calendar
from cogrow.engines.batch.origins import origins_of
from cogrow.engines.batch.prepare import Plans
from cogrow.engines.plan import Plan
from cogrow.engines.run import running
from cogrow.engines.scans.spans import Layout
from cogrow.errors import N_, NotFound, message
from cogrow.expressions.evaluate import Known, evaluate
from cogrow.facts import FactFiles
from cogrow.operations.earn import origin_of, read_back, result_path
from cogrow.operations.explanation.account import Queue
from cogrow.operations.figures import read_values
from cogrow.programs.program import Program

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Gathered:
    """A merchant's rows of earnings, what stands beside them, and its things by component.

    `table` holds the rows of all merchants where they share a fund, else at least its own.
    `things` are None where the figures were read and not computed.
    """

    rows: list[dict[str, Any]]
    table: pa.Table
    earned: list[dict[str, Any]]
    offered: list[dict[str, Any]]
    things: Mapping[str, list[dict[str, Any]]] | None


def computed(
    run: Run, others: Sequence[Program], facts: FactFiles, limits: Limits, merchant: str
) -> Gathered:
    """Return the figures computed now, for this merchant alone where it shares nothing.

    Raises NotFound where the facts have no such merchant, ProgramError, DataError, EngineError.
    """
    with running([run], facts, limits, others=others, merchant=merchant) as (engine, found):
        (ran,) = found
        rows = _of(ran.table, merchant)
        things = {
            name: engine.things(ran.plan, name, merchant).to_pylist() for name in ran.plan.things
        }
        return Gathered(rows, ran.table, *engine.remembered(merchant), things)


def _of(table: pa.Table, merchant: str) -> list[dict[str, Any]]:
    import pyarrow.compute as pc

    rows: list[dict[str, Any]] = table.filter(
        pc.equal(table.column("merchant_id"), merchant)
    ).to_pylist()
    if not rows:
        what = N_("There is no merchant {name} in the facts.")
        raise NotFound(message(what, name=merchant))
    return rows


def made_from(
    run: Run, others: Sequence[Program], facts: FactFiles, folder: Path
) -> tuple[list[Run], list[str]]:
    """Return a run and all it depends on, and for each the hash of what its earnings are made from; the
    earnings in the folder say what is read for them.
    """
    others = [with_calendar(other, facts) for other in others]
    runs = closed([(with_calendar(run[0], facts), run[1])], others)
    there = ((at, origin_of(folder / result_path(*one))) for at, one in enumerate(runs))
    said = {at: origin for at, origin in there if origin is not None}
    origins = origins_of(Plans(runs, facts), others, Inputs(Layout(facts)), said)
    return runs, [origin.inputs for origin in origins.made]


def read(
    run: Run, others: Sequence[Program], facts: FactFiles, folder: Path, merchant: str
) -> Gathered | None:
    """Return the figures `earn` left in `folder`, None where any of what they depend on is not there.

    Raises NotFound where they are there, but not of this merchant.
    """
    program = run[0]
    if (
        program.stacking is not None
        and not program.stacking.chooses
        and any(component.per is not None for component in program.components)
    ):
        return None  # what was taken before is one of the values its things are computed from
    if not (folder / result_path(*run)).is_file():
        return None
    runs, made_of = made_from(run, others, facts, folder)
    only = None if program.divides_fund else merchant
    paths = [folder / result_path(*one) for one in runs]
    table = read_back(paths[0], program.version, made_of[0], only)
    if table is None:
        return None
    earned, offered = list[dict[str, Any]](), list[dict[str, Any]]()
    for other, path, inputs in zip(runs, paths, made_of, strict=True):
        found = read_back(path, other[0].version, inputs, merchant)
        if found is None:
            return None
        rows = found.to_pylist()
        days = {"program": other[0].id, "starts_on": other[1].start, "ends_on": other[1].end}
        names = ("component", "limited_minor", "amount_minor")
        earned += [days | {name: row[name] for name in names} for row in rows]
        offered.append(
            days
            | {
                "takes_part": any(row["eligible"] and row["gates_passed"] for row in rows),
                "limited_minor": sum(int(row["limited_minor"]) for row in rows),
            }
        )
    return Gathered(_of(table, merchant), table, earned, offered, None)


def queue_of(program: Program, plan: Plan, table: pa.Table, merchant: str) -> Queue | None:
    """Return where a merchant stands among all who draw on the fund; None where nobody has to wait."""
    fund = program.fund
    if fund is None or not fund.is_divided:
        return None
    draws: dict[str, int] = {}
    first: dict[str, dict[str, Any]] = {}
    out: set[str] = set()
    stored = list(plan.stored.values())
    figures = {name for one in stored for name in (one.column, f"{one.column}_denominator")}
    names = [n for n in table.column_names if n in figures and fund.by is not None]
    columns = ["merchant_id", "limited_minor", "reason", *names]
    for row in table.select(columns).to_pylist():
        name = row["merchant_id"]
        first.setdefault(name, row)
        draws[name] = draws.get(name, 0) + int(row["limited_minor"])
        if row["reason"] == "stacked_out":
            out.add(name)
    draws = {name: 0 if name in out else max(minor, 0) for name, minor in draws.items()}

    def place(name: str) -> tuple[bool, Any, str]:
        moment: Known = None
        if fund.by is not None:
            moment = evaluate(fund.by.tree, read_values(first[name], plan.stored))
        return moment is None, moment if moment is not None else 0, name

    order = sorted(draws, key=place)
    ahead = [name for name in order[: order.index(merchant)] if draws[name]]
    before = sum(draws[name] for name in ahead)
    return Queue(draws[merchant], before, len(ahead), sum(draws.values()))


def attributes(facts: FactFiles, merchant: str) -> dict[str, Known]:
    """Return the merchant's own columns as exact values."""
    for row in _read(facts, "merchants", [("merchant_id", "=", merchant)]):
        return {name: _known(value) for name, value in row.items()}
    return {}


def enrollments(facts: FactFiles, program: Program, merchant: str) -> list[dict[str, Any]]:
    """Return the merchant's enrollments in the program, first one first."""
    if program.enrollment != "opt_in":
        return []
    only = [("merchant_id", "=", merchant), ("program", "=", program.id)]
    return sorted(_read(facts, "enrollments", only), key=lambda row: row["enrolled_on"])


def _read(facts: FactFiles, table: str, only: list[tuple[str, str, Any]]) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = []
    for path in facts.tables[table].paths:
        found += pq.read_table(path, filters=only).to_pylist()
    return found


def _known(value: Any) -> Known:
    if isinstance(value, (bool, str, datetime)) or value is None:
        return value
    if isinstance(value, (int, Decimal)):
        return Fraction(value)
    known: Known = value
    return known
