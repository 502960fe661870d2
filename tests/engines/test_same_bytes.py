"""The same facts give the same bytes, whatever the order of their rows, their files and the threads."""

from __future__ import annotations

import random
import shutil
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cogrow.embedded import Limits
from cogrow.engines.compile import compile_plan
from cogrow.engines.duckdb import open_engine
from cogrow.programs.program import Program
from tests.agreement import agree, declared_by, program_of
from tests.engines.test_agreement import Q2, QUARTERS
from tests.fact_files import Facts, Row, write
from tests.strategies import HEAD, INSIDE

PROGRAM = program_of(
    HEAD
    + f"period: {QUARTERS}\n"
    + """
merchants: category <> 'bags'
gates: [orders >= 1]
qualifying: {order_lines: products.category <> 'bags' and status = 'completed'}
refunds: {dated_by: order}
metrics: {mean: average(paid), best: max(paid), per_buyer: "net_sales / greatest(buyers, 1)"}
baseline: net_sales of the previous quarter
targets: {floor: "greatest(baseline, 1_000) * 110%", sprint: 2 * floor}
reward:
  - name: first
    graduated:
      pays_on: net_sales
      tiers: [{from: 0, rate: 0.333%}, {from: floor, rate: 1%}, {from: sprint, rate: 2%}]
  - name: second
    growth: {pays_on: per_buyer, over: mean, tiers: [{from: 1, rate: 33.33%}]}
  - name: third
    step: {qualifies_on: best, tiers: [{from: 5_000, amount: 7.77}]}
limits: {per_merchant: 500, minimum: 1}
"""
)


def market(seed: int = 1, merchants: int = 40, orders: int = 4_000) -> dict[str, list[Row]]:
    """Return a market of a few thousand orders, the same for the same seed."""
    draw = random.Random(seed)
    names = [f"m{number}" for number in range(merchants)]
    facts: dict[str, list[Row]] = {
        "merchants": [
            {
                "merchant_id": name, "name": name, "industry": "x", "joined_on": INSIDE[0].date(),
                "category": draw.choice(["apparel", "beauty", "bags"]),
            }
            for name in names
        ],
        "products": [
            {
                "product_id": f"{name}-{n}", "merchant_id": name, "listed_at": INSIDE[0].date(),
                "category": ["shoes", "bags"][n],
            }
            for name in names
            for n in range(2)
        ],
        "orders": [], "order_lines": [], "refunds": [],
    }  # fmt: skip
    for number in range(orders):
        owner, when = draw.choice(names), INSIDE[0] - timedelta(minutes=draw.randrange(130_000))
        facts["orders"].append({
            "order_id": f"o{number}", "merchant_id": owner, "buyer_id": f"b{draw.randrange(500)}",
            "placed_at": when, "status": draw.choice(["completed"] * 4 + ["cancelled"]), "currency": "CNY",
        })  # fmt: skip
        paid = [draw.randrange(60_000) for _ in range(draw.randrange(1, 4))]
        for line, amount in enumerate(paid, start=1):
            facts["order_lines"].append({
                "order_id": f"o{number}", "line_no": line, "product_id": f"{owner}-{draw.randrange(2)}",
                "quantity": 1, "paid_minor": amount,
            })  # fmt: skip
        if draw.random() < 0.2:
            facts["refunds"].append({
                "refund_id": f"r{number}", "order_id": f"o{number}", "merchant_id": owner,
                "currency": "CNY", "refunded_at": when + timedelta(days=9), "line_no": None,
                "refunded_minor": draw.randrange(sum(paid) + 1),
            })  # fmt: skip
    return facts


def shuffled(facts: Facts, seed: int) -> dict[str, list[Row]]:
    draw = random.Random(seed)
    return {table: draw.sample(list(rows), len(rows)) for table, rows in facts.items()}


def result_bytes(
    program: Program, facts: Facts, folder: Path, *, files: int, threads: int
) -> Mapping[str, bytes]:
    """Return the earnings as Parquet, and the rows behind them as Arrow, in bytes."""
    stored = write(folder, facts, declared=declared_by(program), files=files, complete=True)
    plan = compile_plan(program, Q2, stored)
    with open_engine(stored, [plan], Limits(threads=threads)) as engine:
        found = {"earnings": engine.earn(plan)}
        found |= {f"{one.table}-{one.window}": engine.rows(plan, one) for one in plan.rows}
    shutil.rmtree(folder)
    written = {}
    for name, table in found.items():
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink)
        written[name] = sink.getvalue().to_pybytes()
    return written


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Mapping[str, bytes]:
    return result_bytes(PROGRAM, market(), tmp_path_factory.mktemp("plain"), files=1, threads=1)


@pytest.mark.parametrize(
    ("seed", "files", "threads"),
    [(0, 1, 2), (0, 1, 4), (1, 1, 1), (2, 7, 1), (3, 3, 2), (4, 13, 4)],
)
def test_order_of_rows_number_of_files_and_threads_change_nothing(
    plain, tmp_path, seed, files, threads
):
    facts = shuffled(market(), seed) if seed else market()
    again = result_bytes(PROGRAM, facts, tmp_path / "facts", files=files, threads=threads)
    assert again.keys() == plain.keys()
    assert {name for name in plain if again[name] != plain[name]} == set()


def test_other_facts_change_the_bytes(plain, tmp_path):
    """The comparison above would notice one unit more in one line that counts."""
    facts = market()
    done = {row["order_id"] for row in facts["orders"] if row["status"] == "completed"}
    bags = {row["merchant_id"] for row in facts["merchants"] if row["category"] == "bags"}
    counts = (
        row
        for row in facts["order_lines"]
        if row["order_id"] in done
        and row["product_id"].endswith("-0")
        and row["product_id"][:-2] not in bags
    )
    next(counts)["paid_minor"] += 1
    assert result_bytes(PROGRAM, facts, tmp_path / "facts", files=1, threads=1) != plain


def test_the_market_pays_and_agrees_with_the_reference():
    facts = market(seed=2, merchants=12, orders=300)
    agree(PROGRAM, facts, Q2, threads=4, files=3)


@pytest.mark.parametrize(
    "rule", ["products.category = 'shoes'", "products.category <> 'bags' and paid > 9"]
)
def test_an_order_is_paid_for_where_a_line_of_it_qualifies(rule):
    paid = program_of(
        HEAD
        + f'period: {QUARTERS}\nqualifying: {{order_lines: "{rule}"}}\n'
        + "reward: {per: order, flat: {amount: 1 CNY}}\n"
    )
    facts = market(merchants=5, orders=200)
    agree(paid, facts, Q2, files=2)
    agree(paid, facts, Q2, files=2, rollups=True)
