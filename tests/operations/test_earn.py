"""What every merchant earned is written whole or not at all, and never over what it cannot replace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cogrow.engines.scans import rollups
from cogrow.errors import CogrowError, DataError, NotFound, ProgramError, message
from cogrow.operations.earn import Earned, earn, finished
from tests.house.tree import ROOT
from tests.operations.market import (
    DUAL,
    LIMITS,
    Market,
    market,
    program,
    quiet,
    sealed,
    unsealed,
)

FLAT = "reward: {flat: {amount: 1 CNY}}\n"


def earned(
    names: Sequence[Path], facts: Path, out: Path, *periods: str
) -> tuple[list[Earned], list[str]]:
    found, issues = earn(
        [str(name) for name in names], facts, periods or ["2025Q2"], out, LIMITS, quiet
    )
    return found, [issue.code for issue in issues]


def files(folder: Path) -> dict[str, bytes]:
    """Return everything under `folder`, hidden files too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def results(folder: Path) -> dict[str, bytes]:
    """Return what anyone who looks for results under `folder` finds."""
    return {name: content for name, content in files(folder).items() if name.endswith(".parquet")}


def amounts(path: Path) -> dict[str, int]:
    table = pq.read_table(path)
    return dict(
        zip(
            table.column("merchant_id").to_pylist(),
            table.column("amount_minor").to_pylist(),
            strict=True,
        )
    )


def test_one_row_for_every_merchant_whatever_it_earned(tmp_path):
    facts = sealed(tmp_path / "facts", market())
    found, codes = earned([program(tmp_path, DUAL)], facts, tmp_path / "out")
    path = tmp_path / "out" / "trial" / "2025Q2.parquet"
    assert [one.path for one in found] == [path]
    assert amounts(path) == {"m1": 3_600, "m2": 1_050, "m3": 0, "m4": 0}
    assert codes == ["PRG034"]
    reasons = dict(
        zip(
            *pq.read_table(path, columns=["merchant_id", "reason"]).to_pydict().values(),
            strict=True,
        )
    )
    assert reasons == {
        "m1": "paid",
        "m2": "paid",
        "m3": "gate_not_passed",
        "m4": "gate_not_passed",
    }


def test_the_summary_counts_what_the_rows_say(tmp_path):
    facts = sealed(tmp_path / "facts", market())
    found, _ = earned([program(tmp_path, DUAL)], facts, tmp_path / "out")
    summary = found[0].summary
    assert (summary.merchants, summary.taking_part, summary.paid) == (4, 2, 2)
    assert summary.amount_minor == 4_650
    assert [(tier.tier, tier.merchants) for tier in summary.tiers] == [("floor", 1), ("sprint", 1)]
    assert summary.as_json()["top"] == [
        {"merchant_id": "m1", "amount_minor": 3_600, "measured": 120_000, "baseline": 100_000},
        {"merchant_id": "m2", "amount_minor": 1_050, "measured": 105_000, "baseline": 100_000},
    ]


def test_an_average_is_summed_up_exactly(tmp_path):
    facts = sealed(tmp_path / "facts", market())
    terms = "reward: {retroactive: {pays_on: average_order, tiers: [{from: 500 CNY, rate: 1%}]}}\n"
    found, _ = earned([program(tmp_path, terms)], facts, tmp_path / "out")
    assert [(one["merchant_id"], one["measured"]) for one in found[0].summary.as_json()["top"]] == [
        ("m2", 105_000),
        ("m3", 70_000),
        ("m1", 62_525),
    ]


def test_equal_inputs_give_equal_bytes(tmp_path):
    rows = market()
    backwards = {name: list(reversed(table)) for name, table in rows.items()}
    first = sealed(tmp_path / "first", rows)
    second = sealed(tmp_path / "second", backwards)
    file = program(tmp_path, DUAL)
    earned([file], first, tmp_path / "a")
    earned([file], first, tmp_path / "b")
    earned([file], second, tmp_path / "c")
    assert files(tmp_path / "a") == files(tmp_path / "b")
    a, c = (pq.read_table(tmp_path / name / "trial" / "2025Q2.parquet") for name in ("a", "c"))
    assert a.equals(c)


#: Ends itself, as a power cut would, once the first of two programs is computed and written.
KILLED = """
import os, signal, sys
from pathlib import Path
from cogrow.operations.earn import earn
from tests.operations.market import LIMITS

def progress(label, done, total):
    if label.startswith("second") and done == 0:
        os.kill(os.getpid(), signal.SIGKILL)

earn(sys.argv[3:], Path(sys.argv[1]), ["2025Q2"], Path(sys.argv[2]), LIMITS, progress)
"""


def test_a_killed_run_leaves_earlier_results_and_no_half_written_file(tmp_path):
    facts, out = sealed(tmp_path / "facts", market()), tmp_path / "results" / "out"
    first, second = (program(tmp_path, FLAT, name) for name in ("first", "second"))
    earned([first], facts, out)
    before = results(out)
    program(tmp_path, FLAT.replace("1 CNY", "2 CNY"), "first")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, facts, out, first, second],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert results(out) == before
    assert amounts(out / "first" / "2025Q2.parquet") == dict.fromkeys(["m1", "m2", "m3", "m4"], 100)
    # What the killed run leaves behind is no result, and the next run is not in its way.
    left = files(out).keys() - before.keys()
    assert [name for name in left if not name.endswith(".partial")] == []
    earned([first, second], facts, out)
    assert amounts(out / "first" / "2025Q2.parquet") == dict.fromkeys(["m1", "m2", "m3", "m4"], 200)


@pytest.mark.parametrize(
    ("terms", "period", "error"),
    [
        ("reward: {flat: {amount: 1 EUR}}\n", "2025Q2", ProgramError),
        (FLAT, "2024Q2", NotFound),
        (DUAL, "2025Q4", DataError),
        (
            "gates: [merchants.fee > 0]\ncolumns: {merchants.fee: money}\n" + FLAT,
            "2025Q2",
            DataError,
        ),
    ],
    ids=["the program", "the period", "no facts", "a column"],
)
def test_an_error_leaves_outputs_untouched(tmp_path, terms, period, error):
    facts, out = sealed(tmp_path / "facts", market()), tmp_path / "results" / "out"
    good = program(tmp_path, FLAT, "good")
    earned([good], facts, out)
    before = files(tmp_path / "results")
    program(tmp_path, FLAT.replace("1 CNY", "2 CNY"), "good")
    with pytest.raises(error):
        earned([good, program(tmp_path, terms, "bad")], facts, out, period)
    assert files(tmp_path / "results") == before


def complaint(error: CogrowError) -> list[tuple[str, str]]:
    return [(issue.code, str(issue.what)) for issue in error.issues]


def test_a_period_without_facts_is_an_error(tmp_path):
    facts = sealed(tmp_path / "facts", market())
    with pytest.raises(DataError) as caught:
        earned(
            [program(tmp_path, DUAL.replace("baseline > 0", "orders >= 0"))],
            facts,
            tmp_path / "out",
            "2025Q4",
        )
    assert complaint(caught.value) == [("FCT104", "No fact of 2025Q4 counts for program trial.")]
    assert not (tmp_path / "out").exists()


def test_no_merchant_at_all_is_an_error(tmp_path):
    facts: Market = {**market(), "merchants": []}
    with pytest.raises(DataError) as caught:
        earned([program(tmp_path, FLAT)], sealed(tmp_path / "facts", facts), tmp_path / "out")
    assert complaint(caught.value) == [("FCT105", "The table `merchants` is empty.")]
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_seal_works_and_says_what_is_odd(tmp_path):
    rows = market()
    rows["order_lines"].append(dict(rows["order_lines"][0]))
    facts = unsealed(tmp_path / "facts", rows)
    before = files(facts)
    _, codes = earned([program(tmp_path, DUAL)], facts, tmp_path / "out")
    assert codes == ["PRG034", "FCT020"]
    assert amounts(tmp_path / "out" / "trial" / "2025Q2.parquet")["m1"] == 3_600
    assert files(facts) == before


@pytest.mark.parametrize("above", ["merchant_id=m2", "placed_at=2024-05-05"])
@pytest.mark.parametrize("written", [sealed, unsealed])
def test_what_a_folder_above_is_called_says_nothing_of_the_rows(
    tmp_path, above, written, monkeypatch
):
    monkeypatch.setattr(rollups, "FEWEST_ROWS", 0)
    for name in ("plain", above):
        (tmp_path / name).mkdir()
        facts = written(tmp_path / name / "facts", market())
        earned([program(tmp_path, DUAL)], facts, tmp_path / name / "out")
    plain, other = (files(tmp_path / name / "out") for name in ("plain", above))
    assert plain == other
    assert amounts(tmp_path / above / "out" / "trial" / "2025Q2.parquet")["m1"] == 3_600


def test_a_file_changed_since_the_seal_is_refused(tmp_path):
    facts = sealed(tmp_path / "facts", market())
    path = facts / "refunds" / "part-0.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(DataError) as caught:
        earned([program(tmp_path, DUAL)], facts, tmp_path / "out")
    assert [code for code, _ in complaint(caught.value)] == ["FCT030"]
    assert not (tmp_path / "out").exists()


def test_a_result_is_finished_while_the_next_is_computed():
    begun, done = threading.Event(), []

    def computed():
        yield "first"
        begun.set()
        yield "second"

    def finish(one):
        assert begun.wait(60), "the next is computed only after this"
        done.append(one)
        return one.upper()

    assert list(finished(nullcontext((None, computed())), finish)) == ["FIRST", "SECOND"]
    assert done == ["first", "second"]


def test_what_cannot_be_finished_ends_the_run():
    asked = []

    def computed():
        for one in range(9):
            asked.append(one)
            yield one

    def finish(one):
        raise DataError(message(f"{one} is too much"), [])

    with pytest.raises(DataError, match="0 is too much"):
        list(finished(nullcontext((None, computed())), finish))
    assert asked == [0, 1]


def test_a_header_alone_says_that_there_are_no_refunds(tmp_path):
    """The hint about a table that lacks tells what does: its file as the hint gives it is enough."""
    facts = {name: rows for name, rows in market().items() if name != "refunds"}
    folder, terms = unsealed(tmp_path / "facts", facts), program(tmp_path, DUAL)
    with pytest.raises(DataError) as caught:
        earned([terms], folder, tmp_path / "out")
    (issue,) = caught.value.issues
    assert (issue.code, str(issue.what)) == ("FCT101", "The program needs the table `refunds`.")
    said, _, header = str(issue.hint).rpartition(" ")
    assert said.endswith("refunds.csv with nothing but its header,")
    (folder / "refunds.csv").write_text(header.removesuffix(".") + "\n", encoding="utf-8")
    (one,), _ = earned([terms], folder, tmp_path / "out")
    assert one.path.is_file()
