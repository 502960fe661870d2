"""A marketplace of four merchants an accountant can add up in the head, and programs over it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from cogrow.embedded import Limits
from cogrow.facts import FactFiles
from cogrow.sources import seal
from tests.fact_files import Row, write

LIMITS = Limits(memory="400MB", threads=2)

Market = dict[str, list[Row]]


def quiet(label: str, done: int, total: int) -> None:
    """Take note of progress and say nothing."""


def market() -> Market:
    """Return two quarters of facts.

    | merchant | category | 2024Q2 | 2025Q2 sold | refunded | net      | rating |
    |----------|----------|--------|-------------|----------|----------|--------|
    | m1       | apparel  | 1,000  | 1,250.50    | 50.50    | 1,200.00 | 4.80   |
    | m2       | apparel  | 1,000  | 1,050.00    | -        | 1,050.00 | 4.20   |
    | m3       | beauty   | -      | 700.00      | -        | 700.00   | -      |
    | m4       | apparel  | -      | -           | -        | -        | 4.90   |
    """
    merchants = [
        {"merchant_id": name, "name": name.upper(), "category": category, "industry": category,
         "joined_on": date(2020, 1, 1), "brand_score": score}
        for name, category, score in (
            ("m1", "apparel", 80), ("m2", "apparel", 60), ("m3", "beauty", None), ("m4", "apparel", 40),
        )
    ]  # fmt: skip
    sold = (
        ("o1", "m1", "2024-05-01 04:00", (100_000,)),
        ("o2", "m2", "2024-05-01 04:00", (60_000, 40_000)),
        ("o3", "m1", "2025-04-30 04:00", (70_000, 30_050)),
        ("o4", "m1", "2025-05-01 04:00", (25_000,)),
        ("o5", "m2", "2025-05-01 04:00", (105_000,)),
        ("o6", "m3", "2025-06-30 04:00", (70_000,)),
    )
    return {
        "merchants": merchants,
        "merchant_scores": [
            {"merchant_id": name, "day": date(2025, 5, 31), "rating": rating}
            for name, rating in (("m1", "4.8"), ("m2", "4.2"), ("m4", "4.9"))
        ],
        "products": [
            {"product_id": "p1", "merchant_id": "m1", "category": "shirts", "listed_at": date(2024, 1, 1)}
        ],
        "orders": [
            {"order_id": order, "merchant_id": merchant, "buyer_id": f"b-{merchant}", "currency": "CNY",
             "placed_at": datetime.fromisoformat(placed)}
            for order, merchant, placed, _ in sold
        ],
        "order_lines": [
            {"order_id": order, "line_no": number, "product_id": "p1", "quantity": number,
             "paid_minor": paid}
            for order, _, _, lines in sold
            for number, paid in enumerate(lines, start=1)
        ],
        "refunds": [
            {"refund_id": "r1", "order_id": "o3", "line_no": 2, "refunded_minor": 5_050,
             "refunded_at": datetime.fromisoformat("2025-05-20 04:00")}
        ],
    }  # fmt: skip


def unsealed(folder: Path, facts: Market) -> Path:
    """Write facts as plain canonical Parquet, as another tool would leave them."""
    write(folder, facts)
    return folder


def sealed(folder: Path, facts: Market) -> Path:
    """Write facts as `cogrow facts import` leaves them."""
    seal_of(folder, facts)
    return folder


def seal_of(folder: Path, facts: Market) -> FactFiles:
    """Write facts and seal them; return what the engine reads."""
    written = write(folder, facts)
    files = {name: [Path(path) for path in table.paths] for name, table in written.tables.items()}
    return seal.write(folder, files)


PROGRAM = """\
program: {name}
title: {{zh: 试, en: Trial}}
direction: commission
currency: CNY
period: {{from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}}
qualifying: {{order_lines: all, dated_by: placed_at}}
"""

#: A promise of 1 % at the floor and 3 % at the sprint, on all net sales.
DUAL = """\
gates: [baseline > 0]
baseline: net_sales of the same quarter last year
targets: {floor: 105% of baseline, sprint: 120% of baseline}
reward:
  retroactive:
    pays_on: net_sales
    tiers: [{from: floor, rate: 1%}, {from: sprint, rate: 3%}]
"""


def program(folder: Path, terms: str, name: str = "trial") -> Path:
    """Write the program `name` with these terms and return its file."""
    path = folder / f"{name}.yaml"
    path.write_text(PROGRAM.format(name=name) + terms, encoding="utf-8")
    return path


def two_versions(folder: Path, pays_on: str, since: str) -> list[str]:
    """Write two versions of a program, 10 % for orders before a day, 20 % from it on; return the files."""
    files = []
    for name, rate, first in (("one", "10%", "2025-01-01"), ("two", "20%", since)):
        terms = f"effective: {{from: {first}, by: placed_at}}\n"
        terms += "baseline: net_sales of the same quarter last year\n"
        terms += f"reward: {{rate: {{pays_on: {pays_on}, rate: {rate}}}}}\n"
        files.append(str(program(folder, terms).rename(folder / f"{name}.yaml")))
    return files
