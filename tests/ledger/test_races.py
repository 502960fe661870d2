"""Several at once: nothing is booked twice, no fund is overspent by one minor unit, whoever is killed."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from cogrow.ledger import accrual, settlement
from cogrow.ledger.store.database import open_store
from tests.house.tree import ROOT
from tests.ledger.books import Books, earned
from tests.ledger.server import postgres
from tests.ledger.worker import MERCHANTS, amount


def start(url: str, what: str, number: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.worker", url, what, str(number)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_workers_that_are_killed_book_everything_once(url):
    random = np.random.default_rng(7)
    store = open_store(url)
    books = Books(store)
    books.fund()
    workers = [start(url, "accrue", number) for number in range(4)]
    for worker in workers[:2]:
        time.sleep(float(random.uniform(0.4, 1.2)))
        worker.kill()
    for worker in workers[2:]:
        assert worker.wait() == 0, worker.stderr
    for worker in workers:
        worker.communicate()
    books.accrue(*(earned(f"M{n}", amount(n)) for n in range(MERCHANTS)))
    books.settle()
    kept = [books.has(f"M{n}") for n in range(MERCHANTS)]
    assert kept == [{"payable": amount(n)} for n in range(MERCHANTS)]
    assert books.posted("budget:consumed:F1:CNY") == sum(map(amount, range(MERCHANTS)))
    books.clean()
    store.close()


def test_eight_writers_spend_a_fund_to_the_last_unit_that_fits_and_no_further(url):
    store = open_store(url)
    books = Books(store)
    books.fund(amount=77 * 60 + 76)
    workers = [start(url, "spend", number) for number in range(8)]
    for worker in workers:
        _, said = worker.communicate()
        assert worker.returncode == 0, said
    assert books.posted("budget:available:F1:CNY") == 76
    assert books.posted("budget:consumed:F1:CNY") == 77 * 60
    books.clean()
    store.close()


def test_a_database_that_stops_at_once_in_the_middle_recovers():
    with postgres(settings=()) as server:  # with fsync: this is what it is for
        url = server.fresh("stopped")
        store = open_store(url)
        Books(store).fund()
        store.close()
        workers = [start(url, "accrue", number) for number in range(2)]
        time.sleep(1.5)
        server.stop("immediate")
        for worker in workers:
            worker.communicate()
        server.start()
        store = open_store(url)
        books = Books(store, people_there=True)
        books.clean()
        books.accrue(*(earned(f"M{n}", amount(n)) for n in range(MERCHANTS)))
        books.settle()
        assert [books.has(f"M{n}") for n in range(MERCHANTS)] == [
            {"payable": amount(n)} for n in range(MERCHANTS)
        ]
        books.clean()
        store.close()


@pytest.mark.parametrize("verb", ["accrue", "settle"])
def test_what_was_foreseen_is_looked_at_again_where_somebody_was_faster(books, monkeypatch, verb):
    """Another books the same between the look at a chunk and its transaction, for old claims and new ones."""
    books.fund()
    books.accrue(earned("M1", 100), earned("M2", 200))
    before = [earned("M1", 150), earned("M2", 200), earned("M3", 300), earned("M4", 50)]
    after = [earned("M1", 170), earned("M2", 200), earned("M3", 310), earned("M4", 50)]
    where = accrual if verb == "accrue" else settlement
    seen, faster = where.seen, [books.settle, lambda: books.accrue(*before)]
    if verb == "settle":
        books.accrue(*before)
        faster = [books.settle]

    def late(*arguments):
        found = seen(*arguments)
        while faster:
            faster.pop()()
        return found

    monkeypatch.setattr(where, "seen", late)
    books.accrue(*after)
    books.settle()
    assert not faster
    books.clean()
    assert books.has("M1") == {"payable": 170}
    assert books.has("M3") == {"payable": 310}
    assert books.has("M4") == {"payable": 50}
