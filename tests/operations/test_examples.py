"""`cogrow test`: an example inside a program is computed by the engine, and a wrong one is caught."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cogrow.errors import ProgramError
from cogrow.operations.worked.examples import Outcome, run_examples
from tests.operations.market import DUAL, LIMITS, program

COGROW = Path(sys.executable).parent / "cogrow"

VALUES = """\
examples:
  - it: the sprint
    given: {baseline: 1_000, net_sales: 1_200}
    pays: 36
  - it: one fen below the floor
    given: {baseline: 1_000, net_sales: 1_049.99}
    pays: 0
"""

FACTS = """\
examples:
  - it: a return counts on its own day
    given:
      order_lines:
        - {paid: 1_000, placed_at: 2024-02-10}
        - {paid: 1_300, placed_at: 2025-02-10}
      refunds:
        - {refunded: 100, order_id: order_id-2, refunded_at: 2025-03-31 23:59:59}
        - {refunded: 900, order_id: order_id-2, refunded_at: 2025-04-01 00:00:00}
    pays: 36
"""


def outcomes(folder: Path, terms: str) -> list[Outcome]:
    return run_examples([str(program(folder, terms))], LIMITS)[0]


@pytest.mark.parametrize(("examples", "paid"), [(VALUES, [3_600, 0]), (FACTS, [3_600])])
def test_examples_pay_what_the_engine_says(tmp_path, examples, paid):
    found = outcomes(tmp_path, DUAL + examples)
    assert [one.paid for one in found] == paid
    assert all(one.passed for one in found)


@pytest.mark.parametrize("examples", [VALUES, FACTS])
def test_an_example_that_pays_something_else_fails(tmp_path, examples):
    found = outcomes(tmp_path, DUAL + examples.replace("pays: 36", "pays: 36.01"))
    assert [one.passed for one in found][0] is False
    assert (found[0].paid, found[0].example.pays) == (3_600, 3_601)


def test_a_mismatch_ends_with_2_and_names_its_line(tmp_path):
    file = program(tmp_path, DUAL + VALUES.replace("pays: 36", "pays: 37"))
    done = subprocess.run([COGROW, "test", file], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    line = (DUAL + VALUES)[: (DUAL + VALUES).index("- it: the sprint")].count("\n") + 7
    assert done.stdout.splitlines() == [
        f"✗ trial: the sprint should pay 37.00 CNY, but pays 36.00 CNY. ({file}:{line}:5)",
        "✓ trial: one fen below the floor → 0.00 CNY",
        "1 examples passed, 1 failed.",
    ]
    done = subprocess.run(
        [COGROW, "test", file, "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert [one["passed"] for one in json.loads(done.stdout)] == [False, True]


def test_examples_that_agree_end_with_0(tmp_path):
    file = program(tmp_path, DUAL + VALUES)
    done = subprocess.run([COGROW, "test", file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("given", "issues"),
    [
        ("{baseline: 1_000}", [("PRG039", "The example does not give net_sales.")]),
        (
            "{baseline: 1_000, net_sale: 1}",
            [
                ("PRG037", "`net_sale` is not a metric of this program."),
                ("PRG039", "The example does not give net_sales."),
            ],
        ),
        (
            "{baseline: 1_000, net_sales: 1.001}",
            [
                ("PRG038", "1.001 is not a whole number of the smallest unit of CNY."),
                ("PRG039", "The example does not give net_sales."),
            ],
        ),
        (
            "{order_line: [{paid: 1}]}",
            [("PRG040", "There is no table of facts called `order_line`.")],
        ),
        ("{order_lines: [{payd: 1}]}", [("PRG040", "`payd` is not known here.")]),
        ("{order_lines: [{paid: much}]}", [("PRG040", "'much' is not money.")]),
        ("{order_lines: {paid: 1}}", [("PRG040", "Write a list of rows.")]),
    ],
)
def test_what_an_example_gives_wrong_is_an_issue(tmp_path, given, issues):
    terms = DUAL + f"examples:\n  - it: is wrong\n    given: {given}\n    pays: 0\n"
    with pytest.raises(ProgramError) as caught:
        outcomes(tmp_path, terms)
    assert [(one.code, str(one.what)) for one in caught.value.issues] == issues
    assert {one.where.line for one in caught.value.issues} == {terms.count("\n") + 6 - 1}
