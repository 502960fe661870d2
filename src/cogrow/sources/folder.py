"""Facts already under our names: a folder with `<table>.parquet`, `<table>.csv`, or `<table>/` each."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from cogrow.errors import Issue, Severity, Span, nearest
from cogrow.expressions.syntax import Name
from cogrow.facts import TABLES, Table
from cogrow.sources.declared import CsvDeclared
from cogrow.sources.faults import (
    COLUMN_MISSING,
    COLUMN_UNKNOWN,
    TABLE_UNKNOWN,
    TWO_SOURCES,
)
from cogrow.sources.mapping import NAME, QUARANTINE, Assigned, Expression, Selection, imported_table
from cogrow.sources.parts import Part, Plan
from cogrow.sources.pending import leftovers
from cogrow.sources.readers import Files, Variant, find, stem_of, suffix_of
from cogrow.sources.values import type_of

#: Instants of canonical facts are UTC already.
UTC = ZoneInfo("UTC")


class FolderSource:
    """The tables of a folder, by the names of its files and folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.issues: list[Issue] = []
        self.entries = self._entries()

    def _entries(self) -> dict[str, str]:
        """Return what there is by table name: the name of its file or folder."""
        found: dict[str, str] = {}
        for path in sorted(self.folder.iterdir()):
            is_folder = path.is_dir() and path.name != QUARANTINE
            if path.name.startswith((".", "_")) or not (is_folder or suffix_of(path)):
                continue
            name = path.name if is_folder else stem_of(path)
            if name in found:
                where = Span(str(path), path=name)
                first, second = found[name], path.name
                self.issues.append(TWO_SOURCES.issue(where, table=name, first=first, second=second))
            elif not is_folder or any(suffix_of(file) for file in path.rglob("*")):
                found[name] = path.name
        return found

    def files(self) -> tuple[dict[str, Files], list[Issue]]:
        """Return the files of each table, and what in the folder is no table."""
        opened: dict[str, Files] = {}
        issues = list(self.issues)
        for name, entry in self.entries.items():
            place = Span(str(self.folder / entry), path=name)
            if name not in TABLES:
                absent = [table for table in TABLES if table not in self.entries]
                mistyped = nearest(name, absent)
                if mistyped or name == QUARANTINE or not NAME.fullmatch(name):
                    issues.append(TABLE_UNKNOWN.issue(place, table=name, hint=mistyped))
                    continue
            files, wrong = find([entry], self.folder, place, CsvDeclared())
            issues += wrong
            if files is not None and (lying := leftovers(self.folder)):
                files = Files(tuple(path for path in files.paths if path not in lying), files.csv)
            if files is not None:
                opened[name] = files
        return opened, issues

    def plans(self, opened: Dict[str, Sequence[Variant]]) -> tuple[list[Plan], list[Issue]]:
        """Return how each table is made of the columns found."""
        plans: list[Plan] = []
        issues: list[Issue] = []
        for name, variants in opened.items():
            columns = {column for variant in variants for column in variant.columns}
            table = TABLES.get(name) or imported_table(name, columns)
            parts: list[Part] = []
            wrong: list[Issue] = []
            for variant in variants:
                part, found = self._part(table, variant)
                parts.append(part)
                wrong += found
            issues += wrong
            if not any(issue.severity is Severity.ERROR for issue in wrong):
                plans.append(
                    Plan(table, tuple(parts), UTC, None, Span(str(self.folder), path=name))
                )
        return plans, issues

    def _part(self, table: Table, variant: Variant) -> tuple[Part, list[Issue]]:
        file = variant.files[0] if len(variant.files) == 1 else str(self.folder)
        issues: list[Issue] = []
        columns: dict[str, Assigned] = {}
        for column, source in variant.columns.items():
            place = Span(file, path=f"{table.name}.{column}")
            of_use = table.extensible and NAME.fullmatch(column) and type_of(source.type)
            if column in table.by_name or of_use:
                columns[column] = Assigned(Expression(Name(column, at=0), place), place)
            else:
                absent = [name for name in table.by_name if name not in variant.columns]
                hint = nearest(column, absent)
                issues.append(
                    COLUMN_UNKNOWN.issue(place, table=table.name, column=column, hint=hint)
                )
        for wanted in table.columns:
            if not wanted.optional and wanted.name not in variant.columns:
                place = Span(file, path=f"{table.name}.{wanted.name}")
                hint = nearest(wanted.name, [c for c in variant.columns if c not in table.by_name])
                issue = COLUMN_MISSING.issue(
                    place,
                    hint=hint,
                    table=table.name,
                    column=wanted.name,
                    found=", ".join(variant.columns),
                )
                issues.append(issue)
        selection = Selection((table.name,), columns, Span(file, path=table.name))
        return Part(selection, table.name, {}, None, variant), issues

    def declared(self) -> set[str]:
        """Return the names of what is in the folder."""
        return set(self.entries)
