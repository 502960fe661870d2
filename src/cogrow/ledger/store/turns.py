"""Chunks written one after the other while the next are made ready, or two beside each other, in order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TypeVar

from sqlalchemy import Connection, text

from cogrow.ledger.store.database import Store
from cogrow.ledger.store.refusals import Conflict

_TURN_MICROSECONDS = 200
_S = TypeVar("_S")
_T = TypeVar("_T")
_R = TypeVar("_R")
#: Waits until a transaction may write to what others write to as well.
Turn = Callable[[Connection], None]
#: Writes a chunk, with what was foreseen for it; without, where nothing was.
Book = Callable[[Connection, _S, _T | None, Turn], _R]


def at_once(connection: Connection) -> None:
    """Wait for nobody."""


class Turns:
    """Lets transactions that run beside each other end in order: seals come in one order, whoever is faster.

    A transaction waits for the one before it with a lock of the database, which sees a circle of waiting,
    whatever else the two wait for, and ends it.
    """

    def __init__(self, count: int) -> None:
        self._begun: list[Future[int | None]] = [Future() for _ in range(count)]

    def begin(self, connection: Connection, number: int) -> None:
        """Let the next one wait for this transaction."""
        begun = self._begun[number]
        # Done again on another connection, it is still known by the first.
        mine = begun.result() if begun.done() else None
        own = mine or connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        place = {"own": own, "number": number}
        connection.execute(text("SELECT pg_advisory_xact_lock(:own, :number)"), place)
        if not begun.done():
            begun.set_result(own)

    def wait(self, connection: Connection, number: int) -> None:
        """Wait until the transaction before this one has ended."""
        if number and (before := self._begun[number - 1].result()):
            place = {"before": before, "number": number - 1}
            connection.execute(text("SELECT pg_advisory_xact_lock_shared(:before, :number)"), place)

    def over(self, number: int) -> None:
        """Let the next one wait no more, whether this transaction has begun or not."""
        if not self._begun[number].done():
            self._begun[number].set_result(None)


@contextmanager
def short_turns() -> Iterator[None]:
    """Let threads of Python change places often: who waits for the database lets go with each of thousands of
    calls, and would wait 5 ms each time for who does not.
    """
    was = sys.getswitchinterval()
    sys.setswitchinterval(_TURN_MICROSECONDS / 1_000_000)
    try:
        yield
    finally:
        sys.setswitchinterval(was)


def ahead(make: Callable[[_S], _T], given: Sequence[_S]) -> Iterator[_T]:
    """Yield what `make` makes of each, the next while the last is in use: Python prepares one chunk while the
    database writes another.
    """
    with ThreadPoolExecutor(1) as thread:
        coming = [thread.submit(make, one) for one in given[:1]]
        for one in given[1:]:
            made = coming.pop().result()
            coming.append(thread.submit(make, one))
            yield made
        for last in coming:
            yield last.result()


def as_foreseen(
    store: Store,
    foresee: Callable[[_S], _T | None],
    book: Book[_S, _T, _R],
    given: Sequence[_S],
    *,
    first: int = 0,
) -> Iterator[_R]:
    """Yield what `book` makes of each, in order: a transaction each, with what was foreseen for it; without,
    where nothing was, or somebody was faster.

    PostgreSQL writes one while Python foresees another, and two at a time once those that come `first` are
    done. SQLite has one writer at a time.
    """

    def one(some: _S, foreseen: _T | None, begin: Turn = at_once, turn: Turn = at_once) -> _R:
        left = [foreseen]

        def once(connection: Connection) -> _R:
            begin(connection)
            return book(connection, some, left.pop() if left else None, turn)

        if foreseen is not None:
            with suppress(Conflict):
                return store.write(once)
        return store.write(once)

    alone = first if store.dialect == "postgresql" else len(given)
    beside = given[alone:]
    turns = Turns(len(beside))
    # Python does one thing at a time: who foresees goes on undisturbed while the other's chunk is written.
    one_foresees = Lock()

    def in_turn(number: int) -> _R:
        try:
            with one_foresees:
                foreseen = foresee(beside[number])
            return one(
                beside[number],
                foreseen,
                lambda connection: turns.begin(connection, number),
                lambda connection: turns.wait(connection, number),
            )
        finally:
            turns.over(number)

    with short_turns():
        yield from map(one, given[:alone], ahead(foresee, given[:alone]))
        if beside:
            with ThreadPoolExecutor(2) as threads:
                yield from threads.map(in_turn, range(len(beside)))
