"""Persons, their roles and their API keys. There is no default account, and no key is kept in clear."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, select, update

from cogrow.errors import N_, NotFound, message
from cogrow.ledger.journal import Act, note
from cogrow.ledger.store.refusals import NotAllowed
from cogrow.ledger.store.runtime import grant_runtime
from cogrow.ledger.store.schema import ROLES, api_key, person, person_role

#: Who may do what. Approving needs finance, which the database holds too.
STAFF = ("operator", "finance", "auditor")


def add_person(connection: Connection, name: str, full_name: str, act: Act) -> None:
    """Add a person. The first one adds itself, and is operator; later ones are added by an operator."""
    known = connection.execute(select(person.c.id, person.c.name)).all()
    if any(one.id == name and one.name == full_name for one in known):
        return
    if known:
        require(connection, act, "operator")
    elif act.actor != name:
        raise NotFound(message(N_("There is nobody yet; the first person adds itself.")))
    connection.execute(person.insert().values(id=name, name=full_name, created_at=act.instant))
    if not known:
        _grant(connection, name, "operator", "", act)
    note(connection, act, "person add", person=name, name=full_name)


def grant(connection: Connection, name: str, role: str, act: Act, merchant: str = "") -> None:
    """Give a person a role; the role merchant is for one merchant. Raises NotFound, NotAllowed."""
    require(connection, act, "operator")
    exists(connection, name)
    if role not in ROLES:
        what = N_("{role} is no role. The roles are {roles}.")
        raise NotFound(message(what, role=repr(role), roles=", ".join(ROLES)))
    if (role, merchant) not in roles_of(connection, name):
        _grant(connection, name, role, merchant, act)
        note(connection, act, "role grant", person=name, role=role, merchant=merchant)


def _grant(connection: Connection, name: str, role: str, merchant: str, act: Act) -> None:
    connection.execute(
        person_role.insert().values(
            person_id=name, role=role, merchant_id=merchant, granted_at=act.instant
        )
    )


def revoke(connection: Connection, name: str, role: str, act: Act, merchant: str = "") -> None:
    """Take a role away; what was done with it stays done."""
    require(connection, act, "operator")
    connection.execute(
        update(person_role)
        .where(
            person_role.c.person_id == name,
            person_role.c.role == role,
            person_role.c.merchant_id == merchant,
            person_role.c.revoked_at.is_(None),
        )
        .values(revoked_at=act.instant)
    )
    note(connection, act, "role revoke", person=name, role=role, merchant=merchant)


def add_key(connection: Connection, key: str, of: str, secret: str, act: Act) -> None:
    """Let whoever has `secret` act for a person; only its hash is kept."""
    require(connection, act, "operator")
    exists(connection, of)
    connection.execute(
        api_key.insert().values(
            id=key, person_id=of, key_hash=_hash(secret), created_at=act.instant
        )
    )
    note(connection, act, "key add", key=key, person=of)


def owner_of(connection: Connection, secret: str) -> tuple[str, str]:
    """Return the person a secret acts for, and the way to write down. Raises NotAllowed."""
    query = select(api_key.c.id, api_key.c.person_id).where(
        api_key.c.key_hash == _hash(secret), api_key.c.revoked_at.is_(None)
    )
    found = connection.execute(query).first()
    if found is None:
        raise NotAllowed(message(N_("The API key is not known.")))
    return found.person_id, f"key:{found.id}"


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def add_runtime(connection: Connection, role: str, act: Act) -> None:
    """Make the role of the database that cogrow runs as. Raises as `grant_runtime` does."""
    require(connection, act, "operator")
    if grant_runtime(connection, role):
        note(connection, act, "runtime role", role=role)


def exists(connection: Connection, name: str) -> None:
    """Raise NotFound unless there is a person of this name."""
    if connection.execute(select(person.c.id).where(person.c.id == name)).first() is None:
        raise NotFound(message(N_("There is no person {name}."), name=repr(name)))


def roles_of(connection: Connection, name: str) -> set[tuple[str, str]]:
    """Return the roles a person has now, each with its merchant ("" but for the role merchant)."""
    query = select(person_role.c.role, person_role.c.merchant_id).where(
        person_role.c.person_id == name, person_role.c.revoked_at.is_(None)
    )
    return {(row.role, row.merchant_id) for row in connection.execute(query)}


def require(connection: Connection, act: Act, *roles: str) -> None:
    """Raise NotAllowed unless the actor has one of the roles."""
    exists(connection, act.actor)
    if not {role for role, _ in roles_of(connection, act.actor)}.intersection(roles):
        what = N_("{person} has none of the roles that may do this: {roles}.")
        raise NotAllowed(message(what, person=act.actor, roles=", ".join(roles)))


def require_sight(connection: Connection, name: str, merchant: str | None) -> None:
    """Raise NotAllowed unless a person may see a merchant's books (None: everybody's)."""
    exists(connection, name)
    roles = roles_of(connection, name)
    if {role for role, _ in roles}.isdisjoint(STAFF) and ("merchant", merchant) not in roles:
        raise NotAllowed(message(N_("{person} may not see this."), person=name))
