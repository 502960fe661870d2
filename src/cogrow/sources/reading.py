"""One reading of a source: its files opened, its tables staged, and their rows held against each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cogrow.embedded import no_room
from cogrow.errors import N_, Issue, Span, message, nearest
from cogrow.facts import TABLES, Table
from cogrow.sources.checks import Checks
from cogrow.sources.faults import EMPTY, TABLE_MISSING, UNREADABLE
from cogrow.sources.parts import Plan
from cogrow.sources.readers import Files, Variant, open_files
from cogrow.sources.report import FactsReport, Progress, TableReport, in_order
from cogrow.sources.sql import quoted
from cogrow.sources.staging import Prepared, Staged, prepare, stage
from cogrow.sources.standing import Standing

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_READING = N_("Reading facts")
_CHECKING = N_("Checking facts")


class Source(Protocol):
    """Somewhere facts come from: files first, then how tables are made of what is in them."""

    def files(self) -> tuple[dict[str, Files], list[Issue]]:
        """Return the files to open, by the name of the input."""

    def plans(self, opened: dict[str, list[Variant]]) -> tuple[list[Plan], list[Issue]]:
        """Return how each table is made."""

    def declared(self) -> set[str]:
        """Return the names of all tables that should be there."""


class Reading:
    """One reading of a source, from its files to checked tables; `work` takes what is in between."""

    def __init__(
        self,
        source: Source,
        connection: DuckDBPyConnection,
        work: Path,
        progress: Progress,
        standing: Standing | None = None,
    ) -> None:
        self.source, self.connection, self.work, self.progress = source, connection, work, progress
        self.issues: list[Issue] = []
        self.checks = Checks(connection, standing)
        self.there = standing.facts.tables if standing is not None else {}
        self.plans: dict[str, Plan] = {}

    def read(self, files: dict[str, Files]) -> None:
        """Open every input, stage every table, and check them in the order of their links."""
        opened: dict[str, list[Variant]] = {}
        for at, (name, given) in enumerate(files.items()):
            self.progress(_READING, at, 2 * len(files))
            folder = self.work / "inputs" / name
            folder.mkdir(parents=True)
            variants, issues = open_files(self.connection, f"i{at}", given, folder)
            self.issues += issues
            if not issues:
                opened[name] = variants
        plans, issues = self.source.plans(opened)
        self.issues += issues
        self.plans = {plan.table.name: plan for plan in plans}
        prepared = {}
        for name, plan in self.plans.items():
            there = self.there.get(name)
            made, issues = prepare(self.connection, plan, there.columns if there else None)
            self.issues += issues
            if made is not None:
                prepared[name] = made
        self.issues += self._absent({name: made.table for name, made in prepared.items()})
        order = in_link_order(prepared)
        for at, name in enumerate(order):
            self.progress(_READING, len(order) + at, 2 * len(order))
            staged = self._stage(prepared[name])
            self.progress(_CHECKING, at, len(order))
            if staged is not None:
                self.checks.check(staged)
        self.progress(_CHECKING, len(order), len(order))
        self.issues += self.checks.issues
        if (
            "merchants" in self.checks.staged
            and "merchants" not in self.there
            and not self.checks.count("SELECT count(*) FROM ok_merchants")
        ):
            place = self.plans["merchants"].place
            self.issues.append(EMPTY.issue(place, table="merchants"))

    def _absent(self, tables: dict[str, Table]) -> list[Issue]:
        """Return the tables that are needed and that nothing speaks of."""
        declared = self.source.declared() | self.there.keys()
        wanted = {"merchants": message(N_("every program"))}
        for name, table in tables.items():
            for link in table.links:
                named = set(link.columns) <= table.by_name.keys()
                if link.table == "orders" and named:
                    wanted.setdefault("orders", message(N_("`{table}`"), table=name))
        return [
            TABLE_MISSING.issue(
                Span(path=name), table=name, wanted_by=who, hint=nearest(name, declared)
            )
            for name, who in wanted.items()
            if name not in declared
        ]

    def _stage(self, prepared: Prepared) -> Staged | None:
        import duckdb  # heavy; only commands that read facts pay for it

        name = prepared.table.name
        try:
            return stage(self.connection, prepared, self.work / f"{name}.staged.parquet")
        except duckdb.Error as error:
            ours = (
                duckdb.BinderException,
                duckdb.CatalogException,
                duckdb.InternalException,
                duckdb.NotImplementedException,
                duckdb.OutOfMemoryException,
                duckdb.ParserException,
            )
            if (
                isinstance(error, ours)
                or str(self.work) in str(error)
                or no_room(error) is not None
            ):
                raise
            reason = str(error).strip().split("\n")[0].rstrip(".")
            files = sorted({f for p in self.plans[name].parts for f in p.variant.files})
            issue = UNREADABLE.issue(
                self.plans[name].place,
                file=", ".join(Path(file).name for file in files[:3]),
                problem=message(N_("{reason}."), reason=reason),
            )
            self.issues.append(issue)
            return None

    def report(self) -> FactsReport:
        """Return what became of the rows of every table."""
        tables = {}
        for name in sorted(self.checks.staged, key=_place_in_contract):
            staged = self.checks.staged[name]
            count = self.checks.count
            view, bad = quoted(f"staged_{name}"), quoted(f"bad_{name}")
            quarantined = count(
                f"SELECT sum(_rows) FROM {view}"
                f" WHERE {staged.faulty} OR _id IN (SELECT _id FROM {bad})"
            )
            written = count(f"SELECT count(*) FROM {quoted(f'ok_{name}')}")
            accepted = count(
                f"SELECT sum(_rows) FROM {view}"
                f" WHERE NOT {staged.faulty} AND _id NOT IN (SELECT _id FROM {bad})"
            )
            tables[name] = TableReport(
                staged.read, accepted, accepted - written, quarantined, staged.left_out
            )
        return FactsReport(tables, in_order(self.issues))


def _place_in_contract(name: str) -> tuple[int, str]:
    names = list(TABLES)
    return (names.index(name) if name in names else len(names), name)


def in_link_order(prepared: dict[str, Prepared]) -> list[str]:
    """Return the names of tables so that each comes after those it links to."""
    waiting = sorted(prepared, key=_place_in_contract)
    order: list[str] = []
    while waiting:
        name = next(
            name
            for name in waiting
            if not {link.table for link in prepared[name].table.links} & set(waiting) - {name}
        )
        order.append(name)
        waiting.remove(name)
    return order
