"""A new program is the old one with what was asked for in its place."""

from __future__ import annotations

import difflib
from datetime import date

import pytest

from cogrow.authoring.scaffold import Wanted, scaffold
from cogrow.operations.choose import library
from cogrow.programs.parse import parse, parse_file
from cogrow.strict_yaml import read

LIBRARY = library()
TEXT = """# Why this program is.
program: first-one   # its id
title: {zh: 一, en: One}
direction: commission
currency: CNY
merchants: joined_on < 2025-01-01
period: {from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}
qualifying: {order_lines: all}
reward: {flat: {amount: 5}}   # five
stacking: {best_of: [first-one, second]}
examples:
  - {it: pays, period: 2025Q2, given: {}, pays: 5}
  - it: rows
    period: 2025Q1
    given:
      order_lines: [{paid: 1, placed_at: 2025-01-31}, {paid: 1, placed_at: 2025-03-31 23:59:59}]
    pays: 5
"""


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[2:] for line in lines if line.startswith("+ ")]


@pytest.mark.parametrize("name", LIBRARY)
def test_only_what_was_asked_for_changes(name):
    old = parse_file(LIBRARY[name]).program
    assert old is not None
    text = LIBRARY[name].read_text(encoding="utf-8")
    same = scaffold(text, Wanted(name, {}))
    assert same.text == text
    start = old.schedule.start.replace(year=old.schedule.start.year + 1)
    made = scaffold(text, Wanted("brand-new", {"zh": "新: 的", "en": "New, #1"}, start))
    new = parse(made.text.encode(), "x.yaml").program
    assert new is not None
    assert (new.id, dict(new.title)) == ("brand-new", {"zh": "新: 的", "en": "New, #1"})
    assert new.schedule.start == start
    assert (new.components, new.measures, new.limits) == (old.components, old.measures, old.limits)
    comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in comments if line not in made.text.splitlines()] == []


def test_days_of_examples_move_and_days_of_terms_are_told():
    made = scaffold(TEXT, Wanted("next-one", {"en": "Two"}, date(2026, 4, 1)))
    assert changed(TEXT, made.text) == [
        "program: next-one   # its id",
        "title: {zh: 一, en: Two}",
        "period: {from: 2026-04-01, until: 2027-04-01, every: quarter, timezone: Asia/Shanghai}",
        "stacking: {best_of: [next-one, second]}",
        "  - {it: pays, period: 2026Q3, given: {}, pays: 5}",
        "    period: 2026Q2",
        "      order_lines: [{paid: 1, placed_at: 2026-04-30}, {paid: 1, placed_at: 2026-06-30 23:59:59}]",
    ]
    assert made.dated == (6,)
    assert parse(made.text.encode(), "x.yaml").program is not None


def test_days_move_by_days_where_the_first_day_is_another_of_its_month():
    made = scaffold(TEXT, Wanted("first-one", {}, date(2025, 1, 11)))
    assert "{from: 2025-01-11, until: 2026-01-11," in made.text
    assert "placed_at: 2025-02-10}" in made.text


@pytest.mark.parametrize(
    "title",
    ["a: b", "# x", "'q'", '"q"', "- x", "yes, no", "{x}", " x ", "é 服饰", "a\\b", "x" * 300],
)
def test_a_title_comes_back_as_it_was_given(title):
    made = scaffold(TEXT, Wanted("next-one", {"zh": title, "en": title}))
    document, issues = read(made.text.encode(), "x.yaml")
    assert issues == []
    assert document is not None
    assert isinstance(document.data, dict)
    assert document.data["title"] == {"zh": title, "en": title}
