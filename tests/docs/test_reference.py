"""The reference says what the code says: its generated parts are what would be generated now."""

from __future__ import annotations

import re

import pytest

from cogrow.expressions.resolve import AGGREGATES, AggregateScope, resolve
from cogrow.expressions.scope import RowScope, Schema
from cogrow.expressions.syntax import parse
from cogrow.expressions.tree import Unit
from cogrow.rewards.registry import forms
from cogrow.words.expressions import FUNCTIONS
from docs.reference import meanings
from docs.reference.drawn import FOLDER, drawings
from docs.reference.generate import MARK, PARTS, generated, pages
from docs.reference.table import complete

PAGES = {path.name: path.read_text(encoding="utf-8") for path in pages()}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name):
    assert generated(PAGES[name]) == PAGES[name], "run `make docs`"


def test_the_drawings_are_up_to_date():
    kept = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert drawings() == kept, "run `make docs`"
    assert set(kept) == set(forms())
    assert all(f"(curves/{name}.svg)" in PAGES["rewards.md"] for name in kept)


def test_every_check_of_one_program_is_shown():
    """The rest is about several files, or one that cannot be opened."""
    shown = set(re.findall(r"^## (\w+)$", PAGES["checks.md"], re.MULTILINE))
    known = {code for code in meanings.CODES if code.startswith(("YML", "PRG", "EXP"))}
    several = {code for code in known if code.startswith("PRG07")} | {"PRG035", "YML003"}
    assert known - shown <= several
    assert shown <= known


def test_every_part_stands_in_one_page():
    found = [match[2] for page in PAGES.values() for match in MARK.finditer(page)]
    assert sorted(found) == sorted(PARTS)


def test_a_page_that_drifted_is_noticed():
    page = PAGES["earnings.md"]
    drifted = page.replace("| `amount_minor` |", "| `amount` |")
    assert drifted != page
    assert generated(drifted) == page


def test_a_part_nobody_makes_is_noticed():
    with pytest.raises(KeyError, match="no_such_part"):
        generated("<!-- generated: no_such_part -->\n<!-- end -->")


def test_a_name_without_words_and_words_without_a_name_are_noticed():
    complete(["a", "b"], ["b", "a"])
    with pytest.raises(ValueError, match=r"no words for \['b'\]; nothing called \['c'\]"):
        complete(["a", "b"], ["a", "c"])


@pytest.mark.parametrize(("name", "said"), FUNCTIONS.items())
def test_the_example_of_each_function_can_be_written(name, said):
    schema, node = Schema.canonical(), parse(said[0])
    scope = (
        AggregateScope(schema, "order_lines", "CNY")
        if name in AGGREGATES
        else RowScope(schema, "order_lines")
    )
    assert resolve(node, scope, "CNY").unit in Unit
    assert name in said[0]


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("count_distinct(buyer_id)", "orders"),
        ("count_distinct(memberships.buyer_id)", "memberships"),
        ("sum(freight)", "order_lines"),
        ("sum(returns.freight)", "returns"),
        ("count_distinct(buyer_id where paid > 100)", "order_lines"),
    ],
)
def test_the_table_of_a_function_is_the_one_the_page_says(text, table):
    found = resolve(parse(text), AggregateScope(Schema.canonical(), "order_lines", "CNY"), "CNY")
    assert getattr(found, "table", None) == table
