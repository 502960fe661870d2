"""The worked numbers of the reference: what each reward form pays, computed by the engine itself."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

from cogrow.embedded import Limits
from cogrow.money import format_minor
from cogrow.operations.worked.examples import run_examples

BASELINE = "baseline: net_sales of the same quarter last year\n"

HEAD = """\
program: worked
title: {zh: 例, en: Worked}
direction: commission
currency: CNY
gates: [1 = 1]
period: {from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}
qualifying: {order_lines: all}
"""

BANDS = """\
reward:
  FORM:
    pays_on: net_sales
    tiers:
      - {from: 110% of baseline, rate: 2%}
      - {from: 115% of baseline, rate: 3%}
      - {from: 120% of baseline, rate: 4%}
"""

GROWN = tuple(
    {"baseline": "2_000_000", "net_sales": sold}
    for sold in ("2_199_999.99", "2_200_000", "2_350_000", "2_400_000")
)


@dataclass(frozen=True, slots=True)
class Worked:
    """A reward as written, and the values it is tried on; `more` goes before it, and is shown too."""

    reward: str
    given: Sequence[Mapping[str, str]]
    more: str = ""


FORMS = {
    "cover": Worked(
        "reward:\n  cover: {pays_on: commission, rate: 80%, limit: 26 CNY}\n",
        [{"commission": cost} for cost in ("12", "32.50", "40")],
    ),
    "fee_refund": Worked(
        "reward:\n  fee_refund: {pays_on: commission, share: refunded / gmv, retained: 20%, "
        "retained_at_most: 5 CNY}\n",
        [
            {"commission": fee, "gmv": "1_000", "refunded": back}
            for fee, back in (("20", "0"), ("20", "300"), ("20", "1_000"), ("200", "1_000"))
        ],
    ),
    "flat": Worked(
        "reward:\n  - when: orders >= 30\n    flat: {amount: 500 CNY}\n",
        [{"orders": "29"}, {"orders": "30"}],
    ),
    "graduated": Worked(BANDS.replace("FORM", "graduated"), GROWN, BASELINE),
    "growth": Worked(BANDS.replace("FORM", "growth"), GROWN, BASELINE),
    "linear": Worked(
        "reward:\n  linear:\n    qualifies_on: net_sales\n    tiers:\n"
        "      - {from: 10_000 CNY, amount: 100 CNY}\n      - {from: 50_000 CNY, amount: 900 CNY}\n",
        [{"net_sales": sold} for sold in ("9_999.99", "10_000", "30_000", "50_000", "90_000")],
    ),
    "match": Worked(
        "reward:\n  - name: up_to\n    match: {pays_on: ad_spend, rate: 50%, limit: 2% of net_sales}\n"
        "  - name: share_of\n    match: {pays_on: other_spend, rate: 50%, spend_limit: 2% of net_sales}\n",
        [
            {"ad_spend": ads, "other_spend": other, "net_sales": "100_000"}
            for ads, other in (
                ("1_800", "0"),
                ("4_000", "0"),
                ("5_000", "0"),
                ("0", "1_800"),
                ("0", "5_000"),
            )
        ],
        "metrics: {other_spend: sum(spend where platform = 'other')}\n",
    ),
    "rate": Worked(
        "reward:\n  - name: share\n    rate: {pays_on: commission, rate: 50%}\n"
        "  - name: per_order\n    rate: {pays_on: orders, rate: 0.50 CNY}\n",
        [{"commission": "100.01", "orders": "0"}, {"commission": "100.01", "orders": "40"}],
    ),
    "retroactive": Worked(BANDS.replace("FORM", "retroactive"), GROWN, BASELINE),
    "rolling": Worked(BANDS.replace("FORM", "rolling"), GROWN, BASELINE),
    "step": Worked(
        "reward:\n  step:\n    qualifies_on: net_sales\n    tiers:\n"
        "      - {from: 2_000 CNY, amount: 50 CNY}\n      - {from: 10_000 CNY, amount: 300 CNY}\n",
        [{"net_sales": sold} for sold in ("1_999.99", "2_000", "9_999.99", "10_000", "90_000")],
    ),
    "total": Worked(BANDS.replace("FORM", "total"), GROWN, BASELINE),
}


def text(worked: Worked, title: str = "Worked") -> str:
    """Return the program of an example, its values as worked examples that pay nothing."""
    examples = "examples:\n"
    for number, given in enumerate(worked.given):
        values = ", ".join(f"{name}: {value}" for name, value in given.items())
        examples += indent(f"- it: number {number}\n  given: {{{values}}}\n  pays: 0\n", "  ")
    return HEAD.replace("en: Worked", f"en: {title}") + worked.more + worked.reward + examples


def paid(worked: Worked) -> list[str]:
    """Return what the engine pays for each of the values given, in major units with separators."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "worked.yaml"
        path.write_text(text(worked), encoding="utf-8")
        outcomes, _ = run_examples([str(path)], Limits(memory="400MB", threads=1))
    return [format_minor(outcome.paid, outcome.program.currency) for outcome in outcomes]
