"""What is too much for a program is refused in less than 100 ms and 64 MB, measured in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cogrow.programs.parse import parse
from cogrow.programs.spec import MOST
from cogrow.strict_yaml import LARGEST_BYTES

#: The same work takes longer where a machine is slow or shared: each time it is held against this work,
#: which takes 15 ms on a laptop, done just before.
YARDSTICK, ON_A_LAPTOP = "sum(n * n for n in range(300_000))", 0.015

MEASURE = f"""
import json, sys, time, tracemalloc
from cogrow.programs.parse import parse

def taken(function):
    begun = time.process_time()
    function()
    return time.process_time() - begun

def compared(function):
    slow = max(1, taken(lambda: {YARDSTICK}) / {ON_A_LAPTOP})
    return taken(function) / slow

parse(b"program: warm\\nmerchants: a\\n", "x.yaml")
found = {{}}
for name, text in json.load(sys.stdin).items():
    content = text.encode()
    seconds = min(compared(lambda: parse(content, "x.yaml")) for _ in range(5))
    tracemalloc.start()
    issues = len(parse(content, "x.yaml").issues)
    found[name] = [seconds, tracemalloc.get_traced_memory()[1], issues]
    tracemalloc.stop()
print(json.dumps(found))
"""


def many(head: str, line: str, count: int) -> str:
    return head + "".join(line.format(n=n, next=n + 1) for n in range(count))


TOO_MUCH = {
    "lists in lists": "[" * 250_000,
    "mappings in mappings": "{a: " * 60_000,
    "items on one line": "a: [" + "x, " * 80_000 + "]",
    "items on many lines": many("a:\n", "- {{b: [x, y]}}\n", 12_000),
    "an open quote": "a: '" + "x" * 250_000,
    "a long alias": "a: *" + "x" * 250_000,
    "anchors": "&a " * 80_000,
    "question marks": "? " * 120_000,
    "a long name": "program: " + "x" * 260_000,
    "parentheses": "merchants: " + "(" * 3_900,
    "negations": "merchants: " + "not " * 999,
    "alternatives": "merchants: " + "x or " * 799 + "x",
    "a chain of metrics": many("metrics:\n", "  m{n}: m{next} + 1\n", 900),
    "a chain of few metrics": many("metrics:\n", "  m{n}: m{next} + 1\n", 99),
    "metrics that explode": many("metrics:\n", "  m{n}: m{next} + m{next} + m{next}\n", 99),
    "metrics that explode over ranges": many(
        "metrics:\n", "  m{n}: m{next} of all time + m{next} of the year to date\n", 99
    ),
    "targets that explode": many("targets:\n  t0: 1\n", "  t{next}: t{n} + t{n} + t{n}\n", 99),
    "gates": many("gates:\n", "- nonsense > {n} and more < 2\n", 1_400),
    "components": many("reward:\n", "- {{flat: {{amount: 1}}, when: x > {n}}}\n", 500),
    "columns": many("columns:\n", "  t{n}.a: money\n", 1_400),
    "examples": many("examples:\n", "- {{it: x, given: {{a: {n}}}, pays: 1}}\n", 400),
}


@pytest.fixture(scope="module")
def measured():
    process = subprocess.run(
        [sys.executable, "-c", MEASURE],
        input=json.dumps(TOO_MUCH),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(process.stdout)


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_too_much_is_refused_at_once(measured, name):
    assert len(TOO_MUCH[name].encode()) <= LARGEST_BYTES
    seconds, most_bytes, issues = measured[name]
    assert seconds < 0.1
    assert most_bytes < 64 * 1024 * 1024
    assert issues


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("gates:\n", "- orders > {n}\n"),
        ("columns:\n", "  t{n}.a: money\n"),
        ("metrics:\n", "  m{n}: sum(paid)\n"),
        ("targets:\n", "  t{n}: {n}\n"),
        ("qualifying:\n", "  t{n}: all\n"),
        ("reward:\n", "- {{name: c{n}, flat: {{amount: 1}}}}\n"),
        (
            "reward: {{rate: {{pays_on: gmv, rate: 1%}}}}\nexamples:\n",
            "- {{it: x, given: {{}}, pays: {n}}}\n",
        ),
        ("fund:\n  id: pot\n  amount: 1\n  funders:\n", "    f{n}: 1%\n"),
        ("stacking:\n  best_of:\n", "  - p{n}\n"),
        (
            "reward:\n  step:\n    qualifies_on: gmv\n    tiers:\n",
            "    - {{from: {n}, amount: 1}}\n",
        ),
    ],
)
def test_no_list_holds_more_than_a_hundred(head, line):
    def told(count: int) -> list[str]:
        issues = parse(
            many(head.replace("{{", "{").replace("}}", "}"), line, count).encode(), "x.yaml"
        ).issues
        return [issue.text() for issue in issues if "at most 100 are read" in issue.text()]

    assert told(MOST) == []
    (said,) = told(MOST + 1)
    assert "holds 101" in said
