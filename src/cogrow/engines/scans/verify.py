"""Holds a roll-up against the facts it is of: builds it again and compares row by row."""

from __future__ import annotations

from pathlib import Path

from sqlglot import exp

from cogrow.embedded import Limits, connect, problem_of
from cogrow.engines.plan import DIALECT
from cogrow.engines.scans.spans import read_files
from cogrow.engines.scans.store import Kept, Store
from cogrow.errors import N_, EngineError, message
from cogrow.facts import FactFiles


def same_rows(kept: Kept, store: Store, facts: FactFiles, limits: Limits) -> bool:
    """Return whether the facts give the rows that are kept. The query comes from the roll-up's note, and
    runs where it can read these facts and nothing else.

    Raises EngineError for too little memory or disk.
    """
    import duckdb

    query = kept.query
    for table in facts.tables.values():
        for path, digest in zip(table.paths, table.hashes, strict=True):
            query = query.replace(f"'{digest}'", exp.Literal.string(path).sql(DIALECT))
    rows = read_files([str(store.path(kept.name))]).sql(DIALECT)
    columns = ", ".join(["merchant_id", *kept.columns])
    sides = f"SELECT {columns} FROM ({query})", f"SELECT {columns} FROM {rows}"
    reads = [Path(facts.folder), store.folder]
    try:
        with connect(limits, reads=reads) as connection:
            return not any(
                connection.execute(f"({one}) EXCEPT ALL ({other}) LIMIT 1").fetchall()
                for one, other in (sides, sides[::-1])
            )
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        problem = problem_of(error)
        what = N_("The roll-up {name} cannot be verified: {problem}")
        raise EngineError(message(what, name=kept.name, problem=problem)) from error
    except duckdb.Error:
        return False  # a query that is none does not make these rows
