"""The shape of a mapping file: what may be written where, before anything is looked up."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from cogrow.errors import N_
from cogrow.schema import Called, Declared, Reader, shown, wrong


def _listed(value: Any) -> Any:
    """Return one text as a list of it: `from: a` is `from: [a]`."""
    if value == []:
        raise wrong(N_("`{name}` is empty; name at least one."))
    return [value] if isinstance(value, str) else value


def _column(value: Any) -> Any:
    """Return a bare expression as the column form that holds it."""
    return {"expression": value} if isinstance(value, str) else value


def _flag(value: Any) -> Any:
    if value not in ("true", "false"):
        raise wrong(N_("`{name}` is {found}; it should be true or false."), found=shown(value))
    return value == "true"


def _delimiter(value: Any) -> Any:
    if isinstance(value, str) and (len(value) != 1 or value in '"\r\n'):
        what = N_("`{name}` is {found}; it should be one character, such as a comma.")
        raise wrong(what, found=shown(value))
    return value


Names = Annotated[tuple[str, ...], Reader(_listed)]
Flag = Annotated[bool, Reader(_flag)]


class CsvDeclared(Declared):
    """How a CSV file is written, where that should not be detected."""

    delimiter: Annotated[str | None, Reader(_delimiter)] = None
    encoding: str | None = None
    header: Flag = True


class InputDeclared(Declared):
    """One set of files with the same columns, and names for those columns."""

    files: Annotated[Names, Called("from")]
    names: dict[str, str] = {}
    where: str | None = None
    csv: CsvDeclared = CsvDeclared()


class ColumnDeclared(Declared):
    """Where the values of one of our columns come from: exactly one of the first three."""

    expression: str | None = None
    constant: str | None = None
    money: str | None = None
    rounding: Literal["exact", "half_up"] | None = None


class SelectionDeclared(Declared):
    """Rows of one or more inputs that become rows of one table."""

    inputs: Annotated[Names, Called("from")]
    where: str | None = None
    distinct: Flag = False
    currency: str | None = None
    columns: dict[str, Annotated[ColumnDeclared, Reader(_column)]]


class MappingDeclared(Declared):
    """A whole mapping file; the tables' selections are held against their own model."""

    timezone: str
    currency: str | None = None
    inputs: dict[str, InputDeclared]
    tables: dict[str, Any]
    imported: dict[str, Any] = {}
