"""The role cogrow runs as on PostgreSQL: it may add to the books, and has no right to change their history.

The triggers refuse that already, whoever writes; this role cannot even take the triggers away. Who owns the
tables makes it, and is not who runs.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

from cogrow.errors import N_, LedgerError, message
from cogrow.ledger.store.refusals import NotAllowed
from cogrow.ledger.store.rules import APPEND_ONLY, KEPT

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def grant_runtime(connection: Connection, role: str) -> bool:
    """Make the role if it is not there, give it what running needs and nothing else; return whether it is
    new.

    Raises NotAllowed for a role that owns tables or is above all rights, LedgerError on SQLite.
    """
    if connection.dialect.name != "postgresql":
        raise LedgerError(message(N_("SQLite has no roles: who may write the file may do all.")))
    if not _NAME.fullmatch(role):
        raise LedgerError(message(N_("{role} cannot be the name of a role."), role=repr(role)))
    above = connection.execute(
        text(
            "SELECT r.rolsuper OR EXISTS (SELECT 1 FROM pg_class c WHERE c.relowner = r.oid)"
            " FROM pg_roles r WHERE r.rolname = :role"
        ),
        {"role": role},
    ).scalar()
    if above:
        what = N_("{role} owns the tables, or is a superuser: rights do not bind it.")
        raise NotAllowed(message(what, role=role))
    if above is None:
        connection.execute(text(f"CREATE ROLE {role} LOGIN NOINHERIT"))
    schema = connection.execute(text("SELECT current_schema()")).scalar_one()
    everything = f"ALL TABLES IN SCHEMA {schema}"
    kept, added = ", ".join(KEPT), ", ".join((*APPEND_ONLY, *KEPT))
    for statement in (
        f"REVOKE ALL ON {everything} FROM PUBLIC, {role}",
        f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}",
        f"GRANT USAGE ON SCHEMA {schema} TO {role}",
        f"GRANT SELECT ON {everything} TO {role}",
        f"GRANT INSERT ON {added} TO {role}",
        f"GRANT UPDATE ON {kept} TO {role}",
        # What a trigger notes and takes away again; the check stands, whoever takes the note away.
        f"GRANT INSERT, DELETE ON loose_end TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    ):
        connection.execute(text(statement))
    return above is None
