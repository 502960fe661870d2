"""Columns and constraints the tables share, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Integer, String, Table

#: Text compared byte by byte, so that both databases sort alike.
TEXT = String().with_variant(String(collation="C"), "postgresql")
#: Minor units and counts. SQLite knows a key that counts by itself only as INTEGER.
WHOLE = BigInteger().with_variant(Integer(), "sqlite")


def text(name: str, *arguments: Any, **options: Any) -> Column[str]:
    """Return a column of text that must be there."""
    return Column(name, TEXT, *arguments, **{"nullable": False, **options})


def whole(name: str, *arguments: Any, **options: Any) -> Column[int]:
    """Return a column of whole numbers that must be there; `wholes` keeps SQLite to it."""
    return Column(name, WHOLE, *arguments, **{"nullable": False, **options})


def refers(name: str, to: str, **options: Any) -> Column[str]:
    """Return a column of text that names a row of another table."""
    return text(name, ForeignKey(to), **options)


def check(name: str, condition: str) -> CheckConstraint:
    """Return a condition every row meets, in SQL both databases read."""
    return CheckConstraint(condition, name=name)


def by_statement(table: Table) -> None:
    """Have PostgreSQL check what a table refers to once a statement (`guards`), not once a row; at commit,
    where that comes later.

    That is as safe where what is referred to never changes and never goes.
    """
    table.info["by_statement"] = True
    for constraint in table.foreign_key_constraints:
        constraint.ddl_if("sqlite")


def one_of(column: str, choices: tuple[str, ...]) -> CheckConstraint:
    """Return the condition that a column holds one of `choices`."""
    listed = ", ".join(f"'{choice}'" for choice in choices)
    return check(f"{column}_known", f"{column} IN ({listed})")


def wholes(*columns: str) -> list[CheckConstraint]:
    """Return the conditions that SQLite keeps whole numbers; it takes 0.5 in a BIGINT column else."""
    return [
        check(f"{column}_whole", f"typeof({column}) IN ('integer', 'null')").ddl_if("sqlite")
        for column in columns
    ]


def instants(*columns: str) -> list[CheckConstraint]:
    """Return the conditions that columns hold an instant like `2026-09-30T12:00:00Z`, or nothing.

    The same text in both databases: a hash over it is the same too, and its order is the order of time.
    """
    like = "____-__-__T__:__:__Z"
    return [check(f"{column}_instant", f"{column} LIKE '{like}'") for column in columns]


def days(*columns: str) -> list[CheckConstraint]:
    """Return the conditions that columns hold a day as the ledger writes it, or nothing."""
    return [check(f"{column}_day", f"{column} LIKE '____-__-__'") for column in columns]
