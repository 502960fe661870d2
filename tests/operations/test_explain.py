"""Why a merchant earned what it earned: a sentence per step, and rows that add up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cogrow.engines.compile import compile_plan
from cogrow.errors import InvariantBroken, NotFound
from cogrow.operations.choose import one_program
from cogrow.operations.earn import earn
from cogrow.operations.explain import Explained, check_sums, explain
from cogrow.period import parse_period
from tests.operations.market import DUAL, LIMITS, market, program, quiet, seal_of, sealed

GATED = DUAL.replace("baseline > 0", "rating >= 4.6")
CHOSEN = "merchants: category = 'apparel' and brand_score >= 70\n" + DUAL

SEVERAL = """\
reward:
  - name: ladder
    step:
      qualifies_on: net_sales
      tiers: [{from: 1_000 CNY, amount: 10 CNY}, {from: 2_000 CNY, amount: 50 CNY}]
  - {name: per_order, when: orders >= 2, rate: {pays_on: orders, rate: 0.50 CNY}}
  - {name: start, flat: {amount: 5 CNY}}
"""

SLICES = """\
reward:
  graduated:
    pays_on: net_sales
    tiers:
      - {from: 0 CNY, rate: 1%}
      - {from: 500 CNY, rate: 2%}
      - {from: 1_000 CNY, rate: 3%}
      - {from: 5_000 CNY, rate: 4%}
"""

ABOVE = """\
gates: [baseline > 0]
baseline: net_sales of the same quarter last year
reward: {growth: {pays_on: net_sales, tiers: [{from: 110% of baseline, rate: 3.333%}]}}
"""

TARGETS = [
    "The baseline is 1,000.00: net_sales of the same quarter last year (2024Q2).",
    "The target floor is 1,050.00: 105% of baseline.",
    "The target sprint is 1,200.00: 120% of baseline.",
]
REACHED = [
    "m1 may take part, as every merchant may.",
    "net_sales in 2025Q2 is 1,200.00: sum(paid) - sum(refunded).",
    *TARGETS,
    "The gate baseline > 0 is passed (baseline 1,000.00).",
    "net_sales (1,200.00) reaches tier 2 of 2, which begins at 1,200.00 (sprint).",
    "retroactive: 3% of net_sales (1,200.00) is 36.00.",
]


def told(folder: Path, terms: str, merchant: str, *, rows: bool = False) -> Explained:
    facts = sealed(folder / "facts", market())
    file = str(program(folder, terms))
    return explain(file, merchant, facts, "2025Q2", rows=rows, limits=LIMITS, progress=quiet)


@pytest.mark.parametrize(
    ("terms", "merchant", "sentences"),
    [
        pytest.param(DUAL, "m1", [*REACHED, "m1 earns 36.00 CNY for 2025Q2."], id="paid"),
        pytest.param(
            DUAL + "limits: {per_merchant: 30 CNY}\n",
            "m1",
            [
                *REACHED,
                "36.00 is above the cap of 30.00 per merchant; the cap is left.",
                "m1 earns 30.00 CNY for 2025Q2.",
            ],
            id="capped",
        ),
        pytest.param(
            DUAL + "limits: {minimum: 36.01 CNY}\n",
            "m1",
            [
                *REACHED,
                "36.00 is below the minimum payout of 36.01, so nothing is paid.",
                "m1 earns 0.00 CNY for 2025Q2.",
            ],
            id="below the minimum",
        ),
        pytest.param(
            DUAL,
            "m2",
            [
                "m2 may take part, as every merchant may.",
                "net_sales in 2025Q2 is 1,050.00: sum(paid) - sum(refunded).",
                *TARGETS,
                "The gate baseline > 0 is passed (baseline 1,000.00).",
                "net_sales (1,050.00) reaches tier 1 of 2, which begins at 1,050.00 (floor).",
                "150.00 more would reach the next tier, 1,200.00 (sprint).",
                "retroactive: 1% of net_sales (1,050.00) is 10.50.",
                "m2 earns 10.50 CNY for 2025Q2.",
            ],
            id="exactly at the floor",
        ),
        pytest.param(
            DUAL.replace("105%", "105.001%"),
            "m2",
            [
                "m2 may take part, as every merchant may.",
                "net_sales in 2025Q2 is 1,050.00: sum(paid) - sum(refunded).",
                TARGETS[0],
                "The target floor is 1,050.01: 105.001% of baseline.",
                TARGETS[2],
                "The gate baseline > 0 is passed (baseline 1,000.00).",
                "net_sales (1,050.00) is 0.01 below the first tier, 1,050.01 (floor).",
                "retroactive: no tier is reached, so nothing is earned.",
                "m2 earns 0.00 CNY for 2025Q2.",
            ],
            id="below the floor",
        ),
        pytest.param(
            GATED,
            "m2",
            [
                "m2 may take part, as every merchant may.",
                "net_sales in 2025Q2 is 1,050.00: sum(paid) - sum(refunded).",
                "rating in 2025Q2 is 4.2: average(rating).",
                *TARGETS,
                "The gate rating >= 4.6 is not passed (rating 4.2): 0.4 too little.",
                "A gate is not passed, so nothing is earned, whatever follows would come to.",
                "net_sales (1,050.00) reaches tier 1 of 2, which begins at 1,050.00 (floor).",
                "150.00 more would reach the next tier, 1,200.00 (sprint).",
                "retroactive: 1% of net_sales (1,050.00) is 10.50.",
                "m2 earns 0.00 CNY for 2025Q2.",
            ],
            id="a gate is not passed",
        ),
        pytest.param(
            CHOSEN,
            "m3",
            [
                "m3 may not take part: category = 'apparel' and brand_score >= 70.",
                "Not met: category = 'apparel' (category beauty).",
                "Not met: brand_score >= 70 (brand_score unknown).",
                "m3 earns 0.00 CNY for 2025Q2.",
            ],
            id="not eligible",
        ),
        pytest.param(
            SEVERAL,
            "m1",
            [
                "m1 may take part, as every merchant may.",
                "net_sales in 2025Q2 is 1,200.00: sum(paid) - sum(refunded).",
                "orders in 2025Q2 is 2: count(orders).",
                "net_sales (1,200.00) reaches tier 1 of 2, which begins at 1,000.00.",
                "800.00 more would reach the next tier, 2,000.00.",
                "ladder: tier 1 pays a fixed amount, 10.00.",
                "per_order: 0.50 CNY for each of orders (2) is 1.00.",
                "start: a fixed amount, 5.00.",
                "m1 earns 16.00 CNY for 2025Q2.",
            ],
            id="several components",
        ),
        pytest.param(
            SEVERAL,
            "m3",
            [
                "m3 may take part, as every merchant may.",
                "net_sales in 2025Q2 is 700.00: sum(paid) - sum(refunded).",
                "orders in 2025Q2 is 1: count(orders).",
                "net_sales (700.00) is 300.00 below the first tier, 1,000.00.",
                "ladder: no tier is reached, so nothing is earned.",
                "per_order pays only when orders >= 2, which does not hold (orders 1).",
                "start: a fixed amount, 5.00.",
                "m3 earns 5.00 CNY for 2025Q2.",
            ],
            id="a condition does not hold",
        ),
        pytest.param(
            SLICES,
            "m1",
            [
                "m1 may take part, as every merchant may.",
                "net_sales in 2025Q2 is 1,200.00: sum(paid) - sum(refunded).",
                "net_sales (1,200.00) reaches tier 3 of 4, which begins at 1,000.00.",
                "3,800.00 more would reach the next tier, 5,000.00.",
                "The slice from 0.00 is 500.00, at 1%: 5.00.",
                "The slice from 500.00 is 500.00, at 2%: 10.00.",
                "The slice from 1,000.00 is 200.00, at 3%: 6.00.",
                "graduated: the slices together come to 21.00.",
                "m1 earns 21.00 CNY for 2025Q2.",
            ],
            id="graduated",
        ),
        pytest.param(
            ABOVE,
            "m1",
            [
                *REACHED[:2],
                TARGETS[0],
                "The gate baseline > 0 is passed (baseline 1,000.00).",
                "net_sales (1,200.00) reaches tier 1 of 1, which begins at 1,100.00"
                " (110% of baseline).",
                "growth: net_sales (1,200.00) less baseline (1,000.00) is 200.00; 3.333% of that is"
                " 6.666, rounded half up to 6.67.",
                "m1 earns 6.67 CNY for 2025Q2.",
            ],
            id="growth, rounded",
        ),
    ],
)
def test_each_step_is_a_sentence_with_its_numbers(tmp_path, terms, merchant, sentences):
    found = told(tmp_path, terms, merchant)
    assert [str(sentence.says) for sentence in found.sentences] == sentences


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ("rating >= 4.6", "(rating unknown)."),
        ("baseline > 0", "(baseline 0.00)."),
        ("net_sales <= 500", "(net_sales 700.00): 200.00 too much."),
        ("1_000 <= net_sales", "(net_sales 700.00): 300.00 too little."),
        ("net_sales = 500", "(net_sales 700.00)."),
        ("orders >= 2 and net_sales > 0", "(orders 1, net_sales 700.00)."),
    ],
)
def test_a_gate_says_what_was_found_and_what_is_missing(tmp_path, gate, says):
    terms = DUAL.replace("baseline > 0", gate)
    found = told(tmp_path, terms, "m3")
    said, nothing = [str(s.says) for s in found.sentences if s.step == "gates"]
    assert nothing.startswith("A gate is not passed")
    assert [said] == [f"The gate {gate} is not passed {says}"]


def test_the_rows_behind_each_value_add_up_to_it(tmp_path):
    found = told(tmp_path, DUAL, "m1", rows=True)
    listed = {
        (one.table, one.period.name): one.rows.select([one.adds[0].column]).to_pydict()
        for one in found.listed
    }
    assert {key: list(next(iter(rows.values()))) for key, rows in listed.items()} == {
        ("order_lines", "2025Q2"): [70_000, 30_050, 25_000],
        ("order_lines", "2024Q2"): [100_000],
        ("refunds", "2025Q2"): [5_050],
        ("refunds", "2024Q2"): [],
    }
    assert found.earnings[0]["measured_net_sales"] == 70_000 + 30_050 + 25_000 - 5_050


@pytest.mark.parametrize(
    "metric",
    [
        "sum(paid * 0.5) - sum(refunded) / 3",
        "average(paid)",
        "max(paid) - min(paid)",
        "count(orders) + count_distinct(buyer_id)",
        "sum(quantity where line_no = 1)",
    ],
)
def test_the_rows_add_up_whatever_is_measured(tmp_path, metric):
    terms = f"metrics: {{own: {metric}}}\ngates: [own > 0]\nreward: {{flat: {{amount: 1 CNY}}}}\n"
    for merchant in ("m1", "m2", "m3", "m4"):
        assert told(tmp_path, terms, merchant, rows=True).listed


def test_a_listing_that_does_not_add_up_is_our_fault(tmp_path):
    facts = seal_of(tmp_path / "facts", market())
    found = told(tmp_path, DUAL, "m1", rows=True)
    chosen = one_program(str(tmp_path / "trial.yaml"))
    plan = compile_plan(chosen, chosen.period(parse_period("2025Q2")), facts)
    check_sums(plan, found.earnings[0], found.listed)

    def raised(rows: pa.Table) -> pa.Table:
        column = found.listed[0].adds[0].column
        position = rows.column_names.index(column)
        amounts = rows.column(column).to_pylist()
        one_more = pa.array([amounts[0] + 1, *amounts[1:]], rows.column(column).type)
        return rows.set_column(position, column, one_more)

    first, *others = found.listed
    assert (first.table, first.period.name) == ("order_lines", "2025Q2")
    for tampered in (raised(first.rows), first.rows.slice(1)):
        with pytest.raises(InvariantBroken, match="The rows behind net_sales make"):
            check_sums(plan, found.earnings[0], (replace(first, rows=tampered), *others))


@pytest.mark.parametrize(
    ("merchant", "period", "says"),
    [
        ("m9", "2025Q2", "There is no merchant m9 in the facts."),
        ("m1", "2024Q2", "Program trial has no period 2024Q2; it has 2025Q1, 2025Q2"),
        ("m1", None, "Program trial has 4 periods; say which, e.g. --period 2025Q1."),
    ],
)
def test_what_is_not_there_is_said(tmp_path, merchant, period, says):
    facts = sealed(tmp_path / "facts", market())
    file = str(program(tmp_path, DUAL))
    with pytest.raises(NotFound, match=says):
        explain(file, merchant, facts, period, rows=False, limits=LIMITS, progress=quiet)


def test_a_derivation_is_plain_data_too(tmp_path):
    found = told(tmp_path, DUAL, "m1", rows=True)
    plain = found.as_json(str)
    assert plain["merchant_id"] == "m1"
    assert plain["earnings"][0]["amount_minor"] == 3_600
    assert "rejected" not in plain
    assert plain["steps"][1] == {
        "step": "measured",
        "says": "net_sales in 2025Q2 is 1,200.00: sum(paid) - sum(refunded).",
        "name": "net_sales",
        "value": 120_000,
        "unit": "money",
        "days": [{"from": "2025-04-01", "until": "2025-07-01"}],
    }
    assert [len(one["rows"]) for one in plain["rows"]] == [3, 1, 1, 0]


def explained(folder: Path, facts: Path, earnings: Path | None) -> Explained:
    file = str(folder / "trial.yaml")
    return explain(
        file, "m1", facts, "2025Q2", rows=False, limits=LIMITS, progress=quiet, earnings=earnings
    )


def told_from(folder: Path, spoil: Callable[[Path, Path], None]) -> tuple[Explained, Explained]:
    """Return what is explained after `spoil` had its way with the results and facts: with the results
    at hand, and without.
    """
    facts, out = sealed(folder / "facts", market()), folder / "out"
    earn([str(program(folder, DUAL))], facts, ["2025Q2"], out, LIMITS, quiet)
    spoil(out / "trial" / "2025Q2.parquet", facts)
    return explained(folder, facts, out), explained(folder, facts, None)


def paid_ten(path: Path, facts: Path) -> None:
    table = pq.read_table(path)
    amounts = pa.array([1_000] * table.num_rows, table["amount_minor"].type)
    position = table.column_names.index("amount_minor")
    changed = table.set_column(position, "amount_minor", amounts)
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)


def test_figures_are_read_from_what_was_earned(tmp_path):
    read, computed = told_from(tmp_path, paid_ten)
    assert (read.earnings[0]["amount_minor"], computed.earnings[0]["amount_minor"]) == (
        1_000,
        3_600,
    )


def other_facts(path: Path, facts: Path) -> None:
    paid_ten(path, facts)
    rows = market()
    rows["refunds"][0]["refunded_minor"] = 50
    sealed(facts, rows)


def other_terms(path: Path, facts: Path) -> None:
    paid_ten(path, facts)
    program(facts.parent, DUAL + "limits: {per_merchant: 20 CNY}\n")


def no_parquet(path: Path, facts: Path) -> None:
    path.write_bytes(b"PAR1 and no more")


@pytest.mark.parametrize("spoil", [other_facts, other_terms, no_parquet])
def test_figures_of_other_facts_or_terms_are_computed_again(tmp_path, spoil):
    read, computed = told_from(tmp_path, spoil)
    assert read.earnings == computed.earnings
    assert [str(s.says) for s in read.sentences] == [str(s.says) for s in computed.sentences]
