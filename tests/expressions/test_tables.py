"""The tables that are kept are those of the grammar; `python -m tests.expressions.test_tables` keeps them."""

from __future__ import annotations

import json

import pytest
from lark import Lark

from cogrow.expressions.syntax import parse
from cogrow.expressions.tables import from_tables, kept_tables, parser
from tests.house.tree import ROOT

ROOM = ROOT / "src/cogrow/expressions"
GRAMMAR = (ROOM / "grammar.lark").read_text(encoding="utf-8")
KEPT = ROOM / "grammar.json"
TEXTS = [
    "sum(paid where quantity > 1) - 110% of baseline",
    "not (status = 'completed') and channel not in ('live', 'shop') or tier is null",
    "gmv of the last 30 days between 2025-04-01 and 10 days",
]


def test_the_tables_kept_are_those_of_the_grammar():
    kept, made = (json.loads(text) for text in (KEPT.read_text("utf-8"), kept_tables(GRAMMAR)))
    assert kept["of"] == made["of"]


@pytest.mark.parametrize("text", TEXTS)
def test_the_parser_that_is_kept_reads_alike(text):
    built = Lark(GRAMMAR, parser="lalr", maybe_placeholders=False)
    kept = from_tables(KEPT.read_text(encoding="utf-8"), GRAMMAR, None)
    assert kept is not None
    assert kept.parse(text) == built.parse(text)


def test_tables_of_another_grammar_are_left_alone(monkeypatch):
    kept = KEPT.read_text(encoding="utf-8")
    assert from_tables(kept, GRAMMAR + "\n", None) is None
    monkeypatch.setattr("lark.__version__", "0.0.1")
    assert from_tables(kept, GRAMMAR, None) is None
    assert parser(None).parse(TEXTS[0]) is not None


def test_expressions_are_read_with_them():
    assert str(parse("paid")) == str(parse(" paid "))


if __name__ == "__main__":
    KEPT.write_text(kept_tables(GRAMMAR), encoding="utf-8")
