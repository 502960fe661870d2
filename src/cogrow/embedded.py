"""The embedded DuckDB connection: memory, threads, spilling and locks, in one place."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cogrow.errors import N_, Message, message, system_problem

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Why a file could not be written, as the operating system says it and the database repeats it.
_NO_ROOM = {os.strerror(number): number for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}


@dataclass(frozen=True, slots=True)
class Limits:
    """What the embedded database may use: `memory` as DuckDB writes sizes, `threads` (None: all
    cores), and the directory it spills to (None: a temporary one).
    """

    memory: str = "1400MB"
    threads: int | None = None
    spill: Path | None = None


@contextmanager
def connect(
    limits: Limits, *, reads: Iterable[Path] = (), writes: Iterable[Path] = ()
) -> Iterator[DuckDBPyConnection]:
    """Yield an in-memory database that may touch only the files and folders named, and no network.

    Sessions think in UTC. The configuration is locked, so no SQL can widen it.
    """
    import duckdb

    with TemporaryDirectory(prefix="cogrow-spill-", dir=limits.spill) as spill:
        config: dict[str, str | int | bool | float | list[str]] = {
            "memory_limit": limits.memory,
            "temp_directory": spill,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if limits.threads is not None:
            config["threads"] = limits.threads
        with duckdb.connect(":memory:", config=config) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET enable_progress_bar = false")
            connection.execute("SET parquet_metadata_cache = true")
            allowed = [str(path.resolve()) for path in (*reads, *writes)]
            connection.execute("SET allowed_directories = $1", [allowed])
            connection.execute("SET allowed_paths = $1", [allowed])
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            try:
                yield connection
            except RuntimeError as error:
                if str(error) == "Query interrupted":  # what DuckDB makes of Ctrl-C while it runs
                    raise KeyboardInterrupt from error
                raise


def no_room(error: Exception) -> Message | str | None:
    """Return why the database could write no more, or None where that is not what stopped it."""
    said = str(error)
    if "max_temp_directory_size" in said:  # it leaves a tenth of the disk to others
        return message(N_("the disk is full"))
    found = [number for words, number in _NO_ROOM.items() if words in said]
    return system_problem(OSError(found[0], said)) if found else None


def problem_of(error: Exception) -> Message | str:
    """Return what the database or the operating system says of an error, in our words where we have them."""
    if isinstance(error, OSError):
        return system_problem(error)
    return no_room(error) or str(error).strip().split("\n")[0]
