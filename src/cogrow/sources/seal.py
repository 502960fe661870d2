"""`facts.json`: what makes a folder of Parquet files conformed facts, and shows when one has changed.

The seal names each file with its size, its time of change and the SHA-256 of its bytes. Reading
trusts a file of the same size and time; any other is hashed, so that a copied folder stays sealed
and a changed byte does not. What it cannot see is a change that also sets the old time again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogrow.errors import N_, DataError, Issue, Message, Span, message
from cogrow.facts import TABLES, FactFiles, Kind, TableFiles
from cogrow.ids import content_hash
from cogrow.sources.faults import CHANGED, COLUMN_MISSING, NOT_CANONICAL, word

if TYPE_CHECKING:
    import pyarrow as pa

NAME = "facts.json"
FORMAT = 1

_KINDS = {
    "string": Kind.TEXT,
    "int64": Kind.MONEY,
    "int32": Kind.COUNT,
    "decimal128(18, 6)": Kind.NUMBER,
    "timestamp[us]": Kind.INSTANT,
    "date32[day]": Kind.DAY,
    "bool": Kind.FLAG,
}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hashes(paths: Sequence[Path]) -> list[str]:
    """Return the hash of each file; hashing lets other threads run, so several go at once."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(_sha256, paths))


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


def write(folder: Path, tables: Mapping[str, Sequence[Path]]) -> FactFiles:
    """Seal the files of each table in `folder` and return them as checked facts.

    Reads the files' schemas and bytes, not their values: whoever wrote them answers for those.

    Raises DataError where a schema is not that of its table.
    """
    import pyarrow.parquet as pq  # heavy; only commands that write facts pay for it

    sealed: dict[str, Any] = {}
    issues: list[Issue] = []
    for name, paths in sorted(tables.items()):
        rows, columns = 0, dict[str, Kind]()
        for path in paths:
            footer = pq.read_metadata(path)
            rows += footer.num_rows
            columns, found = _columns(name, path, footer.schema.to_arrow_schema())
            issues += found
        files = []
        for path, digest in zip(paths, _hashes(paths), strict=True):
            status = path.stat()
            files.append(
                {
                    "name": path.relative_to(folder).as_posix(),
                    "size": status.st_size,
                    "modified_ns": status.st_mtime_ns,
                    "sha256": digest,
                }
            )
        kinds = {column: kind.name for column, kind in columns.items()}
        sealed[name] = {"files": files, "rows": rows, "columns": kinds}
    if issues:
        raise DataError(message(N_("These files are not canonical facts.")), issues)
    content = {"format": FORMAT, "version": _version(sealed), "tables": sealed}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    partial = folder / f".{NAME}.partial"
    partial.write_text(text, encoding="utf-8")
    partial.replace(folder / NAME)
    return _fact_files(folder, content)


def _version(tables: Mapping[str, Any]) -> str:
    """Return the hash of what the tables hold: their columns and the hashes of their files."""
    content = {
        name: [table["columns"], [file["sha256"] for file in table["files"]]]
        for name, table in tables.items()
    }
    return content_hash(json.dumps(content, sort_keys=True).encode())


def _fact_files(folder: Path, content: Mapping[str, Any]) -> FactFiles:
    tables = {
        name: TableFiles(
            tuple(str(folder / file["name"]) for file in table["files"]),
            {column: Kind[kind] for column, kind in table["columns"].items()},
            int(table["rows"]),
            tuple(str(file["sha256"]) for file in table["files"]),
        )
        for name, table in content["tables"].items()
    }
    return FactFiles(str(folder), tables, str(content["version"]))


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
