"""A process that is killed: `python -m tests.ledger.killed URL FOLDER FIRST EVERY` kills a child of its own
before and after the k-th statement and commit, for k = FIRST, FIRST + EVERY, … until the work has no k-th
step, and each time does the work again.

Every k has merchants, a batch and a month of its own in the same books. Prints how many kills hit.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import event

from cogrow.ledger.payouts import pay as paying
from cogrow.ledger.payouts.rail import Answer, Outcome
from cogrow.ledger.store import bulk, database
from cogrow.period import add_months
from tests.ledger.books import Books, act, earned

PER_K = 2
AMOUNT = 100


class FolderRail:
    """A rail whose books are files: they outlive whoever was killed. Every second reply is lost."""

    name = "fake"
    deduplicates = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def refuses(self, instruction: Any) -> None:
        return None

    def send(self, batch: str, instructions: Any) -> dict[str, Answer]:
        answers = {}
        for position, item in enumerate(instructions):
            path = self.folder / item.number
            if path.exists():
                answers[item.number] = Answer(Outcome.PAID, "", b"yes, before")
                continue
            with path.open(
                "a", encoding="utf-8"
            ) as file:  # a second line would be money paid twice
                file.write(f"{item.merchant} {item.amount}\n")
            if position % 2:
                answers[item.number] = Answer(Outcome.PAID, "", b"yes")
        return answers

    def query(self, numbers: Any) -> dict[str, Answer]:
        there = [number for number in numbers if (self.folder / number).exists()]
        return {number: Answer(Outcome.PAID, "", b"yes") for number in there}


def month(k: int) -> date:
    """Return the day on which everything of k happens."""
    return add_months(date(1950, 1, 5), k)


def work(books: Books, rail: FolderRail, k: int) -> None:
    """Do the whole of k, or what of it is not done yet: earned, restated, settled, paid, closed."""
    if books.is_closed(f"{month(k):%Y-%m}"):
        return
    day, names = month(k), [f"K{k}M{n}" for n in range(PER_K)]
    more = {"period": f"{day:%Y-%m}", "matures_on": day}
    books.home(*names)
    books.accrue(*(earned(name, AMOUNT + 10, **more) for name in names), day=day, chunk=1)
    books.accrue(*(earned(name, AMOUNT, **more) for name in names), day=day, chunk=1)
    books.settle(day=day)
    if not books.is_proposed(f"P{k}"):
        books.propose(f"P{k}", merchants=names)
    books.approve(books.propose(f"P{k}"), "bob", "carol")
    paying.pay(books.store, f"P{k}", rail, act(day=day))
    paying.resend(books.store, f"P{k}", rail, act(day=day))
    paying.reconcile(books.store, f"P{k}", rail, act(day=day))
    books.close(f"{day:%Y-%m}", day)


def killed_at(k: int, engine: Any) -> None:
    """Arrange that this process is killed at its k-th step."""
    steps = 0

    def step(*_: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == k:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engine, "before_cursor_execute", step)
    event.listen(engine, "after_cursor_execute", step)
    event.listen(engine, "commit", step)
    commit = engine.dialect.do_commit

    def committed(connection: Any) -> None:
        commit(connection)
        step()

    engine.dialect.do_commit = committed
    raw = bulk._driver

    @contextmanager
    def driver(*arguments: Any) -> Iterator[Any]:
        step()
        with raw(*arguments) as cursor:
            yield cursor
        step()

    setattr(bulk, "_driver", driver)  # noqa: B010 - for mypy it is a function of its own


def child(do: Callable[[], None]) -> int:
    """Return how a forked process ended that did something: its exit code, less than 0 for a signal."""
    pid = os.fork()
    if not pid:
        code = 1
        try:
            do()
            code = 0
        except BaseException:  # noqa: BLE001 - told to whoever started it
            traceback.print_exc()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    url, folder, first, every = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    rail, kills = FolderRail(folder), 0

    def attempt(k: int, kill: bool) -> None:
        store = database.open_store(url)
        if kill:
            killed_at(k, store.engine)
        work(Books(store, people_there=True), rail, k)
        store.close()

    k, ended = first, -signal.SIGKILL
    while ended == -signal.SIGKILL:
        ended = child(partial(attempt, k, kill=True))
        assert ended in (0, -signal.SIGKILL), f"k = {k}: {ended}"
        assert child(partial(attempt, k, kill=False)) == 0, f"not recovered after k = {k}"
        kills += ended != 0
        k += every
    print(kills, k - every)  # noqa: T201


if __name__ == "__main__":
    main()
