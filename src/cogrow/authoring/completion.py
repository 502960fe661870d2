"""What can be written where an expression stands: metrics, columns, functions and ranges, as the
definitions of a JSON Schema whose examples and constants an editor offers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from cogrow.errors import Message
from cogrow.expressions.resolve import AGGREGATES, MEASURED, SCALARS
from cogrow.expressions.scope import PER_MERCHANT, Schema
from cogrow.expressions.tree import Unit
from cogrow.facts import TABLES, Kind
from cogrow.metrics.registry import metrics
from cogrow.words.expressions import FUNCTIONS, RANGES
from cogrow.words.keys import CHOICES, KEYS
from cogrow.words.tables import TABLES as MEANINGS

Json = dict[str, Any]
Say = Callable[[Message], str]

#: A call of each function over values, as a metric or an amount may hold it.
CALLS = {
    "least": "least(gmv, 1_000)",
    "greatest": "greatest(net_sales, 0)",
    "coalesce": "coalesce(rating, 0)",
    "abs": "abs(gmv - net_sales)",
    "if": "if(orders >= 10, gmv, 0)",
    "days_between": "days_between(merchants.joined_on, period.start)",
    "months_between": "months_between(merchants.joined_on, period.start)",
    "starts_with": "starts_with(merchants.name, 'A')",
    "lower": "lower(merchants.category) = 'apparel'",
}

#: What YAML reads an expression as: `100` is a number to it, `true` a flag.
_SCALAR = ["string", "number", "boolean"]
_NUMBER = ["string", "number"]


def columns_of(table: str) -> list[str]:
    """Return how a condition on a row of `table` names its columns and those of what it leads to."""
    found = []
    for name in Schema.canonical().reachable(table):
        words = TABLES[name].by_word
        found += [word if name == table else f"{name}.{word}" for word in words]
    return found


def columns_per_merchant(*kinds: Kind) -> list[str]:
    """Return the columns that have one value per merchant, of the given kinds (all without)."""
    return [
        f"{table}.{column.word}"
        for table in PER_MERCHANT
        for column in TABLES[table].columns
        if column.name not in TABLES[table].key and (not kinds or column.kind in kinds)
    ]


def _calls() -> list[str]:
    """Return calls that add up rows: each aggregate, over each column it can add up."""
    numbers = (Kind.MONEY, Kind.COUNT, Kind.NUMBER)
    sums = [
        f"sum({table}.{column.word})"
        for table in sorted(MEASURED)
        for column in TABLES[table].columns
        if column.kind in numbers and column.name not in TABLES[table].key
    ]
    counts = [f"count({table})" for table in sorted(MEASURED - {"order_lines"})]
    return [FUNCTIONS[name][0] for name in AGGREGATES] + sums + counts


def _named(say: Say, *units: Unit) -> list[Json]:
    return [
        {"const": metric.name, "description": say(metric.meaning)}
        for metric in metrics().values()
        if not units or metric.unit in units
    ]


def _open(types: list[str], examples: Iterable[str]) -> Json:
    return {"type": types, "examples": list(dict.fromkeys(examples))}


def definitions(say: Say) -> Json:
    """Return the definitions of what an expression can be, by name."""
    ranges = [f"gmv {words}" for words in RANGES if words != "of the merchant"]
    scalars = [CALLS[name] for name in SCALARS if name not in ("starts_with", "lower")]
    days = columns_per_merchant(Kind.DAY, Kind.INSTANT)
    values = [*ranges, "110% of baseline", "period.start", "period.end", *columns_per_merchant()]
    value = {"anyOf": [*_named(say), _open(_NUMBER, [*values, *scalars])]}
    conditions = ["all", *(f"{name} >= 1" for name in metrics()), "baseline > 0"]
    conditions += [CALLS[name] for name in ("starts_with", "lower")]
    last_year = ("same month last year", "same quarter last year", "previous period")
    found = {
        "value": value,
        "metric": _open(_NUMBER, [*_calls(), *scalars, *metrics()]),
        "count": {"anyOf": [*_named(say, Unit.COUNT), {"type": "string"}]},
        "condition": _open(_SCALAR, [*conditions, *columns_per_merchant()]),
        "baseline": _open(
            _NUMBER,
            [
                *(f"{name} of the {words}" for name in ("gmv", "net_sales") for words in last_year),
                *columns_per_merchant(Kind.MONEY),
            ],
        ),
        "amount": _open(_NUMBER, ["1_000 CNY", "0.50 CNY"]),
        "rate": _open(_NUMBER, ["1%", "2.5%", "50%", "0.50 CNY"]),
        "day": _open(["string"], days),
        "day_of_merchants": _open(["string"], [day.partition(".")[2] for day in days[:1]]),
    }
    for table in ("merchants", "visits"):
        found[f"rows_of_{table}"] = _open(_SCALAR, ["all", *columns_of(table)])
    return found


def qualifying(say: Say) -> Json:
    """Return the schema of `qualifying`: a condition per table, and the date."""
    tables = {
        table: {
            "title": table,
            "description": say(Message(MEANINGS[table])),
            **_open(_SCALAR, ["all", *columns_of(table)]),
        }
        for table in TABLES
        if table in MEASURED
    }
    instants = [column.name for column in TABLES["orders"].columns if column.kind is Kind.INSTANT]
    dated_by = {
        "description": say(Message(KEYS["qualifying.dated_by"])),
        "anyOf": [
            {"const": name, "description": say(Message(CHOICES["effective.by"][name]))}
            for name in instants
        ],
        "default": "placed_at",
    }
    return {
        "type": "object",
        "properties": {**tables, "dated_by": dated_by},
        "additionalProperties": False,
        "not": {"required": ["orders", "order_lines"]},
    }
