"""Whatever a file holds, its author gets issues or a program, and a program always has a plan."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import sqlglot
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cogrow.engines.compile import compile_plan
from cogrow.errors import DataError, Issue
from cogrow.facts import TABLES, FactFiles, TableFiles
from cogrow.programs.parse import Parsed, parse
from cogrow.programs.program import Program
from cogrow.strict_yaml import read
from tests.house.tree import ROOT
from tests.strategies import BASELINES, GATES, MONEY, OF_LINES, OWN_METRICS, RATES, programs

MORE = max(1, int(os.environ.get("COGROW_PAIRS", "102")) // 102)
often = settings(max_examples=60 * MORE, suppress_health_check=list(HealthCheck))

LIBRARY = [
    path.read_text("utf-8") for path in sorted(ROOT.glob("src/cogrow/programs/library/*.yaml"))
]
ALL_FACTS = FactFiles(
    "",
    {
        name: TableFiles((), {column.name: column.kind for column in table.columns}, 0)
        for name, table in TABLES.items()
    },
    "",
)


def tell(content: bytes) -> Parsed:
    """Parse, and demand issues with a place or a program with a plan."""
    parsed = parse(content, "x.yaml")
    for issue in parsed.issues:
        assert isinstance(issue, Issue)
        assert not re.search(
            r"\{\w+\}", issue.what.msgid.format_map(dict.fromkeys(issue.what.params, ""))
        )
        assert len(issue.text()) < 2_000
        assert issue.where.file == "x.yaml"
        json.dumps(issue.as_json())
    if parsed.program is None:
        assert any(issue.severity == "error" for issue in parsed.issues)
    else:
        plan_of(parsed.program)
    return parsed


def plan_of(program: Program) -> None:
    """Compile the plan of a program; its SQL is one statement that only reads."""
    period = program.schedule.periods()[0]
    declared = {
        table: TableFiles(
            (),
            {c.name: c.kind for c in columns.values()}
            | {"merchant_id": TABLES["merchants"].columns[0].kind},
            0,
        )
        for table, columns in program.schema.tables.items()
    }
    facts = FactFiles("", {**ALL_FACTS.tables, **declared}, "")
    try:
        sql = compile_plan(program, period, facts).sql("duckdb")
    except DataError:
        return
    (statement,) = sqlglot.parse(sql, dialect="duckdb")
    assert isinstance(statement, sqlglot.exp.Query)


@often
@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbfprogram: x\r\n")
@example(b"%YAML 9.9\n---\na: b\n")
@example(b"? - a\n: b\n")
@example(b"program: !<tag:yaml.org,2002:str> x\n")
@example(b"\xc2\x85a: \xe2\x80\xa8 b\n")
def test_any_bytes(content):
    tell(content)


@often
@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_any_text(text):
    tell(text.encode())


KEYS = """
program title zh en direction currency columns merchants gates period from until every timezone
qualifying order_lines orders dated_by refunds metrics gmv baseline targets floor reward rate flat
step graduated retroactive growth pays_on qualifies_on over tiers amount name when limits
per_merchant minimum examples it given pays source description merchants.annual_fee
"""
keys = st.sampled_from(KEYS.split())
scalars = st.one_of(
    st.sampled_from(
        [
            "CNY",
            "commission",
            "quarter",
            "Asia/Shanghai",
            "2025-04-01",
            "2026-01-01",
            "all",
            "x",
            "",
        ]
    ),
    st.sampled_from([*MONEY, *GATES, *BASELINES, *RATES, *OF_LINES, *OWN_METRICS.values()]),
    st.text(max_size=12),
    st.none(),
    st.integers(),
    st.booleans(),
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(keys, st.text(max_size=5)), inner, max_size=6),
    ),
    max_leaves=25,
)


@often
@given(documents)
@example({"period": {"timezone": []}, "currency": {}, "reward": [None, 1, "x", []], "limits": []})
@example(
    {
        "reward": {
            "retroactive": {"tiers": [{"start": "0", "rate": "1%"}, {"start": "5", "rate": "1%"}]}
        }
    }
)
@example({"columns": [], "metrics": "x", "targets": None, "examples": {"it": []}})
def test_any_document(data):
    tell(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside a document."""
    items = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    return [found for key, value in items for found in [(*path, key), *places(value, (*path, key))]]


def replaced(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return the document with another value at `path`."""
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = replaced(data[path[0]], path[1:], value)
    return copy


def as_data(text: str) -> dict[str, Any]:
    """Return the YAML of `programs()` as data."""
    document, issues = read(text.encode(), "x.yaml")
    assert document is not None
    assert not issues
    assert isinstance(document.data, dict)
    return document.data


@often
@given(programs(), st.data())
def test_a_program_with_any_value_replaced(made, data):
    """One to three values of a good program become something else."""
    document = as_data(made[0])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(document)))
        document = replaced(document, path, data.draw(documents))
        if not isinstance(document, dict) or not places(document):
            break
    tell(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))


@often
@given(st.sampled_from(LIBRARY), st.data())
def test_a_shipped_program_with_lines_lost_moved_or_mangled(text, data):
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["lose", "repeat", "swap", "cut", "insert"]))
        if change == "lose" and len(lines) > 1:
            del lines[at]
        elif change == "repeat":
            lines.insert(at, lines[at])
        elif change == "swap":
            lines[at], lines[-1] = lines[-1], lines[at]
        else:
            column = data.draw(st.integers(0, len(lines[at])))
            more = (
                data.draw(st.text(st.characters(codec="utf-8"), max_size=3))
                if change == "insert"
                else ""
            )
            lines[at] = lines[at][:column] + more + lines[at][column + (change == "cut") :]
    tell("\n".join(lines).encode())


TOKENS = """
and or not in is null between of where true false + - * / ( ) , . = <> != < <= > >= ; -- /* */ % [ ]
{ } : @ $ \\ ` " ' | & ^ ~ ? 0 1 5_000 1_00 0.5 110% 2.5% 30 days 1 hour 5 CNY 7 USD 2025-04-01
2025-99-01 'a' 'it''s' sum count count_distinct average min max least greatest coalesce abs if
days_between starts_with lower read_csv current_date select from union pragma attach copy load paid
refunded quantity orders order_lines merchants.name products.category rating baseline floor
merchants.joined_on placed_at status gmv net_sales
"""
expressions = st.lists(st.sampled_from(TOKENS.split()), min_size=1, max_size=14).map(" ".join)


@often
@given(
    expressions,
    st.sampled_from(
        ["merchants", "gates", "baseline", "qualifying", "metrics", "reward", "amount"]
    ),
)
@example("(select 1)", "metrics")
@example("sum(paid); drop table orders", "metrics")
@example("sum(paid where status = 'x') -- '", "metrics")
@example("read_csv('secret')", "merchants")
@example("'a' || 'b' = name", "merchants")
@example("if(true, orders, 0) / if(false, 0, orders)", "reward")
def test_an_expression_of_any_tokens(text, where):
    document: dict[str, Any] = {
        "program": "fuzz", "title": {"zh": "-", "en": "-"}, "direction": "commission", "currency": "CNY",
        "period": {"from": "2025-01-01", "until": "2026-01-01", "timezone": "Asia/Shanghai"},
        "qualifying": {"order_lines": "all"}, "baseline": "100", "targets": {"floor": "110% of baseline"},
        "reward": {"flat": {"amount": "1"}},
    }  # fmt: skip
    if where == "reward":
        document["reward"] = {"rate": {"pays_on": text, "rate": "1"}}
    elif where == "amount":
        document["reward"] = {
            "step": {"qualifies_on": "gmv", "tiers": [{"from": text, "amount": text}]}
        }
    elif where == "metrics":
        document["metrics"] = {"one": text}
    elif where == "qualifying":
        document["qualifying"] = {"order_lines": text}
    else:
        document[where] = text
    tell(json.dumps(document).encode())
