"""A seeded life of the books: days pass, facts change, a bad rail, processes that die in the middle, a second
worker beside the first. `python -m tests.ledger.simulation [SEEDS [FIRST]]` prints a seed that fails.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cogrow.errors import LedgerError
from cogrow.ledger.payouts import pay as paying
from cogrow.ledger.payouts.rail import Answer, Instruction
from cogrow.ledger.store.database import open_store
from tests.ledger.books import Books, act, earned, quick_folder
from tests.ledger.fake_rail import FakeRail

MERCHANTS = tuple(f"M{n}" for n in range(5))
STEPS = 11


class Killed(BaseException):
    """The process ends here; what it had not written is lost."""


class DeadlyRail(FakeRail):
    """A bad rail that sometimes takes the process with it, or lets a second worker in."""

    books: Books
    calm = False

    def send(self, batch: str, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        assert self.random is not None
        fate = 5 if self.calm else self.random.integers(6)
        if fate == 0:
            raise Killed
        if fate == 1:
            paying.pay(self.books.store, batch, self, act())
            paying.reconcile(self.books.store, batch, self, act())
        answers = super().send(batch, instructions)
        if fate == 2:
            raise Killed
        return answers


class Life:
    """One life, from its seed."""

    def __init__(self, books: Books, seed: int) -> None:
        self.books, self.random = books, np.random.default_rng(seed)
        self.rail = DeadlyRail(random=self.random)
        self.rail.books = books
        self.truth: dict[tuple[str, str], dict[str, int]] = {}
        self.batches: list[str] = []
        self.day = date(2026, 9, 3)
        self.converted = 0
        books.home(*MERCHANTS)
        books.fund(amount=6_000, day=self.day)

    def live(self) -> None:
        steps = (
            self.accrue,
            self.accrue,
            self.settle,
            self.propose,
            self.pay,
            self.pay,
            self.convert,
        )
        for step in range(STEPS):
            self.day += timedelta(days=int(self.random.integers(4)))
            verb = steps[self.random.integers(len(steps))]
            try:
                verb(step)
            except (Killed, LedgerError):
                continue
        self.rest()

    def accrue(self, step: int) -> None:
        scope = ("AB"[self.random.integers(2)], f"2026-0{self.random.integers(7, 10)}")
        chosen = [m for m in MERCHANTS if self.random.random() < 0.7]
        truth = {merchant: int(self.random.integers(0, 400)) for merchant in chosen}
        if not truth:
            return
        rows = [earned(m, n, program=scope[0], period=scope[1]) for m, n in truth.items()]
        self.random.shuffle(rows)
        self.books.accrue(*rows, day=self.day, chunk=int(self.random.integers(1, 5)))
        self.truth[scope] = truth

    def settle(self, step: int) -> None:
        self.books.settle(date(2026, 10, 5), chunk=int(self.random.integers(1, 5)))

    def propose(self, step: int) -> None:
        name = f"P{step}"
        self.books.approve(self.books.propose(name), "bob", "carol")
        self.batches.append(name)

    def pay(self, step: int) -> None:
        for name in self.batches:
            verb = (paying.pay, paying.reconcile)[self.random.integers(2)]
            verb(self.books.store, name, self.rail, act())

    def convert(self, step: int) -> None:
        merchant, amount = MERCHANTS[self.random.integers(5)], int(self.random.integers(1, 200))
        self.books.convert(f"C{step}", merchant, amount, bonus=0, fund=None)
        self.converted += amount

    def rest(self) -> None:
        """End everything that is under way, and look at the sums."""
        self.rail.calm = True
        for name in self.batches:
            paying.pay(self.books.store, name, self.rail, act())
            paying.resend(self.books.store, name, self.rail, act())
            for _ in range(3):
                paying.reconcile(self.books.store, name, self.rail, act())
        states = {state for name in self.batches for state in self.books.states(name).values()}
        left = sum(item.amount for item in self.rail.paid.values())
        owed = sum(
            sign * self.books.has(merchant).get(kind, 0)
            for merchant in MERCHANTS
            for kind, sign in (("accrued", 1), ("payable", 1), ("ad_credit", 1), ("clawback", -1))
        )
        earned_in_all = sum(n for truth in self.truth.values() for n in truth.values())
        assert states <= {"paid", "failed"}, states
        assert -self.books.posted("asset:bank:CNY") == left
        assert self.books.posted("budget:consumed:F1:CNY") == earned_in_all
        assert owed + left == earned_in_all
        self.books.clean()


def live(empty: Path, seed: int) -> None:
    """Live one life on a copy of empty books."""
    with quick_folder() as folder:
        path = folder / "books.db"
        shutil.copy(empty, path)
        store = open_store(f"sqlite:///{path}")
        try:
            Life(Books(store), seed).live()
        finally:
            store.close()


def main() -> None:
    count, first, *_ = (*map(int, sys.argv[1:]), *(10_000, 0)[len(sys.argv) - 1 :])
    with TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.db"
        open_store(f"sqlite:///{empty}").close()
        for seed in range(first, first + count):
            try:
                live(empty, seed)
            except BaseException:
                print(f"seed {seed} fails")  # noqa: T201
                raise
    print(f"{count} seeds")  # noqa: T201


if __name__ == "__main__":
    main()
