"""Whatever a file holds, its author gets issues or a program, and a program always has a plan."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import Any

import sqlglot
from hypothesis import HealthCheck, example, given, seed, settings
from hypothesis import strategies as st

from cogrow.engines.compile import compile_plan
from cogrow.errors import DataError, Issue, ProgramError
from cogrow.facts import TABLES, FactFiles, TableFiles
from cogrow.programs.parse import Parsed, parse
from cogrow.programs.program import Program
from cogrow.strict_yaml import read
from tests.house.tree import ROOT
from tests.programs import whole_language
from tests.programs.whole_language import PLACES, around
from tests.strategies.programs import OF_LINES, programs
from tests.strategies.values import BASELINES, GATES, MONEY, OWN_METRICS, RATES

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
    except (DataError, ProgramError):
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
effective by restates enrollment attribution clicks within of stacking best_of in_order exclusive
fund id per exhausted funders settle maturity lag pay expires festival first since lifetime
never_above each first_of first_per at_least per_order per_product per_buyer accumulate
rolling total match cover linear fee_refund limit spend_limit share retained retained_at_most
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
@example(
    {
        "metrics": {"claims": []},
        "reward": {"rate": {"pays_on": "claims", "rate": "1"}},
        "limits": {"per_merchant": "10"},
    }
)
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
days_between months_between period.start period.end taken clicks.platform
of_the_year_to_date of_the_program_to_date of_the_last_30_days of_all_time of_the_merchant
of_the_previous_period of_the_same_month_last_year starts_with lower
read_csv current_date select from union pragma attach copy load paid
refunded quantity orders order_lines merchants.name products.category rating baseline floor
merchants.joined_on placed_at status gmv net_sales
"""
tokens = [t.replace("_", " ") if t.startswith("of_") else t for t in TOKENS.split()]
expressions = st.lists(st.sampled_from(tokens), min_size=1, max_size=14).map(" ".join)


@often
@given(expressions, st.sampled_from(PLACES))
@example("(select 1)", "metrics.one")
@example("sum(paid); drop table orders", "metrics.one")
@example("sum(paid where status = 'x') -- '", "metrics.one")
@example("read_csv('secret')", "merchants")
@example("'a' || 'b' = name", "merchants")
@example("if(true, orders, 0) / if(false, 0, orders)", "reward.pays_on")
@example("name = '{0.__class__}' or name = '%s' or name = '{name}'", "merchants")
@example("source = ''' or 1 = 1; --'", "attribution.clicks")
@example("merchants.__class__", "fund.by")
def test_an_expression_of_any_tokens(text, where):
    tell(json.dumps(around(text, where)).encode())


@often
@given(whole_language.documents())
def test_any_keys_of_the_language(data):
    tell(json.dumps(data, ensure_ascii=False).encode())


@often
@given(whole_language.documents(), st.data())
def test_any_keys_with_any_value_replaced(data, more):
    path = more.draw(st.sampled_from(places(data)))
    tell(json.dumps(replaced(data, path, more.draw(documents))).encode("utf-8", "replace"))


def test_the_documents_made_up_are_not_all_wrong():
    """The strategy reaches programs with every clause, or it would show nothing about them."""
    reached: set[str] = set()
    parts = {"per", "accumulate", "when", "first", "each", "within"}
    wanted = {*whole_language.TOP, *whole_language.FORMS, *parts}

    @settings(max_examples=400, database=None, suppress_health_check=list(HealthCheck))
    @given(whole_language.documents())
    def reach(data):
        program = parse(json.dumps(data).encode(), "x.yaml").program
        if program is None:
            return
        reached.update(key for key in whole_language.TOP if getattr(program, key))
        for part in program.components:
            reached.add(part.form.name)
            reached.update(key for key in ("per", "accumulate", "when") if getattr(part, key))
            reached.update(key for key in ("first", "each", "within") if getattr(part.limits, key))

    # Some clauses are rare: a few seeds more find them, and none would find what is never made.
    for number in range(12):
        if wanted <= reached:
            break
        seed(number)(reach)()
    assert wanted - reached == set()


ATTACKS = [
    *(
        "read_csv('/etc/passwd')",
        "__import__('os').system('id')",
        "open('/etc/passwd')",
        "eval('1')",
    ),
    *("(select content from read_text('/etc/passwd'))", "getenv('HOME') = 'x'", "{0.__class__}"),
    *("$(id)", "sum(paid); copy orders to 'x'", "merchants.__class__.__init__", "`id`"),
]


def test_reading_opens_nothing_and_runs_nothing(tmp_path):
    """Whatever stands in a program, reading it reaches no file, no network and no other code."""
    seen: list[str] = []
    watching = False

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        watched = ("open", "exec", "compile", "import", "os.", "subprocess.", "socket.", "ctypes.")
        if watching and event.startswith(watched):
            seen.append(f"{event} {arguments}")

    sys.addaudithook(watch)
    for attack in ATTACKS:
        for where in PLACES:
            content = json.dumps(around(attack, where)).encode()
            parse(content, "x.yaml")  # what is imported and cached is so from here on
            watching = True
            parsed = parse(content, "x.yaml")
            watching = False
            assert parsed.program is None
    assert seen == []
    watching = True
    (tmp_path / "canary").write_text("the watch is awake", encoding="utf-8")
    watching = False
    assert seen
