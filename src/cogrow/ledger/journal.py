"""Entries: made whole, hashed in a fixed form, written set by set, sealed in a chain.

An entry is postings that sum to zero per book and currency. Postings go in first, the header after them,
the seal last; the database checks each step, so a transaction commits all of an entry or nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from cogrow.errors import N_, message
from cogrow.ledger.accounts import CONTROL, Account, numbers
from cogrow.ledger.periods import period_of
from cogrow.ledger.store.bulk import Row, insert_tuples, new_ids
from cogrow.ledger.store.refusals import DuplicateKey, Unbalanced
from cogrow.ledger.store.schema import audit, entry, posting, seal
from cogrow.ledger.store.turns import Turn, at_once

#: The form in which entries are hashed; a new form gets a new number, old entries keep theirs.
CONTENT_VERSION = 1
#: What stands before the first seal.
GENESIS = "0" * 64
_SEAL_LOCK = 20260930
POSTING = ("entry_id", "line_no", "of_lines", "account_id", "book", "currency", "amount")
HEADER = (
    "id",
    "kind",
    "idempotency_key",
    "payload_hash",
    "period_id",
    "origin",
    "effective_on",
    "posted_at",
    "source_type",
    "source_id",
    "reverses_entry_id",
    "actor",
    "via",
    "approval_id",
    "posting_count",
    "content_version",
    "content_hash",
)
SEAL = ("seq", "entry_id", "prev_hash", "hash")


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


@dataclass(slots=True)
class Entry:
    """An entry to be written. `origin` names the period it comes from, if it is booked elsewhere;
    `payload_hash` is the hash of what is posted, whoever posts it and whenever.
    """

    kind: str
    key: str
    lines: tuple[Line, ...]
    origin: str = ""
    source_type: str = ""
    source_id: str = ""
    reverses: int | None = None
    approval: str | None = None
    payload_hash: str = field(init=False)

    def __post_init__(self) -> None:
        sums: dict[tuple[bool, str], int] = {}
        source = self.source_type, self.source_id
        fields = [self.kind, self.key, self.origin, *source, str(self.reverses or "")]
        for account, amount in self.lines:
            if type(amount) is not int:
                raise TypeError(f"minor units must be int, not {type(amount).__name__}")
            code, kind, currency, _, _ = account
            place = kind in CONTROL, currency
            sums[place] = sums.get(place, 0) + amount
            fields += code, currency, str(amount)
        if any(sums.values()) or len(self.lines) < 2:
            raise Unbalanced(message(N_("The postings of an entry do not sum to zero.")))
        self.payload_hash = digest(fields)


def digest(fields: Sequence[str]) -> str:
    """Return the SHA-256 of fields, their lengths before them, so that no two lists look alike."""
    lengths = _lengths(len(fields)) % tuple(map(len, fields))
    return hashlib.sha256(f"{lengths}|{''.join(fields)}".encode()).hexdigest()


@lru_cache(maxsize=256)
def _lengths(count: int) -> str:
    return ",".join(["%d"] * count)


@lru_cache(maxsize=256)
def _beside(stamp: tuple[str, ...]) -> tuple[str, str]:
    """Return what stands before and after the payload's hash: thousands of entries share it."""
    return ",".join([str(len(field)) for field in stamp]), "".join(stamp)


def content_hash(payload: str, stamp: tuple[str, ...]) -> str:
    """Return the hash of an entry: what is posted, and period, day, instant, actor, way and approval.

    It is the digest of version, payload and stamp.
    """
    lengths, fields = _beside(stamp)
    version = str(CONTENT_VERSION)
    form = f"{len(version)},{len(payload)},{lengths}|{version}{payload}{fields}"
    return hashlib.sha256(form.encode()).hexdigest()


def seal_hash(seq: int, previous: str, content: str) -> str:
    """Return the hash of a seal, the digest of its number, the seal before it and the entry's content."""
    number = str(seq)
    lengths = f"{len(number)},{len(previous)},{len(content)}"
    return hashlib.sha256(f"{lengths}|{number}{previous}{content}".encode()).hexdigest()


def entry_lines(*pairs: tuple[Account, int]) -> tuple[Line, ...]:
    """Return postings of accounts and amounts, without those of zero, one for each account."""
    found: dict[str, tuple[Account, int]] = {}
    for place, amount in pairs:
        found[place.code] = place, found[place.code][1] + amount if place.code in found else amount
    return tuple([Line(place, amount) for place, amount in found.values() if amount])


def write(
    connection: Connection,
    entries: Sequence[Entry],
    act: Act,
    day: date | None = None,
    *,
    last: Sequence[Entry] = (),
    turn: Turn = at_once,
) -> list[int]:
    """Write and seal new entries, booked on `day` (else the act's); return their numbers.

    It waits for its `turn` before what comes `last`, of accounts that others write to as well, and before
    the seals.
    """
    if not entries and not last:
        return []
    place = period_of(connection, day or act.day, act.day)
    stamp = (place.id, place.day, act.instant, act.actor, act.via)
    headers = _put(connection, entries, stamp)
    turn(connection)
    headers += _put(connection, last, stamp)
    _seal(connection, [(header[0], header[-1]) for header in headers])
    return [header[0] for header in headers]


def _put(
    connection: Connection, entries: Sequence[Entry], stamp: tuple[str, str, str, str, str]
) -> list[Row]:
    """Write entries, and return their headers."""
    if not entries:
        return []
    ids = new_ids(connection, entry, len(entries))
    accounts = {account.code: account for one in entries for account, _ in one.lines}
    known = numbers(connection, accounts)
    lines = []
    for number, one in zip(ids, entries, strict=True):
        count = len(one.lines)
        for n, (account, amount) in enumerate(one.lines, start=1):
            where = known[account.code]
            lines.append((number, n, count, where, account.book, account.currency, amount))
    # The hashes are made while the database takes the postings in.
    with ThreadPoolExecutor(1) as thread:
        hashed = thread.submit(lambda: list(map(_header, ids, entries, repeat(stamp))))
        insert_tuples(connection, posting, POSTING, lines)
        headers = hashed.result()
    insert_tuples(connection, entry, HEADER, headers)
    return headers


def _header(number: int, one: Entry, stamp: tuple[str, str, str, str, str]) -> Row:
    """Return a header's values in the order of HEADER: number first, content hash last."""
    period, day, instant, actor, via = stamp
    payload, count = one.payload_hash, len(one.lines)
    said = one.origin, day, instant, one.source_type, one.source_id, one.reverses
    content = content_hash(payload, (*stamp, one.approval or ""))
    mine = number, one.kind, one.key, payload, period
    return (*mine, *said, actor, via, one.approval, count, CONTENT_VERSION, content)


def _seal(connection: Connection, contents: Sequence[tuple[int, str]]) -> None:
    lock_heads(connection)
    last = connection.execute(
        select(seal.c.seq, seal.c.hash).order_by(seal.c.seq.desc()).limit(1)
    ).first()
    seq, head = (last.seq, last.hash) if last is not None else (0, GENESIS)
    rows = []
    for number, content in contents:
        seq, previous = seq + 1, head
        head = seal_hash(seq, previous, content)
        rows.append((seq, number, previous, head))
    insert_tuples(connection, seal, SEAL, rows)


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
