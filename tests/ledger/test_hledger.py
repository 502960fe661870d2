"""The export read by hledger itself, where the machine has it: the same balances, to the last unit."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from cogrow.ledger.payouts import pay as paying
from cogrow.ledger.reports import export
from cogrow.money import EXPONENTS
from tests.ledger.books import act, earned
from tests.ledger.fake_rail import FakeRail

HLEDGER = shutil.which("hledger")
pytestmark = pytest.mark.skipif(HLEDGER is None, reason="this machine has no hledger")


def hledger(journal: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run hledger over a journal; an account of ours is named with its currency, so it has one amount."""
    file = folder / "books.journal"
    file.write_text(journal, encoding="utf-8")
    return subprocess.run(
        [str(HLEDGER), "-f", str(file), *words],
        capture_output=True,
        text=True,
        check=False,
        env={"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": str(folder)},
    )


def balances(journal: str, folder: Path) -> dict[str, Fraction]:
    """Return what hledger says every account has."""
    done = hledger(journal, folder, "balance", "--flat", "--no-total", "--empty", "-O", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.reader(io.StringIO(done.stdout)))[1:]
    return {name: Fraction(amount.split(" ")[0]) for name, amount in rows}


@pytest.fixture
def lived(books):
    """Return books with a bit of everything: a partner, a failed payout, a restatement, odd names."""
    books.fund(funder="Zhū & Söhne")
    books.fund("F2", 50_000)
    books.accrue(*(earned(f"商家 {n}", 700 + n) for n in range(1, 7)))
    books.accrue(earned("M:1", 300, program="OLD", matures_on=date(2027, 1, 1)))
    books.settle()
    books.convert("C1", "商家 3", 500)
    books.home("商家 1", "商家 2")
    books.approve(books.propose("P1"))
    paying.pay(books.store, "P1", FakeRail({"商家 2": "fail"}), act())
    books.accrue(*(earned(f"商家 {n}", 600 + n) for n in range(1, 7)), day=date(2026, 10, 20))
    return books


def test_hledger_adds_up_to_the_same_balances(lived, tmp_path):
    with lived.store.read() as connection:
        journal = "".join(export.hledger(connection))
    kept = {
        code: Fraction(n, 10 ** EXPONENTS[code.rpartition(":")[2]])
        for code, n in lived.balances().items()
    }
    assert balances(journal, tmp_path) == kept
    wrong = journal.replace(
        "    liab:accrued:商家 1:CNY  -7.01", "    liab:accrued:商家 1:CNY  -7.02"
    )
    assert wrong != journal
    assert hledger(wrong, tmp_path, "balance").returncode != 0, "what does not balance is refused"
