"""Writes the schema as text, for a migration not yet released: `python -m cogrow.ledger.store.freeze`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from sqlalchemy import create_mock_engine

from cogrow.ledger.store.claims import run
from cogrow.ledger.store.guards import TRIGGERS
from cogrow.money import EXPONENTS

__all__ = ["statements"]
URLS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}
FOLDER = Path(__file__).parent / "migrations" / "versions"
#: The tables of claims are tables of the same books.
METADATA = run.metadata


def statements(dialect: str) -> Iterator[str]:
    """Yield every statement that makes the books from nothing."""
    made: list[str] = []

    def keep(statement: object, *arguments: object, **options: object) -> None:
        compiled = statement.compile(dialect=engine.dialect)  # type: ignore[attr-defined]
        made.append("\n".join(line.rstrip() for line in str(compiled).strip().splitlines()))

    engine = create_mock_engine(URLS[dialect], keep)
    METADATA.create_all(engine, checkfirst=False)
    # SQLAlchemy keeps the indexes of a table in a set: each run of them is put in order.
    for indexes, run_of in groupby(made, lambda statement: " INDEX " in statement.split("(")[0]):
        found = list(run_of)
        yield from sorted(found) if indexes else found
    yield from TRIGGERS[dialect]()
    values = ", ".join(f"('{code}', {exponent}, 1)" for code, exponent in EXPONENTS.items())
    yield f"INSERT INTO currency (code, exponent, active) VALUES {values}"


def frozen(dialect: str) -> str:
    """Return all statements as the text of a migration."""
    return "".join(f"{statement};;\n" for statement in statements(dialect))


def write() -> None:
    """Write the text of the first migration for both databases."""
    for dialect in URLS:
        (FOLDER / f"0001.{dialect}.sql").write_text(frozen(dialect), encoding="utf-8")


if __name__ == "__main__":
    write()
