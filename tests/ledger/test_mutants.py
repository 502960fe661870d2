"""Each mutant can be planted, and the documentation names it with the test that sees it."""

from __future__ import annotations

import pytest

from tests.house.tree import ROOT
from tests.ledger.mutants import Mutant, mutants

PAGE = ROOT / "docs" / "explanation" / "the-ledger.md"


@pytest.mark.parametrize("mutant", mutants(), ids=lambda mutant: mutant.what)
def test_what_it_changes_stands_there_once(mutant: Mutant) -> None:
    text = (ROOT / "src" / "cogrow" / "ledger" / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.right) == 1
    file = mutant.test.partition(" -k ")[0]
    assert (ROOT / "tests" / "ledger" / file).is_file()


def test_the_page_lists_them_all() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "`ledger/" in line]
    assert rows == [mutant.row() for mutant in mutants()]
