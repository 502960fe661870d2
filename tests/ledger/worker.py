"""One of several that work on the same books at once: `python -m tests.ledger.worker URL WHAT NUMBER`."""

from __future__ import annotations

import sys
from datetime import date

import numpy as np

from cogrow.ledger.store.database import open_store
from cogrow.ledger.store.refusals import InsufficientFund
from tests.ledger.books import Books, earned

MERCHANTS = 60
ROUNDS = 40


def amount(merchant: int) -> int:
    """Return what a merchant earned; every worker has the same facts."""
    return 100 + merchant * 7


def accrue(books: Books, number: int) -> None:
    """Book everything and settle it, in an order of one's own."""
    rows = [earned(f"M{n}", amount(n)) for n in range(MERCHANTS)]
    order = np.random.default_rng(number).permutation(MERCHANTS)
    books.accrue(*(rows[position] for position in order), chunk=7)
    books.settle(date(2026, 10, 1), chunk=5)


def spend(books: Books, number: int) -> None:
    """Take 77 from the fund for a merchant of one's own, again and again until it is refused."""
    for n in range(ROUNDS):
        try:
            books.accrue(earned(f"W{number}M{n}", 77, period=f"{number}.{n}"))
        except InsufficientFund:
            return


if __name__ == "__main__":
    store = open_store(sys.argv[1])
    {"accrue": accrue, "spend": spend}[sys.argv[2]](
        Books(store, people_there=True), int(sys.argv[3])
    )
    store.close()
