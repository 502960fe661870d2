"""What earnings are made from beside facts, as one hash that needs no plan: the program's terms, its period,
the columns there are, and cogrow itself.

A plan follows from these, and so does what it reads; but for whether rows are asked for their currency,
which follows from the files. Whoever knows this hash need not make the plan to know what it would come to.
"""

from __future__ import annotations

import hashlib
import json
import zoneinfo
from functools import cache
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import cogrow
from cogrow.facts import FactFiles
from cogrow.ids import content_hash
from cogrow.period import Period
from cogrow.programs.program import Program

#: The rooms that turn a program's text into earnings; the modules beside them count as well.
ROOMS = ("engines", "expressions", "metrics", "programs", "rewards", "words")

#: What earnings come to, which they say of themselves.
SUMMED = ("operations/summary.py",)

#: What of these is read: code and grammar.
SUFFIXES = (".py", ".lark", ".json")

#: Libraries by which the same code would read terms, or compute, differently.
LIBRARIES = ("duckdb", "lark", "sqlglot")


@cache
def own_hash() -> str:
    """Return the hash of all that computes: this cogrow's own code, and its libraries' versions."""
    versions = " ".join(f"{name} {metadata.version(name)}" for name in LIBRARIES)
    return content_hash(f"{code_hash(Path(cogrow.__path__[0]))} {versions}".encode())


def code_hash(home: Path) -> str:
    """Return the hash of the code in a folder of rooms that turns programs into earnings."""
    files = [path for room in ROOMS for path in (home / room).rglob("*") if path.suffix in SUFFIXES]
    files += [home / name for name in SUMMED]
    digest = hashlib.sha256()
    for path in sorted([*files, *home.glob("*.py")]):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(home).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


@cache
def zone_hash(name: str) -> str:
    """Return the hash of a time zone's rules, wherever Python found them."""
    for folder in zoneinfo.TZPATH:
        path = Path(folder) / name
        if path.is_file():
            return content_hash(path.read_bytes())
    *package, last = name.split("/")
    found = resources.files(".".join(["tzdata", "zoneinfo", *package])) / last
    return content_hash(found.read_bytes())


def columns_hash(facts: FactFiles) -> str:
    """Return the hash of which columns each table of facts has."""
    columns = {name: dict(table.columns) for name, table in facts.tables.items()}
    return content_hash(json.dumps(columns, sort_keys=True).encode())


def terms_hash(program: Program, period: Period, columns: str) -> str:
    """Return the hash of all a plan follows from; `columns` stand for those of the facts.

    The program's version is the hash of its text. What is no part of that: the days of its festival come
    from facts, and until when it holds from the versions after it.
    """
    days, schedule = program.effective, program.schedule
    made_of: dict[str, Any] = {
        "cogrow": own_hash(),
        "program": [program.id, program.version],
        "calendar": [_plain(one) for one in schedule.calendar],
        "effective": [str(days.start), days.by, days.restates, str(days.end)] if days else [],
        "zone": zone_hash(str(schedule.zone)),
        "period": _plain(period),
        "columns": columns,
    }
    return content_hash(json.dumps(made_of).encode())


def _plain(period: Period) -> list[str]:
    return [str(period.start), str(period.end), period.name]
