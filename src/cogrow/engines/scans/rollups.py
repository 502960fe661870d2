"""Roll-ups: what fact files add to the steps of programs, built once and kept, read instead of the facts.

A step that is a sum over facts is the sum of what each file adds to it. Of every file in its days, what is
kept is read, and what is not is built first: for all programs of a run together, a file read once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from cogrow.engines.plan import DIALECT, Plan, Step
from cogrow.engines.ratio import SQL, cast
from cogrow.engines.scans.columns import Column, Part, adds_up, parts, query, wholes
from cogrow.engines.scans.spans import FactFile, Layout, read_only
from cogrow.engines.scans.store import Store, name_of
from cogrow.engines.steps.eligible import is_eligible
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.refund_lines import STEP as REFUND_LINES
from cogrow.engines.steps.refund_lines import refund_lines
from cogrow.facts import FactFiles

#: A table of fewer rows is read as quickly as what would be kept of it.
FEWEST_ROWS = 100_000


@dataclass
class RollUp:
    """A roll-up to build: of which file, its columns, what they are joined with and made from."""

    scan: FactQuery
    file: FactFile
    columns: dict[str, Column] = field(default_factory=dict)
    sources: dict[str, tuple[FactFile, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return its name in the store."""
        return name_of(self.file.table, self.file.sha256, self.columns)

    def add(self, part: Part, columns: Iterable[Column]) -> None:
        """Let it hold these columns of a part as well."""
        self.columns |= {column.name: column for column in columns}
        self.sources |= part.sources

    @property
    def made_from(self) -> list[str]:
        """Return the hashes of the files its rows come from."""
        return [file.sha256 for files in self.sources.values() for file in files]

    def sql(self) -> str:
        """Return the query that makes its rows; it reads the files of its sources and no others."""
        return self._sql(lambda file: file.path)

    def sql_by_hash(self) -> str:
        """Return the query with every file under the hash of its bytes, wherever it lies."""
        return self._sql(lambda file: file.sha256)

    def _sql(self, place: Callable[[FactFile], str]) -> str:
        found = query(self.scan, self.columns.values(), self.sources)
        if self.scan.by_line:
            lines = refund_lines(self.scan.available["refunds"])
            found = found.with_(REFUND_LINES, as_=lines, copy=False)
        sources = {table: [place(one) for one in files] for table, files in self.sources.items()}
        read_only(found, sources)
        return found.sql(DIALECT)


@dataclass(frozen=True, slots=True)
class Rolled:
    """Plans that read roll-ups: what is to be built for them, and the names of all they read."""

    build: list[RollUp]
    names: list[str]
    plans: list[Plan]


def roll_up(plans: Sequence[Plan], layout: Layout, store: Store | None) -> Rolled:
    """Return the plans with every step that adds up over files reading roll-ups; as they are without a
    store.
    """
    if store is None:
        return Rolled([], [], list(plans))
    facts, kept = layout.facts, store.by_column()
    build: dict[tuple[str, bool, str], RollUp] = {}
    made: dict[int, list[tuple[FactQuery, list[Part]]]] = {}
    for at, plan in enumerate(plans):
        for scan in plan.scans:
            if not (adds_up(scan) and _worth_it(scan, facts)):
                continue
            found = parts(scan, layout)
            if not _is_known(scan, found):
                continue
            made.setdefault(at, []).append((scan, found))
            for part in found:
                lacking = [c for c in part.columns.values() if c is not None and c.name not in kept]
                if lacking:
                    key = scan.table, scan.by_line, part.file.path
                    rollup = build.setdefault(key, RollUp(scan, part.file))
                    rollup.add(part, lacking)
    place = dict(kept)
    for rollup in build.values():
        place |= dict.fromkeys(rollup.columns, rollup.name)
    reading = [_reading(plan, made.get(at, []), place) for at, plan in enumerate(plans)]
    names = {
        place[column.name]
        for scans in made.values()
        for _, found in scans
        for part in found
        for column in part.columns.values()
        if column is not None
    }
    return Rolled(list(build.values()), sorted(names), reading)


def _worth_it(scan: FactQuery, facts: FactFiles) -> bool:
    files = facts.tables[scan.table]
    hashed = all(facts.tables[name].hashes for name in scan.used | {scan.table})
    return hashed and files.rows >= FEWEST_ROWS


def _is_known(scan: FactQuery, found: Sequence[Part]) -> bool:
    """Return whether every file is there to be joined with, and what no file has is known to be of which
    type.
    """
    if any(not files for part in found for files in part.sources.values()):
        return False
    return all(
        kind or any(part.columns[name] is not None for part in found)
        for name, (_, kind) in wholes(scan).items()
    )


def _reading(
    plan: Plan, made: Sequence[tuple[FactQuery, list[Part]]], place: dict[str, str]
) -> Plan:
    """Return the plan whose steps of these scans read roll-ups."""
    if not made:
        return plan
    queries = {scan.step: _together(scan, found, place) for scan, found in made}
    steps = [replace(step, query=queries.get(step.name, step.query)) for step in plan.steps]
    left = tuple(scan for scan in plan.scans if scan.step not in queries)
    return replace(plan, steps=asked_for(steps), scans=left)


def asked_for(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps without the one that tells refunds apart by line, where none reads it."""
    asked = {table.name for step in steps for table in step.query.find_all(exp.Table)}
    return tuple(step for step in steps if step.name != REFUND_LINES or REFUND_LINES in asked)


def _together(scan: FactQuery, found: Sequence[Part], place: dict[str, str]) -> exp.Select:
    """Return what `scan.grouped` does, from what each file adds."""
    merchant, columns = exp.column("merchant_id"), wholes(scan)
    every: exp.Query | None = None
    for part in found:
        held: dict[str, dict[str, str]] = {}
        for name, column in part.columns.items():
            if column is not None:
                held.setdefault(place[column.name], {})[name] = column.name
        for rollup, own in held.items():
            one = _selected(merchant, {name: own.get(name) for name in columns})
            one = one.from_(exp.table_(rollup, quoted=True), copy=False)
            every = one if every is None else exp.union(every, one, distinct=False, copy=False)
    if every is None:
        nobody = cast(exp.null(), "TEXT")
        none = _selected(exp.alias_(nobody, "merchant_id"), dict.fromkeys(columns))
        every = none.where(exp.false(), copy=False)
    query = exp.select(merchant).from_(every.subquery("parts"))
    for name, (whole, kind) in columns.items():
        value: SQL = whole(this=exp.column(name))
        if kind:
            value = cast(value, kind)
        query = query.select(exp.alias_(value, name), copy=False)
    if not scan.everyone:
        query = query.where(is_eligible(merchant.copy()), copy=False)
    return query.group_by(merchant.copy(), copy=False)


def _selected(merchant: SQL, columns: Mapping[str, str | None]) -> exp.Select:
    """Return SELECT merchant, columns under their names in the step; None: nothing."""
    query = exp.select(merchant.copy())
    for name, own in columns.items():
        value: SQL = exp.column(own) if own is not None else exp.null()
        query = query.select(exp.alias_(value, name), copy=False)
    return query
