"""From patterns to relations: the files of an input, their columns, and SQL that reads them in a stream."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cogrow.embedded import no_room
from cogrow.errors import N_, Issue, Span, message, nearest
from cogrow.sources import csv_files
from cogrow.sources.declared import CsvDeclared
from cogrow.sources.faults import NO_FILES, UNREADABLE
from cogrow.sources.scope import SourceColumn
from cogrow.sources.sql import literal, parquet, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PARQUET = (".parquet", ".pq")
_WILD = "*?["


@dataclass(frozen=True, slots=True)
class Files:
    """The files of an input before they are opened, all of one format."""

    paths: tuple[Path, ...]
    csv: CsvDeclared = field(default_factory=CsvDeclared)


@dataclass(frozen=True, slots=True)
class Variant:
    """Files with the same columns, as one relation.

    `relation` is SQL that can stand after FROM; it yields the columns (by their name inside), `_file`
    and `_row` (from 1). `lines` are Parquet files of lines that are no rows, by the file they are of.
    """

    relation: str
    columns: Dict[str, SourceColumn]
    rows: int
    files: tuple[str, ...]
    lines: tuple[tuple[str, Path], ...] = ()


def suffix_of(path: Path) -> str:
    """Return what a file's name ends with: `.parquet`, `.csv`, `.csv.gz`; "" for any other."""
    name = path.name.lower()
    known = sorted((*PARQUET, *csv_files.SUFFIXES), key=len, reverse=True)
    return next((suffix for suffix in known if name.endswith(suffix)), "")


def stem_of(path: Path) -> str:
    """Return a file's name without what it ends with: `orders` for orders.csv.gz."""
    return path.name[: len(path.name) - len(suffix_of(path))]


def _matching(pattern: str, base: Path) -> list[Path]:
    """Return the files a pattern names, sorted: a file, a folder (all in it, deep), or a glob."""
    path = (base / pattern).resolve()
    if path.is_dir():
        found = [file for file in path.rglob("*") if file.is_file() and suffix_of(file)]
        inside = [file.relative_to(path).parts for file in found]
        visible = [not any(part.startswith((".", "_")) for part in parts) for parts in inside]
        return sorted(file for file, seen in zip(found, visible, strict=True) if seen)
    if path.is_file():
        return [path]
    if any(mark in pattern for mark in _WILD):
        root = Path(path.anchor)
        return sorted(file for file in root.glob(str(path.relative_to(root))) if file.is_file())
    return []


def find(
    patterns: Sequence[str], base: Path, place: Span, csv: CsvDeclared
) -> tuple[Files | None, list[Issue]]:
    """Return the files the patterns name, or None, with what is wrong with them."""
    issues: list[Issue] = []
    paths: dict[Path, None] = {}
    for pattern in patterns:
        found = _matching(pattern, base)
        if not found:
            folder = (base / pattern).parent
            beside = [file.name for file in folder.iterdir()] if folder.is_dir() else []
            hint = nearest(Path(pattern).name, beside)
            issues.append(NO_FILES.issue(place, path=str(base / pattern), hint=hint))
        paths.update(dict.fromkeys(found))
    odd = [path for path in paths if not suffix_of(path)]
    for path in odd:
        known = ", ".join((*PARQUET, *csv_files.SUFFIXES))
        problem = message(N_("its name should end with one of {known}."), known=known)
        issues.append(UNREADABLE.issue(place, file=path.name, problem=problem))
    formats = {suffix_of(path) in PARQUET for path in paths}
    if len(formats) > 1 and not odd:
        told = message(N_("CSV and Parquet files are mixed; name them in two inputs."))
        issues.append(UNREADABLE.issue(place, file=", ".join(patterns), problem=told))
    return (None if issues else Files(tuple(paths), csv)), issues


def _no_parquet(path: Path, error: Exception) -> Issue:
    reason = str(error).strip().split("\n")[0].rstrip(".")
    problem = message(N_("as Parquet it is broken or cut short ({reason})."), reason=reason)
    return UNREADABLE.issue(Span(str(path)), file=path.name, problem=problem)


def _parquet(connection: DuckDBPyConnection, files: Files) -> tuple[list[Variant], list[Issue]]:
    import duckdb  # heavy; only commands that read facts pay for it

    issues: list[Issue] = []
    groups: dict[tuple[tuple[str, str], ...], tuple[list[str], int]] = {}
    for path in files.paths:
        try:
            described = connection.execute(f"DESCRIBE SELECT * FROM {parquet(path)}").fetchall()
            counted = connection.execute(
                f"SELECT num_rows FROM parquet_file_metadata({literal(str(path))})"
            ).fetchone()
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            issues.append(_no_parquet(path, error))
            continue
        shape = tuple((str(row[0]), str(row[1])) for row in described)
        listed, rows = groups.get(shape, ([], 0))
        groups[shape] = ([*listed, str(path)], rows + (int(counted[0]) if counted else 0))
    variants = []
    for shape, (listed, rows) in groups.items():
        inside = {theirs: SourceColumn(f"c{n}", type_) for n, (theirs, type_) in enumerate(shape)}
        picked = "".join(f"{quoted(theirs)} AS {ours.name}, " for theirs, ours in inside.items())
        rows_of = parquet(*listed, filename="'_cogrow_file'", file_row_number="true")
        relation = (
            f"(SELECT {picked}_cogrow_file AS _file, file_row_number + 1 AS _row FROM {rows_of})"
        )
        variants.append(Variant(relation, inside, rows, tuple(listed)))
    return variants, issues


def _csv(
    connection: DuckDBPyConnection, name: str, files: Files, work: Path
) -> tuple[list[Variant], list[Issue]]:
    import duckdb  # heavy; only commands that read facts pay for it
    import pyarrow.parquet as pq

    variants: list[Variant] = []
    issues: list[Issue] = []
    for at, path in enumerate(files.paths):
        form, found = csv_files.form_of(path, files.csv)
        issues += found
        if form is None:
            continue
        twice = sorted({part for part in form.names if form.names.count(part) > 1})
        if twice:
            what = message(N_("the column {names} stands there twice."), names=", ".join(twice))
            issues.append(UNREADABLE.issue(Span(str(path), 1, 1), file=path.name, problem=what))
            continue
        try:
            rows, lines, found = csv_files.to_parquet(connection, path, form, work, f"{name}_{at}")
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            if no_room(error) is not None:
                raise
            reason = str(error).strip().split("\n")[0]
            problem = message(N_("{reason}."), reason=reason.rstrip("."))
            issues.append(UNREADABLE.issue(Span(str(path)), file=path.name, problem=problem))
            continue
        issues += found
        if found:
            continue
        relation = f"(SELECT *, {literal(str(path))} AS _file FROM {parquet(rows)})"
        columns = {theirs: SourceColumn(f"c{n}", "VARCHAR") for n, theirs in enumerate(form.names)}
        count = int(pq.read_metadata(rows).num_rows)
        broken = ((str(path), lines),) if lines else ()
        variants.append(Variant(relation, columns, count, (str(path),), broken))
    return variants, issues


def open_files(
    connection: DuckDBPyConnection, name: str, files: Files, work: Path
) -> tuple[list[Variant], list[Issue]]:
    """Return the relations of an input's files, one for each set of columns found among them.

    CSV files are copied, as text, into `work`; Parquet files are read where they are.
    """
    if suffix_of(files.paths[0]) in PARQUET:
        return _parquet(connection, files)
    return _csv(connection, name, files, work)
