"""Where roll-ups are kept: Parquet files beside facts, each with a note of what it holds and is made from.

A roll-up counts once its note is in place, and while its bytes are those the note names. As the seal of
facts does, reading trusts a file of the same size and time of change, and hashes any other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cogrow.ids import content_hash, file_hash

#: The folder of roll-ups inside a folder of facts.
FOLDER = ".rollups"

NOTE = ".json"
UNFINISHED = ".partial"


@dataclass(frozen=True, slots=True)
class Kept:
    """A roll-up that is kept: of which file of which table, its columns, the hash of every file its rows
    come from, and the query that makes them, files under their hashes.
    """

    name: str
    table: str
    file: str
    columns: tuple[str, ...]
    made_from: tuple[str, ...]
    query: str
    rows: int
    size: int
    modified_ns: int
    sha256: str


def name_of(table: str, sha256: str, columns: Iterable[str]) -> str:
    """Return the name of a roll-up: of which table and file, and the hash of its columns."""
    return f"{table}-{sha256[:12]}-{content_hash(' '.join(sorted(columns)).encode())}"


class Store:
    """The roll-ups in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # What one process leaves unfinished is no other's to write or to remove.
        self._unfinished = f".{os.getpid()}{UNFINISHED}"
        self._by_column: dict[str, str] | None = None

    def make(self) -> None:
        """Make the folder, if it is not there."""
        self.folder.mkdir(exist_ok=True)

    def path(self, name: str) -> Path:
        """Return where the rows of a roll-up are."""
        return self.folder / f"{name}.parquet"

    def unfinished(self, name: str) -> Path:
        """Return where the rows of a roll-up are while they are written."""
        return self.folder / f"{name}{self._unfinished}"

    def keep(
        self,
        name: str,
        table: str,
        file: str,
        columns: Iterable[str],
        made_from: Iterable[str],
        query: str,
    ) -> Kept:
        """Put the finished rows of a roll-up in place, then its note; where another process did so meanwhile,
        its own stay.
        """
        import pyarrow.parquet as pq

        made, note = self.unfinished(name), self.folder / f"{name}{NOTE}"
        there = _read(note) if note.is_file() else None
        if there is not None and self.is_whole(there):
            made.unlink()
            return self._known(there)
        rows = pq.read_metadata(made).num_rows
        digest = file_hash(made)
        status = made.stat()
        made.replace(self.path(name))
        kept = Kept(
            name,
            table,
            file,
            tuple(sorted(columns)),
            tuple(sorted(set(made_from))),
            query,
            rows,
            status.st_size,
            status.st_mtime_ns,
            digest,
        )
        partial = note.with_suffix(NOTE + self._unfinished)
        try:
            partial.write_text(json.dumps(asdict(kept)) + "\n", encoding="utf-8")
            partial.replace(note)
        except BaseException:
            self.path(name).unlink(missing_ok=True)  # rows without a note count as none
            raise
        return self._known(kept)

    def _known(self, kept: Kept) -> Kept:
        if self._by_column is not None:
            self._by_column |= dict.fromkeys(kept.columns, kept.name)
        return kept

    def discard(self, name: str) -> None:
        """Remove what this process left of a roll-up it could not finish."""
        for path in (self.unfinished(name), self.folder / f"{name}{NOTE}{self._unfinished}"):
            path.unlink(missing_ok=True)

    def noted(self) -> Iterator[tuple[Path, Kept | None]]:
        """Yield every note by name, and what it says; None where it is no note."""
        for path in sorted(self.folder.glob(f"*{NOTE}")) if self.folder.is_dir() else ():
            yield path, _read(path)

    def is_whole(self, kept: Kept) -> bool:
        """Return whether the rows are those of the note, by size and time or by their bytes."""
        path = self.path(kept.name)
        try:
            status = path.stat()
        except FileNotFoundError:
            return False
        if status.st_size != kept.size:
            return False
        return status.st_mtime_ns == kept.modified_ns or file_hash(path) == kept.sha256

    def has_same_bytes(self, kept: Kept) -> bool:
        """Return whether the rows are those of the note, by their bytes."""
        path = self.path(kept.name)
        return path.is_file() and file_hash(path) == kept.sha256

    def by_column(self) -> Mapping[str, str]:
        """Return which roll-up holds each column that is kept whole."""
        if self._by_column is None:
            self._by_column = {}
            for _, kept in self.noted():
                if kept is not None and self.is_whole(kept):
                    self._by_column |= dict.fromkeys(kept.columns, kept.name)
        return self._by_column

    def remove(self, name: str) -> int:
        """Remove a roll-up, its note first, and return how many bytes that frees."""
        freed = 0
        for path in (self.folder / f"{name}{NOTE}", self.path(name)):
            if path.is_file():
                freed += path.stat().st_size
                path.unlink()
        return freed

    def left_over(self) -> list[Path]:
        """Return the files without a note that a stopped run left."""
        if not self.folder.is_dir():
            return []
        known = {path.stem for path, _ in self.noted()}
        rows = (path for path in self.folder.glob("*.parquet") if path.stem not in known)
        return sorted([*self.folder.glob(f"*{UNFINISHED}"), *rows])


def _read(path: Path) -> Kept | None:
    try:
        said: dict[str, Any] = json.loads(path.read_bytes())
        lists = {name: tuple(said[name]) for name in ("columns", "made_from")}
        kept = Kept(**{**said, **lists})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return kept if path.name == f"{kept.name}{NOTE}" else None
