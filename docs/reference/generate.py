"""Writes the parts of the reference that the code knows better: `make docs`.

In a page of this folder, what stands between `<!-- generated: NAME -->` and `<!-- end -->` is made by
the function of PARTS called NAME. A test fails where a page is not what would be written.
"""

from __future__ import annotations

import ast
import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click

from cogrow import errors
from cogrow.cli.commands import cli
from cogrow.cli.frame import INTERRUPTED
from cogrow.engines.steps.result import FIRST, LAST
from cogrow.engines.steps.result import REASONS as KNOWN_REASONS
from cogrow.errors import CogrowError, ProgramError
from cogrow.expressions.resolve import AGGREGATES, SCALARS
from cogrow.expressions.syntax import DEEPEST, LONGEST_TEXT, MOST_NODES
from cogrow.expressions.tree import Unit
from cogrow.facts import TABLES as CANONICAL
from cogrow.facts import Column, Kind, Link, Table
from cogrow.metrics.registry import metrics
from cogrow.money import EXPONENTS
from cogrow.period import Every
from cogrow.programs.spec import ProgramSpec, component_spec
from cogrow.rewards.registry import forms
from cogrow.rewards.terms import Key
from cogrow.schema import Declared, Field
from cogrow.sources.faults import FAULTS
from cogrow.words.expressions import FUNCTIONS, RANGES, UNITS
from cogrow.words.keys import CHOICES, FORM_KEYS, KEYS
from cogrow.words.tables import TABLES
from docs.reference import meanings, shipped
from docs.reference.books import ledger_accounts, ledger_postings, ledger_tables
from docs.reference.drawn import drawings, redraw
from docs.reference.mistakes import checks
from docs.reference.table import code, complete, table
from docs.reference.worked import FORMS, paid

FOLDER = Path(__file__).parent
SOURCE = FOLDER.parents[1] / "src" / "cogrow"
WIDTH = 78

MARK = re.compile(r"(<!-- generated: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
CODE = re.compile(r"(?!INT)[A-Z]{3}\d{3}")

KINDS = {
    Kind.TEXT: "text",
    Kind.MONEY: "money",
    Kind.COUNT: "whole number",
    Kind.NUMBER: "number",
    Kind.INSTANT: "instant (UTC)",
    Kind.DAY: "day",
    Kind.FLAG: "flag",
}


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _choices(annotation: Any) -> list[str]:
    found: list[str] = []
    for part in _parts(annotation):
        if get_origin(part) is Literal:
            found += get_args(part)
        elif isinstance(part, type) and issubclass(part, Every):
            found += [every.value for every in part]
    return found


def _fields(model: type[Declared], before: str = "") -> Iterator[tuple[str, Field]]:
    for name, field in model.fields().items():
        yield before + name, field
        for part in _parts(field.kind):
            if isinstance(part, type) and issubclass(part, Declared):
                yield from _fields(part, f"{before}{name}.")


def program_keys() -> str:
    """Return every key of a program: whether it must be there, what it means, what it may be."""
    whole = [*_fields(ProgramSpec), *_fields(component_spec(), "reward.")]
    found = {
        key: field for key, field in whole if key.split(".")[1:2] not in [[f] for f in forms()]
    }
    found["qualifying.dated_by"] = Field("dated_by", str | None, None)
    complete(found, KEYS)
    rows = []
    for key, meaning in KEYS.items():
        choices = _choices(found[key].kind)
        listed = f" (one of {', '.join(map(code, choices))})" if choices else ""
        rows.append([code(key), "yes" if found[key].required else "", meaning + listed])
    return table(["key", "required", "meaning"], rows)


def key_choices() -> str:
    """Return what each choice of a key does."""
    rows = [
        [code(key) if n == 0 else "", code(name), said]
        for key, words in CHOICES.items()
        for n, (name, said) in enumerate(words.items())
    ]
    return table(["key", "choice", "what it does"], rows)


def ranges() -> str:
    """Return what may follow the name of a metric."""
    return table(["written", "measured over"], [[code(f"gmv {w}"), s] for w, s in RANGES.items()])


def reward_keys() -> str:
    """Return which form takes which keys."""
    complete([key.value for key in Key], FORM_KEYS)
    rows = []
    for key, meaning in FORM_KEYS.items():
        takers = [
            code(name) + ("" if key in form.required else " (optional)")
            for name, form in forms().items()
            if key in (*form.required, *form.optional)
        ]
        rows.append([code(key), meaning, ", ".join(takers)])
    return table(["key", "meaning", "forms"], rows)


def reward_forms() -> str:
    """Return each form with a reward as written and what the engine pays for it."""
    complete(forms(), FORMS)
    drawn, whole = drawings(), ""
    for name, form in forms().items():
        worked = FORMS[name]
        heads = [*worked.given[0], "earned"]
        rows = [
            [*(value.replace("_", ",") for value in given.values()), amount]
            for given, amount in zip(worked.given, paid(worked), strict=True)
        ]
        whole += f"## {name}\n\nPays {form.sentence}.\n\n"
        if name in drawn:
            whole += f"![what {name} pays](curves/{name}.svg)\n\n"
        whole += f"```yaml\n{worked.more}{worked.reward}```\n\n{table(heads, rows)}\n"
    return whole


def standard_metrics() -> str:
    """Return every metric a program may use by name."""
    rows = [[code(m.name), m.unit.value, str(m.meaning), code(m.text)] for m in metrics().values()]
    return table(["metric", "unit", "what it measures", "its expression"], rows)


def functions() -> str:
    """Return every function of expressions."""
    complete([*AGGREGATES, *SCALARS], FUNCTIONS)

    def listed(names: Sequence[str]) -> str:
        rows = [[code(name), *_called(name)] for name in names]
        return table(["function", "for example", "gives"], rows)

    return f"Over rows:\n\n{listed(AGGREGATES)}\nOver values:\n\n{listed(SCALARS)}"


def _called(name: str) -> list[str]:
    example, gives = FUNCTIONS[name]
    return [code(example), gives]


def units() -> str:
    """Return every unit a value may have."""
    complete([unit.value for unit in Unit], UNITS)
    rows = [[unit, *said] for unit, said in UNITS.items()]
    return table(["unit", "what has it", "a constant of it"], rows)


def bounds() -> str:
    """Return how large an expression may be."""
    return (
        f"An expression has at most {LONGEST_TEXT:,} characters and {MOST_NODES} parts, nested at most "
        f"{DEEPEST} deep.\n"
    )


def currencies() -> str:
    """Return the currencies by how many decimals they have."""
    rows = [
        [str(places), " ".join(name for name, found in EXPONENTS.items() if found == places)]
        for places in sorted(set(EXPONENTS.values()))
    ]
    return table(["decimals", "currencies"], rows)


def fact_tables() -> str:
    """Return every canonical table with its columns."""
    complete(CANONICAL, TABLES)
    return "".join(_table(found) for found in CANONICAL.values())


def _table(found: Table) -> str:
    key = ", ".join(map(code, found.key))
    said = f"{TABLES[found.name].capitalize()}. Key: {key}."
    if found.dated_by:
        said += f" Dated by `{found.dated_by}`."
    if found.extensible:
        said += " Takes further columns of your own."
    rows = [
        [code(c.name), code(c.word), KINDS[c.kind], "" if c.optional else "yes", _leads(found, c)]
        for c in found.columns
    ]
    heads = ["column", "in expressions", "holds", "required", "a row of"]
    return f"## {found.name}\n\n{said}\n\n{table(heads, rows)}\n"


def _leads(found: Table, column: Column) -> str:
    def ends(link: Link) -> bool:
        return link.columns[-1] == column.name

    return ", ".join(code(link.table) for link in found.links if ends(link))


def earnings_columns() -> str:
    """Return the columns all earnings have."""
    complete([*FIRST, *LAST], meanings.EARNINGS)
    return table(
        ["column", "meaning"], [[code(name), meanings.EARNINGS[name]] for name in (*FIRST, *LAST)]
    )


def reasons() -> str:
    """Return every reason a row of earnings may give."""
    complete(KNOWN_REASONS, meanings.REASONS)
    return table(
        ["reason", "meaning"], [[code(name), meanings.REASONS[name]] for name in KNOWN_REASONS]
    )


def written_codes() -> set[str]:
    """Return every issue code that stands in the source."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if CODE.fullmatch(node.value) else set()
    return found


def issue_codes() -> str:
    """Return every issue code by family."""
    complete(written_codes() - FAULTS.keys(), meanings.CODES)
    said = meanings.CODES | {name: _fault(name) for name in FAULTS}
    families = (
        ("YML", "Files"),
        ("PRG", "Programs"),
        ("EXP", "Expressions"),
        ("MAP", "Mappings"),
        ("FCT", "Facts"),
        ("CLI", "Names on the command line"),
        ("SIM", "Simulations"),
    )
    complete({name[:3] for name in said}, [family for family, _ in families])
    whole = ""
    for family, title in families:
        rows = [[code(name), said[name]] for name in sorted(said) if name.startswith(family)]
        whole += f"## {title}\n\n{table(['code', 'meaning'], rows)}\n"
    return whole


def _fault(name: str) -> str:
    fault = FAULTS[name]
    said = re.sub(r"`?\{(\w+)\}(?:\.\{(\w+)\})?`?", lambda m: f"*{m[2] or m[1]}*", fault.what)
    grave = " (warning)" if fault.severity is errors.Severity.WARNING else ""
    return said.rstrip(".") + grave + "."


def commands() -> str:
    """Return the help of every command, as it is printed."""

    def listed(found: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
        settings = found.context_settings if parent is None else {}
        context = click.Context(found, parent, info_name=name, terminal_width=WIDTH, **settings)
        path = context.command_path
        yield f"## {path}\n\n```console\n$ {path} --help\n{found.get_help(context)}\n```\n\n"
        if isinstance(found, click.Group):
            for inside in found.list_commands(context):
                yield from listed(found.commands[inside], inside, context)

    return "".join(listed(cli, "cogrow", None))


def exit_codes() -> str:
    """Return what each exit code means."""
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, CogrowError) and kind is not CogrowError
    ]
    said: dict[int, str] = {}
    for kind in kinds:  # what is said of several is said by the first, the widest of them
        said.setdefault(kind.exit_code, (kind.__doc__ or "").split("\n")[0])
    said |= {
        0: "Done.",
        1: "A question at the terminal was left without an answer.",
        ProgramError.exit_code: f"{said[ProgramError.exit_code]} Or an example pays something else, or "
        "the command itself is mistyped: a value that cannot be read, or a new file where one is there.",
        INTERRUPTED: "Stopped with Ctrl-C.",
        128 + signal.SIGTERM: "Stopped by the system.",
    }
    return table(["code", "meaning"], [[code(number), said[number]] for number in sorted(said)])


def shipped_programs() -> str:
    """Return the programs of the library by folder: what each pays, and where it comes from."""
    heads = ["program", "title", "pays", "source"]
    return "".join(
        f"## {shipped.FOLDERS[folder]}\n\n{table(heads, shipped.rows(found))}\n"
        for folder, found in shipped.programs_by_folder().items()
    )


PARTS: Mapping[str, Callable[[], str]] = {
    part.__name__: part
    for part in (
        program_keys,
        key_choices,
        ranges,
        checks,
        reward_keys,
        reward_forms,
        standard_metrics,
        functions,
        units,
        bounds,
        currencies,
        fact_tables,
        earnings_columns,
        reasons,
        issue_codes,
        commands,
        exit_codes,
        shipped_programs,
        ledger_tables,
        ledger_accounts,
        ledger_postings,
    )
}


def generated(page: str) -> str:
    """Return the text of a page with each generated part as it should be. Raises KeyError for a part
    nobody makes.
    """
    return MARK.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]().rstrip()}\n\n{found[4]}", page)


def pages() -> list[Path]:
    """Return the pages of this folder."""
    return sorted(FOLDER.glob("*.md"))


if __name__ == "__main__":
    redraw()
    for path in pages():
        path.write_text(generated(path.read_text(encoding="utf-8")), encoding="utf-8")
