"""`facts.json`: what makes a folder of Parquet files conformed facts, and shows when one has changed.

The seal names each file with its size, its time of change and the SHA-256 of its bytes. Reading
trusts a file of the same size and time; any other is hashed, so that a copied folder stays sealed
and a changed byte does not. What it cannot see is a change that also sets the old time again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogrow.errors import N_, DataError, InvariantBroken, Issue, Message, Span, message
from cogrow.facts import TABLES, Change, FactFiles, Kind, TableFiles
from cogrow.ids import content_hash, file_hash
from cogrow.sources.faults import CHANGED, COLUMN_MISSING, NOT_CANONICAL, word

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "facts.json"
FORMAT = 1

#: The folder of the rows that took the place of others; and of how many files that is remembered, the latest.
CHANGES, MOST_CHANGES = ".changes", 1_000

#: The column whose values a seal tells: most facts name one currency, and then nobody needs to look.
CURRENCY = "currency"

_KINDS = {
    "string": Kind.TEXT,
    "int64": Kind.MONEY,
    "int32": Kind.COUNT,
    "decimal128(18, 6)": Kind.NUMBER,
    "timestamp[us]": Kind.INSTANT,
    "date32[day]": Kind.DAY,
    "bool": Kind.FLAG,
}


def _hashes(paths: Sequence[Path]) -> list[str]:
    """Return the hash of each file; hashing lets other threads run, so several go at once."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(file_hash, paths))


def _columns(name: str, path: Path, schema: pa.Schema) -> tuple[dict[str, Kind], list[Issue]]:
    """Return the columns of a file as kinds, and where they break the contract of table `name`."""
    issues: list[Issue] = []
    columns: dict[str, Kind] = {}
    contract = TABLES[name].by_name if name in TABLES else {}
    for field in schema:
        kind = _KINDS.get(str(field.type))
        wanted = contract[field.name].kind if field.name in contract else kind
        if kind is None or kind is not wanted:
            issues.append(
                NOT_CANONICAL.issue(
                    Span(str(path), path=f"{name}.{field.name}"),
                    table=name,
                    column=field.name,
                    file=path.name,
                    found=str(field.type),
                    kind=word(wanted or Kind.TEXT),
                )
            )
        else:
            columns[field.name] = kind
    for column in contract.values():
        if not column.optional and column.name not in schema.names:
            found = ", ".join(schema.names)
            issues.append(
                COLUMN_MISSING.issue(Span(str(path)), table=name, column=column.name, found=found)
            )
    return columns, issues


def _table(name: str, files: Sequence[tuple[Path, str]]) -> tuple[dict[str, Any], list[Issue]]:
    """Return what a seal says of the files of a table, given where each is and how it is called."""
    import pyarrow.parquet as pq  # heavy; only commands that write facts pay for it

    issues: list[Issue] = []
    rows, columns = 0, dict[str, Kind]()
    for path, _ in files:
        footer = pq.read_metadata(path)
        rows += footer.num_rows
        columns, found = _columns(name, path, footer.schema.to_arrow_schema())
        issues += found
    listed = []
    digests = _hashes([path for path, _ in files])
    for (path, called), digest in zip(files, digests, strict=True):
        status = path.stat()
        said: dict[str, Any] = {
            "name": called,
            "size": status.st_size,
            "modified_ns": status.st_mtime_ns,
            "sha256": digest,
        }
        if columns.get(CURRENCY) is Kind.TEXT:
            said["currencies"] = _named(path)
        listed.append(said)
    kinds = {column: kind.name for column, kind in columns.items()}
    return {"files": listed, "rows": rows, "columns": kinds}, issues


def _named(path: Path) -> list[str]:
    """Return the currencies that rows of a file name."""
    import pyarrow.parquet as pq

    column = pq.read_table(path, columns=[CURRENCY], read_dictionary=[CURRENCY]).column(CURRENCY)
    named = {text for piece in column.chunks for text in piece.dictionary.to_pylist()}
    return sorted(named - {None})


def write(folder: Path, tables: Mapping[str, Sequence[Path]]) -> FactFiles:
    """Seal the files of each table in `folder` and return them as checked facts.

    Reads the files' schemas and bytes, and of their values only the currencies: whoever wrote them answers
    for the rest.

    Raises DataError where a schema is not that of its table.
    """
    sealed: dict[str, Any] = {}
    issues: list[Issue] = []
    for name, paths in sorted(tables.items()):
        files = [(path, path.relative_to(folder).as_posix()) for path in paths]
        sealed[name], found = _table(name, files)
        issues += found
    if issues:
        raise DataError(message(N_("These files are not canonical facts.")), issues)
    content = _content(sealed)
    put(folder, content)
    return _fact_files(folder, content)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file that another took the place of: its table, how both are called ("": no row is left), and the
    file of the rows this is about, where it is now and how it will be called.
    """

    table: str
    gone: str
    instead: str
    rows: tuple[Path, str]


def extended(
    folder: Path,
    added: Mapping[str, Sequence[tuple[Path, str]]],
    gone: Sequence[Rewritten],
) -> dict[str, Any]:
    """Return what the seal of `folder` will be with files more and files less; writes nothing.

    `added` are the files of each table, where they are now and how they will be called; `gone` says which no
    longer count.
    """
    import pyarrow.parquet as pq

    content = json.loads((folder / NAME).read_bytes())
    tables = dict(content["tables"])
    hashes = {file["name"]: file["sha256"] for table in tables.values() for file in table["files"]}
    lost_names = {one.gone for one in gone}
    for name, files in added.items():
        made, issues = _table(name, files)
        before = tables.get(name, {"files": [], "rows": 0, "columns": made["columns"]})
        left = [file for file in before["files"] if file["name"] not in lost_names]
        lost = [file["name"] for file in before["files"] if file["name"] in lost_names]
        if issues or (files and before["columns"] != made["columns"]):
            what = N_("{table}: the rows to add have other columns than those that are there.")
            raise InvariantBroken(message(what, table=name))
        less = sum(pq.read_metadata(folder / called).num_rows for called in lost)
        in_order = sorted(
            left + made["files"], key=lambda file: str(file["name"])[: -len(".parquet")]
        )
        rows = before["rows"] - less + made["rows"]
        tables[name] = {"files": in_order, "rows": rows, "columns": before["columns"]}
        hashes |= {file["name"]: file["sha256"] for file in made["files"]}
    changes = [
        {
            "table": one.table,
            "gone": hashes[one.gone],
            "instead": hashes[one.instead] if one.instead else "",
            "name": one.rows[1],
            "sha256": file_hash(one.rows[0]),
        }
        for one in gone
    ]
    every = [*content.get("changes", ()), *changes]
    return _content(dict(sorted(tables.items())), every[-MOST_CHANGES:])


def _content(tables: Mapping[str, Any], changes: Sequence[Any] = ()) -> dict[str, Any]:
    content = {"format": FORMAT, "version": _version(tables), "tables": tables}
    return content | ({"changes": changes} if changes else {})


def put(folder: Path, content: Mapping[str, Any]) -> None:
    """Write a seal in one step: there is the old one or the new one, whatever happens."""
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    partial = folder / f".{NAME}.partial"
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / NAME)


def called(content: Mapping[str, Any]) -> frozenset[str]:
    """Return how all files are called that a seal names."""
    files = [file["name"] for table in content["tables"].values() for file in table["files"]]
    return frozenset([*files, *(change["name"] for change in content.get("changes", ()))])


def names(folder: Path) -> frozenset[str] | None:
    """Return how the sealed files are called, or None where there is no seal that can be read."""
    try:
        return called(json.loads((folder / NAME).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _version(tables: Mapping[str, Any]) -> str:
    """Return the hash of what the tables hold: their columns and the hashes of their files."""
    content = {
        name: [table["columns"], [file["sha256"] for file in table["files"]]]
        for name, table in tables.items()
    }
    return content_hash(json.dumps(content, sort_keys=True).encode())


def _currencies(files: Sequence[Mapping[str, Any]]) -> frozenset[str] | None:
    """Return the currencies that rows of a table name; None where the seal does not say so of every file."""
    if any("currencies" not in file for file in files):
        return None
    return frozenset(str(name) for file in files for name in file["currencies"])


def _fact_files(folder: Path, content: Mapping[str, Any]) -> FactFiles:
    tables = {
        name: TableFiles(
            tuple(str(folder / file["name"]) for file in table["files"]),
            {column: Kind[kind] for column, kind in table["columns"].items()},
            int(table["rows"]),
            tuple(str(file["sha256"]) for file in table["files"]),
            _currencies(table["files"]),
        )
        for name, table in content["tables"].items()
    }
    changes = (
        Change(
            str(one["table"]),
            str(one["gone"]),
            str(one["instead"]),
            str(folder / one["name"]),
            str(one["sha256"]),
        )
        for one in content.get("changes", ())
    )
    return FactFiles(str(folder), tables, str(content["version"]), tuple(changes))


def read(folder: Path) -> FactFiles | None:
    """Return the sealed facts in `folder`, or None where it has no seal.

    Raises DataError where a file is gone or has changed since, or the seal itself is no seal.
    """
    seal = folder / NAME
    if not seal.is_file():
        return None
    try:
        content = json.loads(seal.read_bytes())
        if content["format"] != FORMAT:
            what = N_("it has format {found}; this cogrow reads format {format}.")
            raise _broken(seal, message(what, found=content["format"], format=FORMAT))
        facts = _fact_files(folder, content)
        listed = [
            (folder / file["name"], file)
            for table in content["tables"].values()
            for file in table["files"]
        ]
        issues = _changes(listed)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(seal, message(N_("it is not a seal of facts."))) from error
    if issues:
        raise DataError(message(N_("The facts in {folder} have changed."), folder=folder), issues)
    return facts


def _broken(seal: Path, problem: Message) -> DataError:
    issue = CHANGED.issue(Span(str(seal)), file=seal.name, problem=problem)
    return DataError(
        message(N_("The facts in {folder} cannot be used."), folder=seal.parent), [issue]
    )


def _changes(listed: Sequence[tuple[Path, Mapping[str, Any]]]) -> list[Issue]:
    """Return the files that are not what was sealed."""
    issues: list[Issue] = []
    doubtful: list[tuple[Path, Mapping[str, Any]]] = []
    for path, file in listed:
        problem = None
        if not path.is_file():
            problem = message(N_("it is gone."))
        elif (status := path.stat()).st_size != file["size"]:
            what = N_("it has {found} bytes, not {sealed}.")
            problem = message(what, found=f"{status.st_size:,}", sealed=f"{file['size']:,}")
        elif status.st_mtime_ns != file["modified_ns"]:
            doubtful.append((path, file))
        if problem is not None:
            issues.append(CHANGED.issue(Span(str(path)), file=path.name, problem=problem))
    for (path, file), digest in zip(doubtful, _hashes([path for path, _ in doubtful]), strict=True):
        if digest != file["sha256"]:
            problem = message(N_("its content is another."))
            issues.append(CHANGED.issue(Span(str(path)), file=path.name, problem=problem))
    return issues
