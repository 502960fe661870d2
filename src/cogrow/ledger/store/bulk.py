"""Many rows at once, past SQLAlchemy's care for each value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Integer, Table, select, text
from sqlalchemy.exc import DBAPIError

#: Below this, COPY costs more than it saves.
FEW_ROWS = 50
#: Rows that are sent to PostgreSQL at a time: it takes them in while the next are made ready.
MOST_ROWS = 2_000
#: Values in one statement on SQLite; it takes 32,766.
MOST_VALUES = 20000
#: How an empty value is written for COPY.
NOTHING = str(None)
Row = tuple[Any, ...]
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def new_ids(connection: Connection, table: Table, count: int) -> list[int]:
    """Return `count` numbers for rows of a table that nobody else gets, in order."""
    if connection.dialect.name == "postgresql":
        step = text(f"SELECT nextval('{table.name}_id_seq') FROM generate_series(1, :count)")
        return sorted(connection.execute(step, {"count": count}).scalars())
    query = text(f"SELECT coalesce(max(id), 0) FROM {table.name}")
    last = int(connection.execute(query).scalar_one())
    return list(range(last + 1, last + 1 + count))


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of the same columns."""
    if rows:
        insert_tuples(connection, table, tuple(rows[0]), [tuple(row.values()) for row in rows])


def insert_tuples(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Insert many rows, past SQLAlchemy's care for each value: COPY on PostgreSQL, many rows a statement on
    SQLite, which prepares to undo each statement.
    """
    if len(rows) < FEW_ROWS:
        if rows:
            few = [dict(zip(columns, row, strict=True)) for row in rows]
            connection.execute(table.insert(), few)
        return
    into = f"{table.name} ({', '.join(columns)})"
    if connection.dialect.name != "sqlite":
        _copy(connection, into, rows)
        return
    _in_parts(connection, f"INSERT INTO {into} VALUES ", rows)


def _in_parts(connection: Connection, begin: str, rows: Sequence[Row], end: str = "") -> int:
    """Run a statement of SQLite on as many rows at a time as it takes; return how many it changed."""
    changed = 0
    one, most = f"({', '.join('?' * len(rows[0]))})", MOST_VALUES // len(rows[0])
    for at in range(0, len(rows), most):
        part = rows[at : at + most]
        statement = f"{begin}{', '.join([one] * len(part))}{end}"
        with _driver(connection, statement) as raw:
            raw.execute(statement, list(chain.from_iterable(part)))
            changed += int(raw.execute("SELECT changes()").fetchone()[0])
    return changed


def _copy(connection: Connection, into: str, rows: Sequence[Row]) -> None:
    statement = f"COPY {into} FROM STDIN WITH (NULL '{NOTHING}')"
    with _driver(connection, statement) as raw, raw.copy(statement) as copy:
        for at in range(0, len(rows), MOST_ROWS):
            copy.write(lines(rows[at : at + MOST_ROWS]))


def lines(rows: Sequence[Row]) -> str:
    """Return rows of whole numbers, text and nothing in COPY's own form."""
    cells = len(rows[0])
    form = "\t".join(["%s"] * cells) + "\n"
    plain = "".join([form % row for row in rows])
    # Nearly always no value holds what means something else there.
    if (
        "\\" not in plain
        and "\r" not in plain
        and plain.count("\n") == len(rows)
        and plain.count("\t") == (cells - 1) * len(rows)
        and plain.count(NOTHING) == sum([row.count(None) for row in rows])
    ):
        return plain
    return "".join([form % tuple(map(_escaped, row)) for row in rows])


def _escaped(value: object) -> object:
    if not isinstance(value, str):
        return value
    return "\\" + value if value == NOTHING else value.translate(_ESCAPES)


def among(connection: Connection, column: Column[str], names: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a column of text is one of many names, as one parameter."""
    sqlite = connection.dialect.name == "sqlite"
    each = (
        "json_each(:names)" if sqlite else "json_array_elements_text(CAST(:names AS json)) AS value"
    )
    listed = select(text("value")).select_from(text(each))
    return column.in_(listed.params(names=json.dumps(list(names))))


def update_tuples(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    where: Sequence[str],
    rows: Sequence[Row],
) -> int:
    """Set `columns` in every row whose columns `where` are as told; each of `rows` has the values of the
    first, then of the second. Return how many rows were changed.
    """
    if not rows:
        return 0
    names = [f"v{number}" for number in range(len(columns) + len(where))]
    pairs = [f"{column} = {name}" for column, name in zip((*columns, *where), names, strict=True)]
    sets, keeps = ", ".join(pairs[: len(columns)]), " AND ".join(pairs[len(columns) :])
    if connection.dialect.name == "sqlite":
        begin = f"WITH told({', '.join(names)}) AS (VALUES "
        end = f") UPDATE {table.name} SET {sets} FROM told WHERE {keeps}"
        return _in_parts(connection, begin, rows, end)
    # One statement: PostgreSQL reads a table's checks and foreign keys anew for each.
    kinds = [
        "bigint" if isinstance(table.c[name].type, Integer) else "text"
        for name in (*columns, *where)
    ]
    told = ", ".join(f"%s::{kind}[]" for kind in kinds)
    statement = (
        f"UPDATE {table.name} SET {sets}"
        f" FROM unnest({told}) AS told({', '.join(names)}) WHERE {keeps}"
    )
    with _driver(connection, statement) as raw:
        raw.execute(statement, [array(column) for column in zip(*rows, strict=True)])
        return int(raw.rowcount)


def array(values: Sequence[int | str]) -> str:
    """Return values as the text of an array of PostgreSQL."""
    cells = '","'.join(map(str, values))
    if "\\" in cells or cells.count('"') != 2 * (len(values) - 1):
        cells = '","'.join([str(one).replace("\\", r"\\").replace('"', r"\"") for one in values])
    return f'{{"{cells}"}}'


@contextmanager
def _driver(connection: Connection, statement: str) -> Iterator[Any]:
    """Yield a cursor of the driver; its errors come as SQLAlchemy's."""
    driver = connection.dialect.loaded_dbapi
    raw = connection.connection.cursor()
    try:
        yield raw
    except driver.Error as error:
        raise DBAPIError.instance(statement, None, error, driver.Error) from error
    finally:
        raw.close()
