"""Conform: facts as they come, checked, counted, and written as sealed canonical Parquet files.

What is written appears whole or not at all: everything is made in a hidden folder beside the place
it is for, and moved there in one step at the end.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from cogrow.embedded import Limits, connect, problem_of
from cogrow.errors import N_, DataError, EngineError, Issue, Span, message, nearest
from cogrow.facts import FactFiles
from cogrow.sources import mapping as mappings
from cogrow.sources import writing
from cogrow.sources.faults import NO_FILES
from cogrow.sources.folder import FolderSource
from cogrow.sources.mapped import MappedSource
from cogrow.sources.reading import Reading, Source
from cogrow.sources.report import FactsReport, Progress, silent
from cogrow.sources.standing import Standing


def _source(path: Path, base: Path | None) -> tuple[Source, list[Issue]]:
    """Return the source at `path`, a canonical folder or a mapping file, and what is wrong in that.

    Raises DataError where there is nothing to try.
    """
    if path.is_dir():
        return FolderSource(path), []
    if not path.is_file():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        issue = NO_FILES.issue(Span(str(path)), path=str(path), hint=nearest(path.name, beside))
        raise DataError(message(N_("There are no facts at {path}."), path=path), [issue])
    mapping, issues = mappings.load(path)
    if mapping is None:
        raise DataError(message(N_("The mapping {file} cannot be used."), file=path.name), issues)
    return MappedSource(mapping, base or path.parent, whole=not issues), issues


def _with_room(limits: Limits) -> Limits:
    """Return limits that leave a seventh of the memory to what the engine's own count leaves out.

    Measured at 10 million order lines: 200 MB above its limit, for writers, libraries and Python.
    """
    size = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)", limits.memory.strip())
    if size is None:
        return limits
    units, thousandths = divmod(Fraction(size[1]) * 6000 // 7, 1000)
    return replace(limits, memory=f"{units}.{thousandths:03}{size[2]}")


@contextmanager
def opened(
    source: Path,
    base: Path | None,
    work: Path,
    limits: Limits,
    progress: Progress,
    there: FactFiles | None = None,
    replacing: frozenset[str] = frozenset(),
) -> Iterator[tuple[Reading, FactsReport]]:
    """Yield a source read and checked, its connection still open.

    Where facts are `there`, it is checked as an addition to them, `replacing` rows of these tables.

    Raises DataError, EngineError.
    """
    import duckdb  # heavy; only commands that read facts pay for it

    found, wrong = _source(source, base)
    files, issues = found.files()
    reads = [path for given in files.values() for path in given.paths]
    tables = there.tables.values() if there is not None else ()
    reads += [Path(path) for table in tables for path in table.paths]
    try:
        with connect(_with_room(limits), reads=reads, writes=[work]) as connection:
            standing = Standing(connection, there, replacing) if there is not None else None
            reading = Reading(found, connection, work.resolve(), progress, standing)
            reading.issues += [*wrong, *issues]
            reading.read(files)
            yield reading, reading.report()
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        reason = problem_of(error)
        what = N_("The facts could not be read with the memory and disk there are: {reason}")
        raise EngineError(message(what, reason=reason)) from error


def refuse_errors(source: Path, report: FactsReport) -> None:
    """Raise DataError with all issues where one of them is an error."""
    if report.errors:
        what = N_("The facts at {source} cannot be used; errors: {count}.")
        told = message(what, source=source, count=len(report.errors))
        raise DataError(told, report.issues)


def check(
    source: Path,
    limits: Limits,
    progress: Progress = silent,
    *,
    base: Path | None = None,
) -> FactsReport:
    """Read the facts of a mapping file or canonical folder, check them, and write nothing.

    `base` is the folder a mapping's paths are relative to (its own where None).

    Raises DataError where there is no readable mapping or folder, EngineError for too little memory
    or disk.
    """
    with (
        tempfile.TemporaryDirectory(prefix="cogrow-check-", dir=limits.spill) as work,
        opened(source, base, Path(work), limits, progress) as (_, report),
    ):
        return report


def conform(
    source: Path,
    out: Path,
    limits: Limits,
    progress: Progress = silent,
    *,
    base: Path | None = None,
) -> FactsReport:
    """Read and check facts, and write them to the folder `out`: sealed canonical Parquet files.

    `out` may be new, empty, or conformed facts, which are replaced. Rows at fault go to
    `out/quarantine/<table>.parquet`. Nothing is written where there are errors.

    Raises DataError with every issue where there are errors or `out` holds anything else;
    EngineError for too little memory or disk.
    """
    writing.refuse_to_overwrite(out, source)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{out.name}.partial-", dir=out.parent))
    try:
        facts, work = partial / "facts", partial / "work"
        facts.mkdir()
        work.mkdir()
        with opened(source, base, partial, limits, progress) as (reading, report):
            refuse_errors(source, report)
            writing.write(reading, facts.resolve(), report)
        writing.move_into_place(facts, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return report
