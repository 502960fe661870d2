"""Times the ledger: accrue and settle of many merchants, the audit, one statement, on both databases.

python -m benchmarks.ledger [--merchants 100000] [--runs 3]

PostgreSQL is started in a temporary directory with the settings it ships with. Prints medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from cogrow.ledger.store.database import open_store
from tests.ledger.books import Books, earned
from tests.ledger.server import postgres


def once(url: str, merchants: int) -> dict[str, float]:
    """Return the seconds each part took on new books."""
    store = open_store(url)
    books = Books(store)
    books.fund(amount=10**14)
    rows = [earned(f"M{n:06d}", 1_000 + n % 997) for n in range(merchants)]
    found: dict[str, float] = {}

    def timed(name, work):
        start = time.perf_counter()
        result = work()
        found[name] = time.perf_counter() - start
        return result

    entries = timed("accrue", lambda: books.accrue(*rows)).entries
    entries += timed("settle", books.settle).entries
    found["accrue + settle"] = found["accrue"] + found["settle"]
    found["entries per second"] = entries / found["accrue + settle"]
    timed("accrue again", lambda: books.accrue(*rows))
    audited = timed("audit", books.audit)
    assert audited.clean
    found["audit of a million postings"] = found["audit"] * 1_000_000 / audited.postings
    timed("statement", lambda: books.statements("2026-10", f"M{merchants // 2:06d}"))
    store.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--merchants", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with TemporaryDirectory() as folder, postgres(settings=()) as server:
        for name in ("sqlite", "postgresql"):
            runs = []
            for run in range(given.runs):
                place = f"sqlite:///{Path(folder) / f'{run}.db'}"
                url = place if name == "sqlite" else server.fresh(f"bench{run}")
                runs.append(once(url, given.merchants))
            for part in runs[0]:
                value = statistics.median(run[part] for run in runs)
                print(f"{name:<11} {part:<28} {value:12.3f}", flush=True)


if __name__ == "__main__":
    main()
