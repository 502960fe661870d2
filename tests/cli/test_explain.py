"""explain shows what was paid one by one, the visits, and the rows that do not count, with their reasons."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cogrow.cli.show.explained import BOUND, WHY
from cogrow.engines.rejected import REASONS
from cogrow.operations.explanation.things import GRAIN_WORDS
from cogrow.programs.grain import GRAINS
from tests.cli.door import cogrow


def paid(program: str, facts: Path, period: str, out: Path) -> list[str]:
    """Return the merchants a program pays, most first."""
    said = cogrow("earn", program, "--facts", facts, "--period", period, "--out", out)
    assert said.code == 0, said.err
    rows = pq.read_table(out / program / f"{period}.parquet").to_pylist()
    found = sorted(rows, key=lambda row: -row["amount_minor"])
    return [row["merchant_id"] for row in found if row["amount_minor"]]


def test_everything_that_can_be_said_has_words():
    assert GRAIN_WORDS.keys() == GRAINS.keys()
    assert WHY.keys() == set(REASONS)
    coarser = {f"per_{name}" for grain in GRAINS.values() for name in grain.within}
    assert BOUND.keys() == {"first", "each", "at_least"} | coarser


def test_what_is_paid_one_by_one_is_a_table(facts, tmp_path):
    where = ("--facts", facts, "--period", "2025Q2")
    merchant, *_ = paid("beauty-members", facts, "2025Q2", tmp_path)
    said = cogrow("explain", "beauty-members", merchant, *where, "--earnings", tmp_path)
    assert said.code == 0, said.err
    assert "share pays for each buyer where orders >= 2" in said.out
    (head,) = [line for line in said.out.splitlines() if "net_sales  condition" in line]
    assert head.split()[0] == "buyer_id"
    assert head.rstrip().endswith("exact  earned  amount  bound by")
    whole = cogrow("explain", "beauty-members", merchant, *where, "--json").json
    amounts = [thing["amount_minor"] for thing in whole["things"]["share"]]
    (share,) = [row for row in whole["earnings"] if row["component"] == "share"]
    assert sum(amounts) == share["earned_minor"] > 0


@pytest.mark.parametrize("merchant", ["M0000000", "M0000001", "M0000002"])
def test_rows_that_do_not_count_are_listed_with_every_reason(facts, merchant):
    command = ("explain", "apparel-sprint-rebate", merchant, "--facts", facts)
    rest = ("--period", "2025Q2", "--rejected")
    said, found = cogrow(*command, *rest), cogrow(*command, *rest, "--json").json
    assert said.code == 0, said.err
    rows = 0
    for table in found["rejected"]:
        rows += len(table["rows"])
        counted: dict[tuple[str, str], int] = {}
        for row in table["rows"]:
            assert row["why"]
            for why in row["why"]:
                key = why["reason"], why["text"]
                counted[key] = counted.get(key, 0) + 1
        assert {(one["reason"], one["text"]): one["rows"] for one in table["reasons"]} == counted
        if table["rows"]:
            assert (
                f"{table['table']} about 2025Q2 that do not count: {len(table['rows'])}" in said.out
            )
    assert rows or "No row about 2025Q2 is kept from counting by the terms." in said.out


def test_a_plan_is_run_for_everybody(facts):
    said = cogrow("explain", "beauty-members", "M0000000", "--plan", "--facts", facts)
    assert said.code == 2
    assert "--plan runs the plan for every merchant; name none." in said.err


def test_a_plan_is_run_beside_the_programs_it_is_stacked_with(facts):
    where = ("--plan", "--facts", facts, "--period", "2025Q2", "--json")
    said = cogrow("explain", "beauty-offsite-match", *where)
    assert said.code == 0, said.out
    assert {step["program"] for step in said.json} >= {"beauty-offsite-match"}
