"""rollups: what is kept of sealed facts, held against them, and made less."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cogrow.embedded import Limits
from cogrow.engines.scans.store import FOLDER, Kept, Store
from cogrow.engines.scans.verify import same_rows
from cogrow.errors import N_, DataError, message
from cogrow.facts import FactFiles
from cogrow.sources import seal

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Listed:
    """A roll-up as people see it: its name, the file of facts it is of, its size, and its `state`:
    `current`; `outdated`: the facts have changed since; `broken`: its bytes or its note have; `wrong`:
    the facts give something else.
    """

    name: str
    file: str
    columns: int
    rows: int
    size: int
    state: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def kept_of(folder: Path) -> list[Listed]:
    """Return what is kept of the facts in a folder. Raises DataError where these are not sealed."""
    facts = _sealed(folder)
    return [one for one, _ in _listed(facts, Store(folder / FOLDER))]


def verified(folder: Path, limits: Limits, progress: Progress) -> list[Listed]:
    """Return what is kept, every current roll-up built again from the facts and compared.

    Raises DataError where the facts are not sealed, EngineError for too little memory or disk.
    """
    facts, store = _sealed(folder), Store(folder / FOLDER)
    listed = _listed(facts, store)
    found: list[Listed] = []
    for at, (one, kept) in enumerate(listed):
        progress(N_("Verifying roll-ups"), at, len(listed))
        if kept is not None and one.state == "current":
            if not store.has_same_bytes(kept):
                one = replace(one, state="broken")
            elif not same_rows(kept, store, facts, limits):
                one = replace(one, state="wrong")
        found.append(one)
    progress(N_("Verifying roll-ups"), len(listed), len(listed))
    return found


def prune(folder: Path, *, everything: bool) -> tuple[list[str], int]:
    """Remove roll-ups of facts that have changed, broken ones, and what a stopped run left; with
    `everything` all. Returns the names of those removed, and how many bytes that frees.
    """
    facts, store = _sealed(folder), Store(folder / FOLDER)
    gone = [one.name for one, _ in _listed(facts, store) if everything or one.state != "current"]
    freed = sum(store.remove(name) for name in gone)
    for path in store.left_over():
        freed += path.stat().st_size
        path.unlink()
    return gone, freed


def _sealed(folder: Path) -> FactFiles:
    facts = seal.read(folder) if folder.is_dir() else None
    if facts is None:
        what = N_("{folder} holds no sealed facts, of which alone roll-ups are kept.")
        raise DataError(message(what, folder=folder))
    return facts


def _listed(facts: FactFiles, store: Store) -> list[tuple[Listed, Kept | None]]:
    names = dict(_hashes(facts))
    found: list[tuple[Listed, Kept | None]] = []
    for path, kept in store.noted():
        if kept is None:
            found.append((Listed(path.stem, "", 0, 0, 0, "broken"), None))
            continue
        current = set(kept.made_from) <= names.keys()
        state = "outdated" if not current else "current" if store.is_whole(kept) else "broken"
        file = names.get(kept.file, kept.table)
        found.append(
            (Listed(kept.name, file, len(kept.columns), kept.rows, kept.size, state), kept)
        )
    return found


def _hashes(facts: FactFiles) -> Iterable[tuple[str, str]]:
    for table in facts.tables.values():
        for path, digest in zip(table.paths, table.hashes, strict=True):
            yield digest, Path(path).relative_to(facts.folder).as_posix()
