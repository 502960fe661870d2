"""An editor that holds a program against the schema says what cogrow says, as far as a schema can."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from cogrow.authoring.completion import columns_of, columns_per_merchant
from cogrow.authoring.json_schema import EXPRESSIONS, program_schema
from cogrow.cli.speech import in_all_languages
from cogrow.errors import Message
from cogrow.expressions.resolve import resolve
from cogrow.expressions.scope import RowScope, Schema, ValueScope
from cogrow.expressions.syntax import parse as expression
from cogrow.facts import TABLES
from cogrow.metrics.registry import metrics
from cogrow.programs.parse import parse, parse_file
from cogrow.rewards.registry import forms
from cogrow.strict_yaml import read
from tests.house.tree import ROOT

SCHEMA = program_schema(lambda said: said.render())
VALIDATOR = Draft7Validator(SCHEMA)
GOOD = sorted([
    *ROOT.glob("src/cogrow/programs/library/**/*.yaml"), *ROOT.glob("tests/cases/*.yaml")
])  # fmt: skip
BROKEN = sorted(ROOT.glob("tests/programs/broken/*.yaml"))

#: Refused for what no schema can say: a day no calendar has, a year no fact can have, a place on earth.
BEYOND = {"time-day", "time-year", "time-zone"}
#: Wrong by the schema, and refused by another code than that of keys and kinds.
ALSO = {"PRG012", "PRG014", "PRG015", "PRG018", "PRG023", "PRG025", "PRG027", "PRG028"}


class Typed(yaml.SafeLoader):
    """Reads YAML as editors do, by the core schema of YAML 1.2: no days, no `yes`, no octal 010."""


Typed.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    Typed.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), first)
Typed.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
Typed.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(node.value))


def told(data: Any) -> list[str]:
    return [
        f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors(data)
    ]


def text_of(path: Path) -> Any:
    document, issues = read(path.read_bytes(), "x.yaml")
    assert document is not None, issues
    return document.data


def test_the_schema_is_one():
    Draft7Validator.check_schema(SCHEMA)
    assert SCHEMA["title"]


@pytest.mark.parametrize("path", GOOD, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_program_is_right_by_the_schema(path):
    assert told(text_of(path)) == []
    assert told(yaml.load(path.read_bytes(), Typed)) == []  # noqa: S506


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_what_is_refused_is_wrong_by_the_schema(path):
    codes = {issue.code for issue in parse_file(path).issues}
    if any(code.startswith("YML") for code in codes):
        return
    wrong = bool(told(text_of(path)))
    if "PRG001" in codes and path.stem not in BEYOND:
        assert wrong
    if wrong:
        assert codes & {"PRG001", *ALSO}


def keys(schema: Any) -> list[dict[str, Any]]:
    """Return the schema of every key, wherever in the schema it stands."""
    found: list[dict[str, Any]] = []
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        found += [
            part for part in properties.values() if isinstance(part, dict) and "const" not in part
        ]
        found += [key for part in schema.values() for key in keys(part)]
    elif isinstance(schema, list):
        found += [key for part in schema for key in keys(part)]
    return found


def test_every_key_is_described():
    described = keys(SCHEMA)
    assert len(described) > 150
    assert [key for key in described if not key.get("description")] == []
    shouted = program_schema(lambda said: said.render(str.upper))
    assert all(key["description"].isupper() for key in keys(shouted))


def test_both_languages_are_said_at_once():
    said = in_all_languages(Message("The minimum is above the cap, so nothing is ever paid."))
    english, chinese = said.split(" / ")
    assert english.startswith("The minimum")
    assert re.search("[\\u4e00-\\u9fff]", chinese)


def test_forms_metrics_and_columns_are_offered():
    component = SCHEMA["definitions"]["component"]["properties"]
    assert set(forms()) <= set(component)
    offered = [one.get("const") for one in SCHEMA["definitions"]["value"]["anyOf"]]
    assert set(metrics()) <= set(offered)
    lines = SCHEMA["properties"]["qualifying"]["properties"]["order_lines"]["examples"]
    assert {"paid", "orders.status", "products.category", "merchants.category"} <= set(lines)


@pytest.mark.parametrize("table", TABLES)
def test_every_column_that_is_offered_can_be_named(table):
    for name in columns_of(table):
        resolve(expression(name), RowScope(Schema.canonical(), table), "CNY")
    for name in columns_per_merchant():
        resolve(expression(name), ValueScope(Schema.canonical(), {}), "CNY")


def examples(name: str) -> list[str]:
    found = SCHEMA["definitions"][name]
    options = [found, *found.get("anyOf", [])]
    return [
        e
        for one in options
        for e in [*one.get("examples", []), *([one["const"]] if "const" in one else [])]
    ]


BASE = """program: tried
title: {zh: 试, en: Tried}
direction: commission
currency: CNY
baseline: 100
period: {from: 2025-01-01, until: 2026-01-01, every: %s, timezone: Asia/Shanghai}
qualifying: {order_lines: all}
reward: {%s}
%s
examples: [{it: x, given: {}, pays: 0}]
"""


@pytest.mark.parametrize(
    ("name", "reward", "rest"),
    [
        ("metric", "flat: {amount: 1}", "metrics: {one: '%s'}"),
        ("condition", "flat: {amount: 1}", "gates: ['%s']"),
        ("value", "flat: {amount: 1}", "targets: {one: '%s'}"),
        ("amount", "flat: {amount: '%s'}", ""),
        ("baseline", "flat: {amount: 1}", "targets: {one: 1}"),
        ("day", "flat: {amount: 1}", "fund: {id: pot, amount: 1, exhausted: first_come, by: '%s'}"),
        ("rows_of_merchants", "flat: {amount: 1}", "merchants: '%s'"),
        ("rows_of_visits", "flat: {amount: 1}", "attribution: {clicks: '%s', within: 1 day}"),
    ],
)
def test_what_is_offered_can_be_read(name, reward, rest):
    """An example may be of another unit than a place wants, never something nobody knows."""
    for example in examples(name):
        every = next((word for word in ("month", "quarter") if f" {word} " in example), "quarter")
        text = BASE % (every, reward, rest)
        if name == "baseline":
            text = text.replace("baseline: 100", "baseline: '%s'")
        content = text.replace("'%s'", "'" + example.replace("'", "''") + "'").encode()
        said = [issue for issue in parse(content, "x.yaml").issues if issue.severity == "error"]
        misfit = (
            "This should be {wanted}, but is {found}.",
            "This should be money, a count or a number, but is {found}.",
        )
        assert [one.text() for one in said if one.what.msgid not in misfit] == []


def test_every_expression_is_one_of_the_definitions():
    assert {*EXPRESSIONS.values()} - set(SCHEMA["definitions"]) == set()
