"""Files on their way into sealed facts: all of them count at once, when the new seal is there.

New files are made in `.adding` inside the facts. Before the first of them is put where it belongs, a
list of them, and of those they make superfluous, is written there. What counts is what the seal names,
so whatever ends a run, the facts are the old ones or the new ones; by the list, what then lies about is
known, and is removed next time.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cogrow.errors import N_, DataError, message
from cogrow.sources import seal

FOLDER = ".adding"
_LIST = "files.json"


def leftovers(folder: Path) -> frozenset[Path]:
    """Return the files in a folder of facts that a run which did not end left there."""
    listed, sealed = folder / FOLDER / _LIST, seal.names(folder)
    if sealed is None or not listed.is_file():
        return frozenset()
    try:
        names = json.loads(listed.read_bytes())
    except ValueError:  # half a list: nothing was put anywhere yet
        return frozenset()
    found = ((folder / name).resolve() for name in names if name not in sealed)
    return frozenset(path for path in found if path.is_relative_to(folder.resolve()))


@contextmanager
def work_in(folder: Path) -> Iterator[Path]:
    """Yield an empty folder inside sealed facts, to be worked in by one at a time; it goes at the end.

    Raises DataError where another works there.
    """
    with _alone(folder):
        work = folder / FOLDER
        _tidy(folder)
        work.mkdir()
        try:
            yield work
        finally:
            _tidy(folder)


def _tidy(folder: Path) -> None:
    """Remove what nobody counts: leftovers, and the folder worked in with the list of them last."""
    work = folder / FOLDER
    for path in leftovers(folder):
        path.unlink(missing_ok=True)
    if work.exists():
        for path in work.iterdir():
            if path.name != _LIST:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(work)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others out of a folder while the block runs. Raises DataError where another is in."""
    try:
        import fcntl
    except ImportError:  # there is no such lock on Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            what = N_("Something else is adding to {folder}; wait for it to end.")
            raise DataError(message(what, folder=folder)) from error
        yield
    finally:
        os.close(handle)


def put_in_place(
    folder: Path, moves: Sequence[tuple[Path, str]], gone: Sequence[str], content: Mapping[str, Any]
) -> None:
    """Make files part of sealed facts, in place of those `gone`, by the seal that names them.

    `moves` says where each file is now and how it will be called.
    """
    listed = folder / FOLDER / _LIST
    with listed.open("w", encoding="utf-8") as file:
        json.dump([*(name for _, name in moves), *gone], file)
        file.flush()
        os.fsync(file.fileno())
    _kept(listed.parent)
    for path, name in moves:
        _kept(path)
        (folder / name).parent.mkdir(exist_ok=True)
        path.rename(folder / name)
        _kept((folder / name).parent)
    seal.put(folder, content)
    _kept(folder)


def _kept(path: Path) -> None:
    """Have a file, or the names in a folder, outlive the machine being switched off."""
    with suppress(OSError):  # some systems have no way to ask that of a folder
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
