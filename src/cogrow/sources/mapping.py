"""What a mapping file says: which inputs feed which table, and how each of our columns is made."""

from __future__ import annotations

import re
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from cogrow import schema
from cogrow.errors import N_, Issue, Message, Span, joined, message, nearest
from cogrow.expressions import syntax
from cogrow.facts import TABLES, Column, Kind, Link, Table
from cogrow.money import EXPONENTS
from cogrow.sources.declared import (
    ColumnDeclared,
    CsvDeclared,
    InputDeclared,
    MappingDeclared,
    SelectionDeclared,
)
from cogrow.strict_yaml import Document, dotted, read
from cogrow.strict_yaml import Path as Keys

NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)

Rounding = Literal["exact", "half_up"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression and where its text stands: `offset` columns after `place`."""

    node: syntax.Node
    place: Span
    offset: int | None = None

    def issue(self, error: syntax.ExpressionError, code: str) -> Issue:
        """Return what is wrong with the expression, at the character where it is wrong."""
        return error.issue(self.place, offset=self.offset, code=code)


@dataclass(frozen=True, slots=True)
class Assigned:
    """How one column is made: an expression, or a constant text.

    `rounding` is set where the expression is money in major units, to be turned into minor ones.
    """

    value: Expression | str
    place: Span
    rounding: Rounding | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """Files that are read alike: patterns relative to the mapping, and our names for their columns."""

    name: str
    patterns: tuple[str, ...]
    place: Span
    names: Dict[str, str] = field(default_factory=dict)
    where: Expression | None = None
    csv: CsvDeclared = field(default_factory=CsvDeclared)


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of the named inputs that become rows of one table."""

    inputs: tuple[str, ...]
    columns: Dict[str, Assigned]
    place: Span
    where: Expression | None = None
    distinct: bool = False
    currency: Expression | None = None


@dataclass(frozen=True, slots=True)
class Mapped:
    """A table and the selections that fill it."""

    table: Table
    selections: tuple[Selection, ...]
    place: Span


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping: `zone` is that of local times, `currency` that of amounts that name none."""

    inputs: Dict[str, Input]
    tables: Dict[str, Mapped]
    zone: ZoneInfo
    currency: str | None = None


#: The folder of rows at fault beside the tables, and so the name of none.
QUARANTINE = "quarantine"


def imported_table(name: str, columns: set[str]) -> Table:
    """Return the contract of an imported table: keyed by merchant, and program or period if it has them."""
    key = ("merchant_id", *(name for name in ("program", "period") if name in columns))
    return Table(
        name,
        key,
        tuple(Column(part, Kind.TEXT) for part in key),
        links=(Link("merchants", ("merchant_id",)),),
        extensible=True,
    )


class _Reader:
    """Turns a document into a Mapping, collecting every issue on the way."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.issues: list[Issue] = []

    def complain(
        self, path: Keys, what: Message, hint: Message | None = None, *, key: bool = False
    ) -> None:
        self.issues.append(Issue("MAP001", what, self.document.place(path, key=key), hint=hint))

    def expression(self, text: str | None, path: Keys) -> Expression | None:
        if text is None:
            return None
        place, offset = self.document.place(path), self.document.offsets.get(path)
        try:
            return Expression(syntax.parse(text), place, offset)
        except syntax.ExpressionError as error:
            error.hint = _meant(text, error)
            self.issues.append(error.issue(place, offset=offset, code="MAP002"))
            return None

    def mapping(self) -> Mapping | None:
        whole, issues = schema.validate(MappingDeclared, self.document, code="MAP001")
        self.issues += issues
        if whole is None:
            return None
        if whole.timezone not in available_timezones():
            what = N_(
                "`timezone` is {found}, which is no time zone; write one such as Asia/Shanghai."
            )
            hint = nearest(whole.timezone, sorted(available_timezones()))
            self.complain(("timezone",), message(what, found=repr(whole.timezone)), hint)
        if whole.currency is not None and whole.currency not in EXPONENTS:
            what = N_("`currency` is {found}; it should be an ISO 4217 code such as CNY or EUR.")
            self.complain(("currency",), message(what, found=repr(whole.currency)))
        grounded = not self.issues
        inputs = {
            name: made
            for name, given in whole.inputs.items()
            if (made := self.input(name, given)) is not None
        }
        tables: dict[str, Mapped | None] = {}
        for name, given in whole.tables.items():
            if name in TABLES:
                tables[name] = self.table(whole, ("tables", name), given)
            else:
                hint = nearest(name, TABLES) or message(
                    N_("A table of your own goes under `imported`.")
                )
                what_known = message(N_("`{name}` is no table of cogrow."), name=name)
                self.complain(("tables", name), what_known, hint, key=True)
        for name, given in whole.imported.items():
            if name in TABLES or name == QUARANTINE or not NAME.fullmatch(name):
                what = N_("An imported table cannot be called {name}.")
                hint = message(
                    N_("Small letters, digits and _, and no name of cogrow's own tables.")
                )
                self.complain(("imported", name), message(what, name=repr(name)), hint, key=True)
            else:
                tables[name] = self.table(whole, ("imported", name), given)
        if not grounded:
            return None
        sound = {name: table for name, table in tables.items() if table is not None}
        return Mapping(inputs, sound, ZoneInfo(whole.timezone), whole.currency)

    def input(self, name: str, given: InputDeclared) -> Input | None:
        path, before = ("inputs", name), len(self.issues)
        for ours in given.names:
            if not re.fullmatch(r"[A-Za-z_]\w*", ours, re.ASCII):
                what = N_("{name} cannot be written in an expression; use letters, digits and _.")
                self.complain((*path, "names", ours), message(what, name=repr(ours)), key=True)
        where = self.expression(given.where, (*path, "where"))
        place = self.document.place((*path, "from"))
        if len(self.issues) > before:
            return None
        return Input(name, given.files, place, given.names, where, given.csv)

    def table(self, whole: MappingDeclared, path: Keys, given: Any) -> Mapped | None:
        before = len(self.issues)
        several = isinstance(given, list)
        listed = (
            [((*path, at), item) for at, item in enumerate(given)] if several else [(path, given)]
        )
        name = str(path[-1])
        selections: list[Selection] = []
        columns = {
            column
            for _, item in listed
            if isinstance(item, dict) and isinstance(item.get("columns"), dict)
            for column in item["columns"]
        }
        table = TABLES[name] if path[0] == "tables" else imported_table(name, columns)
        for at, item in listed:
            made = self.selection(whole, table, at, item)
            if made is not None:
                selections.append(made)
        if not listed:
            self.complain(path, message(N_("`{name}` is empty."), name=dotted(path)))
        if len({selection.distinct for selection in selections}) > 1:
            what = N_("All parts of `{name}` are `distinct`, or none is.")
            self.complain(path, message(what, name=dotted(path)))
        if len(self.issues) > before:
            return None
        return Mapped(table, tuple(selections), self.document.place(path, key=True))

    def selection(
        self, whole: MappingDeclared, table: Table, path: Keys, given: Any
    ) -> Selection | None:
        declared, issues = schema.validate(
            SelectionDeclared, self.document, code="MAP001", at=path, data=given
        )
        self.issues += issues
        if declared is None:
            return None
        for at, name in enumerate(declared.inputs):
            if name not in whole.inputs:
                keys = (*path, "from", at) if isinstance(given["from"], list) else (*path, "from")
                told = message(N_("There is no input {name}."), name=repr(name))
                listed = message(N_("Inputs: {names}."), names=", ".join(whole.inputs) or "-")
                self.complain(keys, told, nearest(name, whole.inputs) or listed)
        columns: dict[str, Assigned] = {}
        for name, column in declared.columns.items():
            keys = (*path, "columns", name)
            self.check_name(table, name, keys)
            assigned = self.assigned(column, keys)
            if assigned is not None:
                columns[name] = assigned
        own = table.by_name.get("currency")
        # A refund of an order is in the order's currency; one without an order needs its own.
        needed = own and (not own.optional or "order_id" not in declared.columns)
        if needed and "currency" not in declared.columns and whole.currency:
            columns["currency"] = Assigned(whole.currency, self.document.place(("currency",)))
        for wanted in table.columns:
            unmapped = wanted.name not in declared.columns and wanted.name not in columns
            if unmapped and not wanted.optional:
                what = N_("`{name}` does not say where `{column}` comes from.")
                hint = nearest(wanted.name, set(declared.columns) - set(table.by_name))
                unsaid = message(what, name=dotted((*path, "columns")), column=wanted.name)
                self.complain((*path, "columns"), unsaid, hint, key=True)
        return Selection(
            declared.inputs,
            columns,
            self.document.place(path),
            self.expression(declared.where, (*path, "where")),
            declared.distinct,
            self.expression(declared.currency, (*path, "currency")),
        )

    def check_name(self, table: Table, name: str, keys: Keys) -> None:
        if name in table.by_name:
            return
        if not table.extensible:
            what = message(N_("`{table}` has no column `{column}`."), table=table.name, column=name)
            hint = nearest(name, table.by_name) or message(
                N_("Columns: {names}."), names=", ".join(table.by_name)
            )
            self.complain(keys, what, hint, key=True)
        elif not NAME.fullmatch(name):
            what = message(N_("A column cannot be called {name}."), name=repr(name))
            hint = message(N_("Small letters, digits and _, beginning with a letter."))
            self.complain(keys, what, hint, key=True)

    def assigned(self, column: ColumnDeclared, keys: Keys) -> Assigned | None:
        given = {
            name: text
            for name in ("expression", "constant", "money")
            if (text := getattr(column, name)) is not None
        }
        place = self.document.place(keys)
        if len(given) != 1:
            what = N_("`{name}` should be an expression, or have one of `constant` and `money`.")
            self.complain(keys, message(what, name=dotted(keys)))
            return None
        if column.rounding and "money" not in given:
            what = N_("`{name}` rounds, but only `money` is rounded to minor units.")
            self.complain((*keys, "rounding"), message(what, name=dotted(keys)), key=True)
        ((form, text),) = given.items()
        if form == "constant":
            return Assigned(text, place)
        at = keys if isinstance(self.raw(keys), str) else (*keys, form)
        expression = self.expression(text, at)
        if expression is None:
            return None
        rounding = (column.rounding or "exact") if form == "money" else None
        return Assigned(expression, expression.place, rounding)

    def raw(self, keys: Keys) -> Any:
        here: Any = self.document.data
        for key in keys:
            here = here[key]
        return here


#: Nothing but words: the name of a column as people write it over a table, or a text.
_WORDS = re.compile(r"\w[\w .,#/&-]*")


def constant(text: str) -> Message:
    """Return the hint how a text is written that is the same in every row."""
    return message(N_("For the same text in every row write `{{constant: {text}}}`."), text=text)


def _meant(text: str, error: syntax.ExpressionError) -> Message | None:
    """Return the hint for an expression that cannot be read: it may be a column's name, or a text."""
    words = _WORDS.fullmatch(text) and syntax.KEYWORDS.isdisjoint(text.lower().split())
    column = text if words else syntax.foreign(text, error.at)
    if not column or (words and text.isidentifier() and text.isascii()):
        return error.hint
    what = N_("A column of this name needs a word under the input's `names`: `{{word: {column}}}`.")
    shown = repr(column) if "," in column or "#" in column else column
    more = constant(text) if words else syntax.quoted(column)
    return joined(message(what, column=shown), more)


def load(path: Path) -> tuple[Mapping | None, list[Issue]]:
    """Return the mapping in the file at `path`, with every issue in it.

    What is at fault is left out of the mapping, so that the rest can be tried on the files; None
    where nothing can be.
    """
    document, issues = read(path.read_bytes(), str(path))
    if document is None:
        return None, issues
    keys = set(document.data) if isinstance(document.data, dict) else set[str]()
    if "program" in keys and keys.isdisjoint(("inputs", "tables", "imported")):
        what = message(N_("This is a program, not a mapping of facts."))
        hint = message(N_("`cogrow check {file}` checks programs."), file=str(path))
        place = document.place(("program",), key=True)
        return None, [*issues, Issue("MAP001", what, place, hint=hint)]
    reader = _Reader(document)
    mapping = reader.mapping()
    return (None if issues else mapping), [*issues, *reader.issues]
