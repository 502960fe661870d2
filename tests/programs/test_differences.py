"""A changed program is read as a list of what is different, at its place, and of nothing else."""

from __future__ import annotations

from collections import Counter

import pytest

from cogrow.programs.differences import differences
from cogrow.strict_yaml import read

BEFORE = """\
program: trial
title: {zh: 试, en: Trial}
gates: [rating >= 4.6, orders > 0]
limits: {per_merchant: 100 CNY}
reward:
  - name: sales
    retroactive:
      pays_on: net_sales
      tiers: [{from: 1_000, rate: 1%}, {from: 2_000, rate: 2%}]
  - name: welcome
    flat: {amount: 5 CNY}
examples: [{it: pays, given: {}, pays: 0}]
"""


def told(before: str, after: str) -> list[tuple[str, str | None, str | None]]:
    old, new = (read(text.encode(), "x.yaml")[0] for text in (before, after))
    assert old is not None
    assert new is not None
    return [(one.path, one.before, one.after) for one in differences(old, new)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("rate: 2%", "rate: 3%", [("reward[0].retroactive.tiers[1].rate", "2%", "3%")]),
        (
            "tiers: [{",
            "tiers: [{from: 500, rate: 0.5%}, {",
            [
                ("reward[0].retroactive.tiers[0].from", None, "500"),
                ("reward[0].retroactive.tiers[0].rate", None, "0.5%"),
            ],
        ),
        ("from: 2_000", "from: 3_000", [("reward[0].retroactive.tiers[1].from", "2_000", "3_000")]),
        ("[rating >= 4.6, orders > 0]", "[orders > 0]", [("gates[0]", "rating >= 4.6", None)]),
        ("rating >= 4.6", "rating >= 4.8", [("gates[0]", "rating >= 4.6", "rating >= 4.8")]),
        ("limits: {per_merchant: 100 CNY}\n", "", [("limits.per_merchant", "100 CNY", None)]),
        (
            "limits: {per_merchant: 100 CNY}",
            "limits: {per_merchant: 100 CNY, minimum: 1 CNY}",
            [("limits.minimum", None, "1 CNY")],
        ),
        (
            "  - name: welcome\n    flat: {amount: 5 CNY}\n",
            "",
            [("reward[1].name", "welcome", None), ("reward[1].flat.amount", "5 CNY", None)],
        ),
        (
            "[rating >= 4.6, orders > 0]",
            "orders > 0",
            [
                ("gates[0]", "rating >= 4.6", None),
                ("gates[1]", "orders > 0", None),
                ("gates", None, "orders > 0"),
            ],
        ),
        ("gates: [rating >= 4.6, orders > 0]\n", "gates: []\n", [
            ("gates[0]", "rating >= 4.6", None),
            ("gates[1]", "orders > 0", None),
        ]),
        ("title: {zh: 试, en: Trial}", "title:\n  en: Trial\n  zh: 试", []),
        ("pays: 0", "pays: 1", []),
    ],
)  # fmt: skip
def test_what_changed_is_told_at_its_place(before, after, expected):
    assert before in BEFORE
    assert told(BEFORE, BEFORE.replace(before, after)) == expected
    # Backward it is the same, both sides exchanged.
    back = told(BEFORE.replace(before, after), BEFORE)
    assert Counter((one[2], one[1]) for one in back) == Counter(one[1:] for one in expected)
