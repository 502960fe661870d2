"""What a sound program would do that nobody can have meant is told with its place, and nothing else is.

Each file of `warned/` begins with one comment line per warning: `# expect: CODE LINE:COLUMN sentence`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cogrow.errors import Severity
from cogrow.programs.parse import parse, parse_file
from tests.house.tree import ROOT
from tests.programs.test_broken import expected

FILES = sorted((Path(__file__).parent / "warned").glob("*.yaml"))
#: Programs that mean what they say.
SOUND = sorted(
    [
        *(ROOT / "src/cogrow/programs/library").rglob("*.yaml"),
        *(ROOT / "tests/cases").glob("*.yaml"),
    ]
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_program_is_warned_of_with_its_place(path):
    parsed = parse_file(path)
    told = [
        (issue.code, issue.where.line, issue.where.column, issue.text().rpartition(" (")[0])
        for issue in parsed.issues
    ]
    assert told == expected(path.read_text(encoding="utf-8"))
    assert parsed.program is not None
    assert {issue.severity for issue in parsed.issues} == {Severity.WARNING}


@pytest.mark.parametrize("path", SOUND, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_program_that_means_what_it_says_is_not_warned_of(path):
    codes = {issue.code for issue in parse_file(path).issues}
    assert codes <= {"PRG033", "PRG034"}


HEAD = """\
program: x-one
title: {zh: 例, en: Example}
direction: commission
currency: CNY
gates: [baseline > 0, rating >= 4]
period: {from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}
qualifying: {order_lines: all}
baseline: net_sales of the same quarter last year
examples: [{it: nothing, given: {baseline: 1_000, net_sales: 0, gmv: 0}, pays: 0}]
"""


@pytest.mark.parametrize(
    "body",
    [
        # Imported targets may stand in any order; nobody knows.
        "reward: {step: {qualifies_on: net_sales, tiers: "
        "[{from: targets.floor, amount: 1}, {from: targets.sprint, amount: 2}]}}",
        # The first tier says that nothing is paid up to the second.
        "reward: {graduated: {pays_on: net_sales, tiers: [{from: 0, rate: 0%}, {from: 9, rate: 1%}]}}",
        # Whether the second tier is reached depends on another metric.
        "reward: {retroactive: {qualifies_on: 'least(net_sales, gmv)', pays_on: net_sales, "
        "tiers: [{from: 1, rate: 1%}, {from: 9, rate: 2%}]}}",
        # The same start, but the second asks for more.
        "reward: {retroactive: {pays_on: net_sales, tiers: "
        "[{from: 9, rate: 1%}, {from: 9, when: orders >= 3, rate: 2%}]}}",
        # The same rate, for merchants the first tier is too high for.
        "reward: {retroactive: {pays_on: net_sales, tiers: "
        "[{from: 9, when: orders >= 3, rate: 1%}, {from: 20, rate: 1%}]}}",
        # Fewer late shipments, more money.
        "reward: {step: {qualifies_on: 0 - late_rate, tiers: "
        "[{from: 0 - 5%, amount: 10}, {from: 0 - 1%, amount: 20}]}}",
        # The cap binds, the minimum can be reached.
        "reward: {match: {pays_on: ad_spend, rate: 50%, limit: 80 CNY}}\n"
        "limits: {per_merchant: 80 CNY, minimum: 80 CNY}",
        # A fund that holds what one merchant may earn, and refunds that are waited for.
        "reward: {flat: {amount: 100}}\nfund: {id: some, amount: 100 CNY}\n"
        "refunds: {dated_by: order, within: 30 days}\nsettle: {maturity: 30 days}",
        # Refunds that play no part.
        "reward: {rate: {pays_on: gmv, rate: 1%}}\nsettle: {pay: cash}\nbaseline: 100",
        "reward: {rate: {pays_on: gmv, rate: 1%}}\nstacking: {best_of: [x-one, x-two]}",
    ],
)
def test_what_may_well_be_meant_is_not_warned_of(body):
    text = (
        HEAD.replace("baseline: net_sales of the same quarter last year\n", "")
        if "\nbaseline" in body
        else HEAD
    )
    assert [issue.text() for issue in parse(f"{text}{body}\n".encode(), "x.yaml").issues] == []


@pytest.mark.parametrize(
    ("first", "until", "every"),
    [
        ("2025-01-01", "2026-01-01", "quarter"),
        ("2025-01-01", "2025-11-30", "quarter"),  # a quarter of two months and 29 days is no slip
        ("2025-12-15", "2025-12-31", "month"),
        ("2025-06-01", "2025-06-20", "once"),
    ],
)
def test_an_end_that_cuts_a_period_on_purpose_is_let_be(first, until, every):
    text = (FILES[0].parent / "until-the-last-day-once.yaml").read_text(encoding="utf-8")
    days = f"from: {first}, until: {until}, every: {every}"
    changed = text.replace("from: 2025-06-01, until: 2025-06-30, every: once", days)
    assert changed != text
    assert parse(changed.encode(), "short.yaml").issues == ()
