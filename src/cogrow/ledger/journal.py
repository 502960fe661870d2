"""Entries: made whole, hashed in a fixed form, written set by set, sealed in a chain.

An entry is postings that sum to zero per book and currency. Postings go in first, the header after them,
the seal last; the database checks each step, so a transaction commits all of an entry or nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from cogrow.errors import N_, message
from cogrow.ledger.accounts import Account, numbers
from cogrow.ledger.periods import Place, period_of
from cogrow.ledger.store.database import insert_rows, new_entry_ids
from cogrow.ledger.store.refusals import DuplicateKey, Unbalanced
from cogrow.ledger.store.schema import audit, entry, posting, seal

#: The form in which entries are hashed; a new form gets a new number, old entries keep theirs.
CONTENT_VERSION = 1
#: What stands before the first seal.
GENESIS = "0" * 64
_SEAL_LOCK = 20260930


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, through what (`person` or an API key), when, and on which day it is booked."""

    actor: str
    at: datetime
    day: date
    via: str = "person"

    @property
    def instant(self) -> str:
        """Return the instant as the books write it."""
        return self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Line(NamedTuple):
    """One posting: an account and an amount in minor units, debit +, credit -."""

    account: Account
    amount: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry to be written. `origin` names the period it comes from, if it is booked elsewhere."""

    kind: str
    key: str
    lines: tuple[Line, ...]
    origin: str = ""
    source_type: str = ""
    source_id: str = ""
    reverses: int | None = None
    approval: str | None = None

    def __post_init__(self) -> None:
        sums: dict[tuple[str, str], int] = {}
        for line in self.lines:
            if type(line.amount) is not int:
                raise TypeError(f"minor units must be int, not {type(line.amount).__name__}")
            place = line.account.book, line.account.currency
            sums[place] = sums.get(place, 0) + line.amount
        if any(sums.values()) or len(self.lines) < 2:
            raise Unbalanced(message(N_("The postings of an entry do not sum to zero.")))

    @property
    def payload_hash(self) -> str:
        """Return the hash of what is posted, whoever posts it and whenever."""
        fields = [
            self.kind,
            self.key,
            self.origin,
            self.source_type,
            self.source_id,
            str(self.reverses or ""),
        ]
        for line in self.lines:
            fields += line.account.code, line.account.currency, str(line.amount)
        return digest(fields)


def digest(fields: Sequence[str]) -> str:
    """Return the SHA-256 of fields, their lengths before them, so that no two lists look alike."""
    lengths = ",".join(map(str, map(len, fields)))
    return hashlib.sha256(f"{lengths}|{''.join(fields)}".encode()).hexdigest()


def entry_lines(*pairs: tuple[Account, int]) -> tuple[Line, ...]:
    """Return postings of accounts and amounts, without those of zero, one for each account."""
    found: dict[str, tuple[Account, int]] = {}
    for place, amount in pairs:
        found[place.code] = place, found[place.code][1] + amount if place.code in found else amount
    return tuple([Line(place, amount) for place, amount in found.values() if amount])


def content_hash(payload: str, stamp: Sequence[str]) -> str:
    """Return the hash of an entry: what is posted, and period, day, instant, actor, way and approval."""
    return digest([str(CONTENT_VERSION), payload, *stamp])


def write(
    connection: Connection, entries: Sequence[Entry], act: Act, day: date | None = None
) -> list[int]:
    """Write and seal new entries, booked on `day` (else the act's); return their numbers."""
    if not entries:
        return []
    place = period_of(connection, day or act.day, act.day)
    ids = new_entry_ids(connection, len(entries))
    accounts = numbers(connection, (line.account for one in entries for line in one.lines))
    lines = [
        {
            "entry_id": number,
            "line_no": n,
            "of_lines": len(one.lines),
            "account_id": accounts[line.account.code],
            "book": line.account.book,
            "currency": line.account.currency,
            "amount": line.amount,
        }
        for number, one in zip(ids, entries, strict=True)
        for n, line in enumerate(one.lines, start=1)
    ]
    insert_rows(connection, posting, lines)
    instant = act.instant
    headers = [
        _header(number, one, act, instant, place) for number, one in zip(ids, entries, strict=True)
    ]
    insert_rows(connection, entry, headers)
    _seal(connection, ids, [str(header["content_hash"]) for header in headers])
    return ids


def _header(number: int, one: Entry, act: Act, instant: str, place: Place) -> dict[str, object]:
    payload = one.payload_hash
    stamp = (place.id, place.day, instant, act.actor, act.via, one.approval or "")
    return {
        "id": number,
        "kind": one.kind,
        "idempotency_key": one.key,
        "payload_hash": payload,
        "period_id": place.id,
        "origin": one.origin,
        "effective_on": place.day,
        "posted_at": instant,
        "source_type": one.source_type,
        "source_id": one.source_id,
        "reverses_entry_id": one.reverses,
        "actor": act.actor,
        "via": act.via,
        "approval_id": one.approval,
        "posting_count": len(one.lines),
        "content_version": CONTENT_VERSION,
        "content_hash": content_hash(payload, stamp),
    }


def _seal(connection: Connection, ids: Sequence[int], hashes: Sequence[str]) -> None:
    lock_heads(connection)
    last = connection.execute(
        select(seal.c.seq, seal.c.hash).order_by(seal.c.seq.desc()).limit(1)
    ).first()
    seq, head = (last.seq, last.hash) if last is not None else (0, GENESIS)
    rows = []
    for number, content in zip(ids, hashes, strict=True):
        seq, previous = seq + 1, head
        head = digest([str(seq), previous, content])
        rows.append({"seq": seq, "entry_id": number, "prev_hash": previous, "hash": head})
    insert_rows(connection, seal, rows)


def lock_heads(connection: Connection) -> None:
    """Wait until nobody else adds to the chains; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SEAL_LOCK})


def head_hash(connection: Connection) -> str:
    """Return the hash of the last seal: it stands for everything before it."""
    found = connection.execute(select(seal.c.hash).order_by(seal.c.seq.desc()).limit(1)).scalar()
    return found if found is not None else GENESIS


@dataclass(frozen=True, slots=True)
class Posted:
    """An entry in the books, and whether it was written just now or had been there."""

    id: int
    key: str
    new: bool


def post(connection: Connection, one: Entry, act: Act, day: date | None = None) -> Posted:
    """Write one entry, or return the one that has its key already.

    Raises DuplicateKey where the key is used for something else.
    """
    found = posted(connection, one.key)
    if found is None:
        return Posted(write(connection, [one], act, day)[0], one.key, new=True)
    number, payload = found
    if payload != one.payload_hash:
        what = N_("The key {key} is used already, for another entry.")
        raise DuplicateKey(message(what, key=one.key))
    return Posted(number, one.key, new=False)


def posted(connection: Connection, key: str) -> tuple[int, str] | None:
    """Return number and payload hash of the entry with an idempotency key, or None."""
    query = select(entry.c.id, entry.c.payload_hash).where(entry.c.idempotency_key == key)
    found = connection.execute(query).first()
    return (found.id, found.payload_hash) if found is not None else None


def note(connection: Connection, act: Act, verb: str, **content: object) -> None:
    """Add what was done to the audit log, chained to what was noted before."""
    lock_heads(connection)
    last = connection.execute(
        select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)
    ).first()
    seq, head = (last.seq + 1, last.hash) if last is not None else (1, GENESIS)
    said = json.dumps(content, sort_keys=True, ensure_ascii=False)
    chained = digest([str(seq), head, act.instant, act.actor, act.via, verb, said])
    connection.execute(
        audit.insert().values(
            seq=seq,
            at=act.instant,
            actor=act.actor,
            via=act.via,
            verb=verb,
            content=said,
            prev_hash=head,
            hash=chained,
        )
    )
