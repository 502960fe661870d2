"""What lies in which fact file: which files can hold the rows that a file's rows are joined with, and
between which dates its rows lie.

Both follow from the least and greatest values Parquet keeps of each row group. These are bounds, so what
follows is never too little: at worst all files, and any date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from cogrow.errors import N_, EngineError, message
from cogrow.facts import FactFiles

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

#: A file as its table and the hash of its bytes.
Listed = tuple[str, str]

#: The least and the greatest value of a column.
Span = tuple[Any, Any]


@dataclass(frozen=True, eq=False)
class FactFile:
    """One file of a fact table, and the hash of its bytes. A layout has one of each, so that they are told
    apart as they are.
    """

    table: str
    path: str
    sha256: str

    @property
    def listed(self) -> Listed:
        """Return its table and the hash of its bytes."""
        return self.table, self.sha256

    @cached_property
    def _footer(self) -> tuple[pq.FileMetaData, pa.Schema]:
        import pyarrow.parquet as pq

        # Not kept open: facts can have more files than a process may have open.
        with pq.ParquetFile(self.path) as opened:
            return opened.metadata, opened.schema_arrow

    @cached_property
    def _spans(self) -> dict[str, list[Span | None]]:
        return {}

    def spans(self, column: str) -> list[Span | None]:
        """Return the span of a column in each row group; None where it has no values.

        Where the file says nothing of it, the column is read. Raises EngineError for a file that cannot
        be read.
        """
        import pyarrow as pa

        if column not in self._spans:
            try:
                self._spans[column] = self._read(column)
            except (pa.ArrowException, OSError, ValueError) as error:
                problem = f"{self.path}: {error}".split("\n")[0]
                what = N_("The facts cannot be read: {problem}")
                raise EngineError(message(what, problem=problem)) from error
        return self._spans[column]

    def _read(self, column: str) -> list[Span | None]:
        (footer, schema), found = self._footer, list[Span | None]()
        at = schema.get_field_index(column)
        if at < 0:
            raise ValueError(column)
        for group in range(footer.num_row_groups):
            known = footer.row_group(group).column(at).statistics
            if known is not None and known.has_min_max:
                found.append((known.min, known.max))
            else:
                found.append(self._looked(group, column))
        return found

    def _looked(self, group: int, column: str) -> Span | None:
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.path) as opened:
            values = opened.read_row_group(group, columns=[column]).column(column)
        ends = pc.min_max(values).as_py()
        return (ends["min"], ends["max"]) if ends["min"] is not None else None

    def span(self, column: str) -> Span | None:
        """Return the span of a column in the whole file; None where it has no values."""
        return hull(self.spans(column))


def read_files(paths: Iterable[str]) -> exp.Func:
    """Return the table that the rows of Parquet files make. What folders above them are called says nothing
    of the rows.
    """
    listed = exp.array(*(exp.Literal.string(path) for path in paths))
    plain = exp.Kwarg(this=exp.var("hive_partitioning"), expression=exp.false())
    return exp.func("READ_PARQUET", listed, plain)


def files_as(paths: Iterable[str], alias: str) -> exp.Table:
    """Return the table that the rows of Parquet files make, under a name."""
    named = exp.TableAlias(this=exp.to_identifier(alias))
    return exp.Table(this=read_files(sorted(paths)), alias=named)


def paths_of(files: Iterable[FactFile]) -> dict[str, set[str]]:
    """Return where files are, by table."""
    found: dict[str, set[str]] = {}
    for file in files:
        found.setdefault(file.table, set()).add(file.path)
    return found


def read_only(query: exp.Query, paths: Mapping[str, Collection[str]]) -> None:
    """Let a query read its tables in these files only; one that is not named in all it has."""
    for table in list(query.find_all(exp.Table)):
        if paths.get(table.name):
            table.replace(files_as(paths[table.name], table.alias_or_name))


def hull(spans: Iterable[Span | None]) -> Span | None:
    """Return the span that holds all; None where there are no values."""
    known = [one for one in spans if one is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def meet(one: Span | None, other: Span | None) -> bool:
    """Return whether two spans can have a value in common."""
    if one is None or other is None:
        return False
    return bool(one[0] <= other[1] and other[0] <= one[1])


@dataclass
class Layout:
    """The files of facts by table, and what can be said of them without reading rows."""

    facts: FactFiles
    _files: dict[str, tuple[FactFile, ...]] = field(default_factory=dict)
    _joinable: dict[tuple[str, str, str, str], tuple[FactFile, ...]] = field(default_factory=dict)
    _dates: dict[tuple[str, str, str, str, str], Span | None] = field(default_factory=dict)

    def files(self, table: str) -> tuple[FactFile, ...]:
        """Return the files of a table."""
        if table not in self._files:
            found = self.facts.tables[table]
            hashes = found.hashes or [f"{self.facts.version} {path}" for path in found.paths]
            pairs = zip(found.paths, hashes, strict=True)
            self._files[table] = tuple(FactFile(table, path, digest) for path, digest in pairs)
        return self._files[table]

    def joinable(self, file: FactFile, key: str, table: str, there: str) -> tuple[FactFile, ...]:
        """Return the files of `table` that can hold rows whose column `there` is the `key` of a row of
        the file.
        """
        asked = file.path, key, table, there
        if asked not in self._joinable:
            span = file.span(key)
            found = (one for one in self.files(table) if meet(one.span(there), span))
            self._joinable[asked] = tuple(found)
        return self._joinable[asked]

    def dates(self, file: FactFile, key: str, table: str, there: str, column: str) -> Span | None:
        """Return the span of `column` in the row groups of `table` that can hold rows that the
        file's are joined with; None where none of these has one.
        """
        asked = file.path, key, table, there, column
        if asked not in self._dates:
            span = file.span(key)
            self._dates[asked] = hull(
                dated
                for one in self.joinable(file, key, table, there)
                for keys, dated in zip(one.spans(there), one.spans(column), strict=True)
                if meet(keys, span)
            )
        return self._dates[asked]
