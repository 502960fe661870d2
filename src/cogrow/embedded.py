"""The embedded DuckDB connection: memory, threads, spilling and locks, in one place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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
