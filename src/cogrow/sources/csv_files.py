"""CSV files: how one is written, and its rows as text, numbered, with the lines that are no rows.

Nothing is guessed about values: every column is text until a mapping or the contract says more. What
cannot be known (an encoding other than UTF-8 or UTF-16) has to be stated.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cogrow.errors import N_, Issue, Message, Span, message, system_problem
from cogrow.sources.declared import CsvDeclared
from cogrow.sources.faults import UNREADABLE, WRONG_DELIMITER
from cogrow.sources.sql import literal, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
DELIMITERS = (",", ";", "\t", "|")

_SAMPLE_BYTES = 256 * 1024
_SAMPLE_ROWS = 50
_CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True)
class Form:
    """How a CSV file is written: delimiter, encoding (a Python codec), the names of its columns, and
    how many blank lines it begins with.
    """

    delimiter: str
    encoding: str
    header: bool
    names: tuple[str, ...]
    blank: int = 0


@contextmanager
def _bytes(path: Path) -> Iterator[BinaryIO | gzip.GzipFile]:
    with path.open("rb") as raw:
        if path.suffix == ".gz":
            with gzip.open(raw) as unpacked:
                yield unpacked
        else:
            yield raw


def _unreadable(path: Path, problem: Message) -> Issue:
    return UNREADABLE.issue(Span(str(path)), file=path.name, problem=problem)


def _encoding(head: bytes, stated: str | None) -> str | Message:
    """Return the codec the file is written in, or why it cannot be known."""
    if stated is not None:
        try:
            return codecs.lookup(stated).name
        except LookupError:
            return message(N_("there is no encoding {name}."), name=repr(stated))
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return codec
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return message(
            N_("it is not UTF-8 text; state its `encoding`, such as gb18030 or windows-1252.")
        )
    return "utf-8"


def _rows(sample: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) > _SAMPLE_ROWS:
                break
    except csv.Error:
        pass  # the rows before the trouble tell enough of the form
    return rows


def _best_delimiter(sample: str) -> str:
    """Return the delimiter that cuts most of the first rows into the same number of fields, over one."""

    def fit(delimiter: str) -> tuple[int, int]:
        rows = [row for row in _rows(sample, delimiter) if row]
        width = len(rows[0]) if rows else 0
        alike = sum(len(row) == width for row in rows)
        return (alike if width > 1 else 0, width)

    return max(DELIMITERS, key=fit)


def form_of(path: Path, stated: CsvDeclared) -> tuple[Form | None, list[Issue]]:
    """Return how the file at `path` is written: what is stated holds, the rest is detected."""
    try:
        with _bytes(path) as file:
            head = file.read(_SAMPLE_BYTES)
    except (OSError, EOFError) as error:
        reason = system_problem(error) if isinstance(error, OSError) else str(error)
        problem = message(N_("{reason}."), reason=reason)
        return None, [_unreadable(path, problem)]
    encoding = _encoding(head, stated.encoding)
    if isinstance(encoding, Message):
        return None, [_unreadable(path, encoding)]
    sample = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
    if not sample.strip():
        return None, [_unreadable(path, message(N_("it is empty.")))]
    delimiter = stated.delimiter or _best_delimiter(sample)
    first = next((row for row in _rows(sample, delimiter) if row), [])
    if len(first) == 1 and stated.delimiter is not None:
        line = sample.strip().splitlines()[0]
        other = max(DELIMITERS, key=line.count)
        if other != delimiter and line.count(other):
            shown, better = (repr(mark).strip("'") for mark in (delimiter, other))
            issue = WRONG_DELIMITER.issue(
                Span(str(path), 1, 1),
                file=path.name,
                delimiter=f"`{shown}`",
                other=f"`{better}`",
                times=line.count(other),
            )
            return None, [issue]
    names = first if stated.header else [f"column_{n}" for n in range(1, len(first) + 1)]
    lines = sample.removeprefix("\ufeff").splitlines()
    blank = next(n for n, line in enumerate(lines) if line.strip())
    stripped = tuple(name.strip() for name in names)
    return Form(delimiter, encoding, stated.header, stripped, blank), []


def _as_utf8(path: Path, form: Form, work: Path) -> tuple[Path, list[Issue]]:
    """Return the file in UTF-8: itself, or a copy in `work`, read piece by piece."""
    if form.encoding in ("utf-8", "utf-8-sig"):
        return path, []
    copy = work / f"{len(list(work.iterdir()))}.utf8"
    decoder = codecs.getincrementaldecoder(form.encoding)()
    read = 0
    with _bytes(path) as source, copy.open("wb") as target:
        try:
            while chunk := source.read(_CHUNK):
                target.write(decoder.decode(chunk).encode("utf-8"))
                read += len(chunk)
            target.write(decoder.decode(b"", final=True).encode("utf-8"))
        except UnicodeDecodeError as error:
            what = N_("it is not {encoding} text near byte {at}.")
            problem = message(what, encoding=form.encoding, at=f"{read + error.start:,}")
            return path, [_unreadable(path, problem)]
    return copy, []


def to_parquet(
    connection: DuckDBPyConnection, path: Path, form: Form, work: Path, name: str
) -> tuple[Path, Path | None, list[Issue]]:
    """Write the rows of a CSV file, as text, to a Parquet file in `work`; return it.

    Its columns are c0, c1, … and `_row` (from 1, without the header). Beside it comes a Parquet file
    of the lines that are no rows (line, content, problem), or None where there are none.

    Raises duckdb.Error where the file cannot be read at all.
    """
    readable, issues = _as_utf8(path, form, work)
    if issues:
        return path, None, issues
    columns = ", ".join(f"c{at}: 'VARCHAR'" for at in range(len(form.names)))
    options = ", ".join(
        (
            f"delim = {literal(form.delimiter)}",
            "quote = '\"'",
            "escape = '\"'",
            f"header = {str(form.header).lower()}",
            "auto_detect = false",
            "hive_partitioning = false",
            f"skip = {form.blank}",
            f"columns = {{{columns}}}",
            "nullstr = ''",
            "store_rejects = true",
            f"rejects_table = {literal(f'lines_{name}')}",
            f"rejects_scan = {literal(f'scan_{name}')}",
        )
    )
    rows, lines = work / f"{name}.rows.parquet", work / f"{name}.lines.parquet"
    # A running number needs one thread, which hands the rows over in the order of the file.
    connection.execute(
        f"COPY (SELECT *, row_number() OVER () AS _row"
        f" FROM read_csv({literal(str(readable))}, {options})) TO {literal(str(rows))}"
    )
    rejected = (
        f"SELECT line, any_value(csv_line) AS content, string_agg(error_type, ', ' ORDER BY error_type)"
        f" AS problem FROM {quoted(f'lines_{name}')} GROUP BY line"
    )
    found = connection.execute(f"SELECT count(*) FROM ({rejected})").fetchone()
    if not found or not found[0]:
        return rows, None, []
    connection.execute(f"COPY (FROM ({rejected}) ORDER BY line) TO {literal(str(lines))}")
    return rows, lines, []
