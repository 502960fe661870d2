"""Killed at any step, the work done again ends with every amount exact, and nothing paid twice."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.house.tree import ROOT
from tests.ledger.books import Books
from tests.ledger.killed import AMOUNT, PER_K, month

#: The suite kills at every n-th step; with COGROW_SOAK, at every one.
EVERY = 1 if os.environ.get("COGROW_SOAK") else 29


def test_every_kill_is_survived(url, store, tmp_path):
    rail = tmp_path / "rail"
    rail.mkdir()
    books = Books(store)
    books.fund(amount=10**9, day=month(1))
    done = subprocess.run(
        [sys.executable, "-m", "tests.ledger.killed", url, str(rail), "1", str(EVERY)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kills, last = map(int, done.stdout.split())
    assert kills == (last - 1) // EVERY
    assert last > 150, "the work has fewer steps than it must have"
    runs = kills + 1
    books.clean()
    paid = [path.read_text(encoding="utf-8").splitlines() for path in rail.iterdir()]
    assert len(paid) == runs * PER_K
    assert all(len(lines) == 1 for lines in paid), "paid twice"
    assert books.posted("asset:bank:CNY") == -AMOUNT * PER_K * runs
    assert books.posted("budget:consumed:F1:CNY") == AMOUNT * PER_K * runs
    left = {code: n for code, n in books.balances().items() if n and "K" in code}
    assert left == {}
