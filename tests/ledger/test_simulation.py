"""Two hundred lives of the books, in parts, so that workers share them; the failing seed is the test's."""

from __future__ import annotations

import pytest

from tests.ledger.simulation import live

SEEDS, PARTS = 200, 10


@pytest.mark.parametrize("part", range(PARTS))
def test_every_life_adds_up(empty_file, part):
    for seed in range(part, SEEDS, PARTS):
        try:
            live(empty_file, seed)
        except AssertionError as error:
            raise AssertionError(
                f"seed {seed}: python -m tests.ledger.simulation 1 {seed}"
            ) from error
