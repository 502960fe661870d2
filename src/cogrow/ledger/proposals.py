"""Four eyes: one person proposes exactly what is to happen, another votes for exactly that.

A proposal never changes; whatever is different is another proposal. What is voted for is named by its
hash, so nobody approves what they were not shown. The database holds all of it again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from cogrow.errors import N_, NotFound, message
from cogrow.ledger.accounts import Account
from cogrow.ledger.journal import Act, Entry, Line, Posted, note, post
from cogrow.ledger.people import require
from cogrow.ledger.store.refusals import DuplicateKey, NotApproved
from cogrow.ledger.store.schema import FOUR_EYES, approval, approval_vote


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed, the hash that names it, by whom, and how many votes it has and needs."""

    id: str
    kind: str
    content: Mapping[str, Any]
    content_hash: str
    maker: str
    votes: int
    needed: int

    @property
    def approved(self) -> bool:
        """Return whether enough other persons voted for it."""
        return self.votes >= self.needed


def propose(
    connection: Connection,
    name: str,
    kind: str,
    content: Mapping[str, Any],
    content_hash: str,
    act: Act,
    needed: int = 1,
) -> Proposal:
    """Propose something under a name, or return the proposal of that name if it says the same.

    Raises DuplicateKey where the name is used for something else.
    """
    require(connection, act, "operator", "finance")
    if connection.execute(select(approval.c.id).where(approval.c.id == name)).first() is not None:
        found = proposal(connection, name)
        if (found.kind, found.content_hash) != (kind, content_hash):
            raise DuplicateKey(
                message(N_("The key {key} is used already, for another proposal."), key=name)
            )
        return found
    connection.execute(
        approval.insert().values(
            id=name,
            kind=kind,
            content=json.dumps(content, sort_keys=True, ensure_ascii=False),
            content_hash=content_hash,
            maker=act.actor,
            votes_needed=needed,
            created_at=act.instant,
        )
    )
    note(connection, act, "propose", proposal=name, content_hash=content_hash)
    return proposal(connection, name)


def proposal(connection: Connection, name: str) -> Proposal:
    """Return a proposal. Raises NotFound."""
    found = connection.execute(select(approval).where(approval.c.id == name)).first()
    if found is None:
        raise NotFound(message(N_("There is no proposal {name}."), name=repr(name)))
    query = select(func.count()).where(approval_vote.c.approval_id == name)
    votes = connection.execute(query).scalar_one()
    content = json.loads(found.content)
    return Proposal(
        name, found.kind, content, found.content_hash, found.maker, votes, found.votes_needed
    )


def vote(connection: Connection, name: str, shown: str, act: Act) -> Proposal:
    """Vote for a proposal whose hash, as the voter was shown it, is `shown`; once per person.

    Raises NotApproved if it is not that, for one's own, through an API key, or without the role finance.
    """
    found = proposal(connection, name)
    if found.content_hash != shown:
        what = N_("What you were shown is not what is proposed; look at it again.")
        raise NotApproved(message(what))
    mine = approval_vote.c.approval_id == name, approval_vote.c.person_id == act.actor
    if connection.execute(select(approval_vote.c.voted_at).where(*mine)).first() is not None:
        return found
    connection.execute(
        approval_vote.insert().values(
            approval_id=name,
            person_id=act.actor,
            content_hash=shown,
            via="person" if act.via == "person" else "key",
            voted_at=act.instant,
        )
    )
    note(connection, act, "approve", proposal=name, content_hash=shown)
    return proposal(connection, name)


def propose_entry(connection: Connection, one: Entry, act: Act, **told: str) -> Proposal:
    """Propose an entry that needs four eyes; `told` says why, to whoever votes."""
    lines = [
        [
            p.account.code,
            p.account.kind,
            p.account.currency,
            p.account.merchant,
            p.account.fund,
            p.amount,
        ]
        for p in one.lines
    ]
    content = {
        "kind": one.kind,
        "origin": one.origin,
        "source_type": one.source_type,
        "source_id": one.source_id,
        "reverses": one.reverses,
        "lines": lines,
        "told": told,
    }
    return propose(connection, one.key, one.kind, content, one.payload_hash, act)


def proposed_entry(found: Proposal) -> Entry:
    """Return the entry that was proposed."""
    said = found.content
    return Entry(
        found.kind,
        found.id,
        tuple(
            Line(Account(code, kind, currency, merchant, fund), amount)
            for code, kind, currency, merchant, fund, amount in said["lines"]
        ),
        said["origin"],
        said["source_type"],
        said["source_id"],
        said["reverses"],
        found.id,
    )


def approve_entry(connection: Connection, name: str, shown: str, act: Act) -> Posted | None:
    """Vote for a proposed entry, and post it once there are votes enough; None while there are not."""
    found = vote(connection, name, shown, act)
    if found.kind not in FOUR_EYES:
        raise NotFound(message(N_("{name} proposes no entry."), name=repr(name)))
    return post(connection, proposed_entry(found), act) if found.approved else None
