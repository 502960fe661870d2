"""The first tables and guards, as text: what was made once is not changed by later code."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the statements of this migration for the database at hand."""
    connection = op.get_bind()
    path = Path(__file__).with_name(f"0001.{connection.dialect.name}.sql")
    for statement in path.read_text(encoding="utf-8").split(";;\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
