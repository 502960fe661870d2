"""What became of files that are gone: where rows took the place of others, which, and in which file now."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cogrow.engines.scans.spans import FactFile, Layout, Listed
from cogrow.facts import Change
from cogrow.ids import file_hash


@dataclass(frozen=True, slots=True)
class Changed:
    """The file that one that is gone has become, by its table and hash (the hash "" where no row is left),
    and the files with the rows that gave way meanwhile and those that took their place.
    """

    now: Listed
    files: tuple[FactFile, ...]


@dataclass
class Changes:
    """Says of files that are gone what they have become."""

    layout: Layout
    _files: dict[Change, FactFile | None] = field(default_factory=dict)

    @cached_property
    def _after(self) -> dict[Listed, Change]:
        # The same bytes can come back, and change again: what became of them last is what counts.
        return {(one.table, one.gone): one for one in self.layout.facts.changes}

    @cached_property
    def _there(self) -> set[Listed]:
        tables = self.layout.facts.tables
        return {file.listed for table in tables for file in self.layout.files(table)}

    def since(self, gone: Listed) -> Changed | None:
        """Return what a file has become; None where nobody knows, or what is known is not what was kept."""
        now, seen, files = gone, {gone}, list[FactFile]()
        while now not in self._there and now[1]:
            change = self._after.get(now)
            file = self._file(change) if change is not None else None
            if change is None or file is None:
                return None
            files.append(file)
            now = change.table, change.instead
            if now in seen:
                return None
            seen.add(now)
        return Changed(now, tuple(files))

    def _file(self, change: Change) -> FactFile | None:
        """Return the file of what changed; None where it is not the one that was sealed."""
        if change not in self._files:
            path = Path(change.path)
            whole = path.is_file() and file_hash(path) == change.sha256
            file = FactFile(change.table, change.path, change.sha256) if whole else None
            self._files[change] = file
        return self._files[change]
