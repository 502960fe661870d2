"""Add: new rows, checked by themselves and against sealed facts, written beside these in further files.

What is there is not read again, but for the rows that new ones name. Only a row that takes the place
of another has the file that holds it written anew.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cogrow.embedded import Limits
from cogrow.errors import N_, DataError, InvariantBroken, Translate, message
from cogrow.facts import FactFiles, Table
from cogrow.sources import seal
from cogrow.sources.conform import opened, refuse_errors
from cogrow.sources.mapping import QUARANTINE
from cogrow.sources.months import MONTHLY
from cogrow.sources.pending import put_in_place, work_in
from cogrow.sources.reading import Reading
from cogrow.sources.report import FactsReport, Progress, silent
from cogrow.sources.sql import literal, parquet, quoted
from cogrow.sources.writing import by_month, copy, quarantined, sorted_rows

_WRITING = N_("Writing facts")


@dataclass(frozen=True, slots=True)
class Added:
    """What became of new rows: the report of reading them, and what they changed.

    By table, `known` rows were there already, and `replaced` rows gave way to new ones. `files` are
    those written (or that would be), `gone` those they took the place of; `version` is that of the
    facts afterwards.
    """

    report: FactsReport
    known: Mapping[str, int]
    replaced: Mapping[str, int]
    files: tuple[str, ...]
    gone: tuple[str, ...]
    version: str
    dry_run: bool

    def as_json(self, translate: Translate = str) -> dict[str, Any]:
        """Return it as plain data for `--json`."""
        found = self.report.as_json(translate)
        for name, table in found["tables"].items():
            table |= {"already_there": self.known[name], "replaced": self.replaced[name]}
        return found | {
            "files": list(self.files),
            "gone": list(self.gone),
            "version": self.version,
            "dry_run": self.dry_run,
        }


def add(
    source: Path,
    to: Path,
    limits: Limits,
    progress: Progress = silent,
    *,
    base: Path | None = None,
    replacing: frozenset[str] = frozenset(),
    dry_run: bool = False,
) -> Added:
    """Add the rows of a source to the sealed facts in `to`; `base` is as in `conform`.

    Rows that are there already count once. Rows with the key of one that is there and other content
    are quarantined, or in tables `replacing` theirs take its place. With `dry_run` nothing is written.

    Raises DataError with every issue where there are errors, or `to` cannot be added to; the facts are
    then as they were. EngineError for too little memory or disk.
    """
    if source.resolve().is_relative_to(to.resolve()):
        what = N_("{folder} holds the facts to read; it cannot also be where they are written.")
        raise DataError(message(what, folder=to))
    if not (to / seal.NAME).is_file():
        what = N_("{folder} holds no sealed facts to add to; `cogrow facts import` makes them.")
        raise DataError(message(what, folder=to))
    with _work(to, limits, dry_run=dry_run) as work:
        there = seal.read(to)
        assert there is not None
        with opened(source, base, work, limits, progress, there, replacing) as (reading, report):
            refuse_errors(source, report)
            _refuse_unknown(replacing, {*there.tables, *report.tables})
            new = _New(reading, there, to, work)
            for at, name in enumerate(report.tables):
                progress(_WRITING, at, len(report.tables))
                new.plan(reading.checks.staged[name].table)
            known, replaced = ({n: new.count(f"{w}_{n}") for n in report.tables} for w in _COUNTED)
            if dry_run:
                version = there.version
            else:
                version = new.write(report, replaced)
            progress(_WRITING, len(report.tables), len(report.tables))
    return Added(report, known, replaced, tuple(new.files), tuple(new.gone), version, dry_run)


#: Of which rows of a table there are counts: those that are there already, and that replace others.
_COUNTED = ("known", "swap")


@contextmanager
def _work(to: Path, limits: Limits, *, dry_run: bool) -> Iterator[Path]:
    if not dry_run:
        with work_in(to) as work:
            yield work
        return
    with tempfile.TemporaryDirectory(prefix="cogrow-add-", dir=limits.spill) as name:
        yield Path(name)


def _refuse_unknown(replacing: frozenset[str], tables: set[str]) -> None:
    if unknown := sorted(replacing - tables):
        what = N_("No table is called {names}; rows of these can be replaced: {known}.")
        told = message(what, names=", ".join(unknown), known=", ".join(sorted(tables)))
        raise DataError(told)


@dataclass(frozen=True, slots=True)
class _Gone:
    """A file that gives way: its table, how the one instead of it is called ("": no row is left) and how the
    file of the rows this is about, and the query of these.
    """

    table: str
    instead: str
    change: str
    query: str


@dataclass
class _New:
    """The files that new rows are written to: the table and the query of each, by how it will be called; and
    those that are `gone` for it, by how they are called.
    """

    reading: Reading
    there: FactFiles
    to: Path
    work: Path
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    gone: dict[str, _Gone] = field(default_factory=dict)

    def count(self, name: str) -> int:
        """Return how many rows a table of the connection has."""
        return self.reading.checks.count(f"SELECT count(*) FROM {quoted(name)}")

    def plan(self, table: Table) -> None:
        """Find the files for the accepted rows of one table."""
        name = table.name
        ok, swap = quoted(f"ok_{name}"), quoted(f"swap_{name}")
        fresh = (
            f"(SELECT * FROM {ok} ANTI JOIN (SELECT _id FROM {swap} WHERE NOT moves) USING (_id))"
        )
        if self.reading.checks.count(f"SELECT count(*) FROM {fresh}"):
            if name in MONTHLY:
                orders = self._orders(table, fresh)
                for one, query in by_month(self.reading, table, fresh, orders):
                    self._call(name, one.days, query)
            else:
                self._call(name, name, sorted_rows(table, fresh))
        homes = self.reading.connection.execute(
            f"SELECT DISTINCT _home FROM {swap} ORDER BY _home"
        ).fetchall()
        for (home,) in homes:
            self._again(table, str(home))

    def _again(self, table: Table, home: str) -> None:
        """Plan the file that takes the place of another: its rows, but for those that give way."""
        name, keys = table.name, ", ".join(quoted(key) for key in table.key)
        columns = ", ".join(quoted(column.name) for column in table.columns)
        swap = f"(SELECT * FROM {quoted(f'swap_{name}')} WHERE _home = {literal(home)})"
        old = parquet(home)
        taken = (
            f"SELECT {columns} FROM {quoted(f'ok_{name}')}"
            f" SEMI JOIN (FROM {swap} WHERE NOT moves) USING (_id)"
        )
        rows = f"(SELECT {columns} FROM {old} ANTI JOIN {swap} USING ({keys}) UNION ALL {taken})"
        stem, instead = re.sub(r"\.[0-9]+$", "", Path(home).stem), ""
        if self.reading.checks.count(f"SELECT count(*) FROM {rows}"):
            query = sorted_rows(table, rows, self._orders(table, rows))
            instead = self._call(name, stem, query)
        changed = (
            f"SELECT {columns} FROM (SELECT {columns}, 0 AS _at FROM {old} SEMI JOIN {swap} USING ({keys})"
            f" UNION ALL SELECT {columns}, 1 FROM ({taken})) ORDER BY {keys}, _at"
        )
        change = self._free(seal.CHANGES, f"{name}-{stem}")
        self.gone[Path(home).relative_to(self.to).as_posix()] = _Gone(
            name, instead, change, changed
        )

    def _orders(self, table: Table, rows: str) -> str:
        """Return a relation of the orders that rows of a table of lines name, and when they were."""
        if table.name != "order_lines":
            return ""
        wanted = f"SELECT order_id FROM {rows}"
        return self.reading.checks.accepted("orders", ("placed_at",), ("order_id",), wanted)

    def _call(self, table: str, stem: str, query: str) -> str:
        """Find a name for a file of a table, and return it."""
        name = self._free(table, stem)
        self.files[name] = table, query
        return name

    def _free(self, folder: str, stem: str) -> str:
        """Return a name that no other file has."""
        called, at = f"{folder}/{stem}.parquet", 1
        changes = {one.change for one in self.gone.values()}
        while called in self.files or called in changes or (self.to / called).exists():
            at += 1
            called = f"{folder}/{stem}.{at}.parquet"
        return called

    def write(self, report: FactsReport, replaced: Mapping[str, int]) -> str:
        """Write all files, and the quarantined rows, and seal them in. Returns the new version."""
        for name, counts in report.tables.items():
            if counts.quarantined:
                self._quarantine(name)
        if not self.files and not self.gone:
            return self.there.version
        made: dict[str, list[tuple[Path, str]]] = {}
        for at, (called, (table, query)) in enumerate(self.files.items()):
            path = self.work.resolve() / f"{at}.parquet"
            copy(self.reading.connection, query, path)
            made.setdefault(table, []).append((path, called))
        rewritten = []
        for at, (home, one) in enumerate(self.gone.items()):
            path = self.work.resolve() / f"change-{at}.parquet"
            copy(self.reading.connection, one.query, path)
            rewritten.append(seal.Rewritten(one.table, home, one.instead, (path, one.change)))
            made.setdefault(one.table, [])
        content = seal.extended(self.to, made, rewritten)
        for name, counts in report.tables.items():
            before = self.there.tables[name].rows if name in self.there.tables else 0
            expected = before + counts.written - replaced[name]
            rows = content["tables"].get(name, {"rows": 0})["rows"]
            if rows != expected:
                what = N_("{table}: {rows} rows were written, not {expected}.")
                raise InvariantBroken(message(what, table=name, rows=rows, expected=expected))
        moves = [move for files in made.values() for move in files]
        moves += [change.rows for change in rewritten]
        sealed = seal.names(self.to) or frozenset()
        put_in_place(self.to, moves, sorted(sealed - seal.called(content)), content)
        return str(content["version"])

    def _quarantine(self, name: str) -> None:
        """Put the quarantined rows of a table beside others, called by their hash: once each."""
        path = self.work.resolve() / f"{name}.quarantine.parquet"
        copy(self.reading.connection, quarantined(self.reading.checks.staged[name]), path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        (self.to / QUARANTINE).mkdir(exist_ok=True)
        path.replace(self.to / QUARANTINE / f"{name}-{digest}.parquet")
