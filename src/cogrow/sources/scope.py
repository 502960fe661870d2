"""What the names of an expression mean over a source, and how an expression is refused there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cogrow.errors import Message
from cogrow.expressions.syntax import ExpressionError
from cogrow.sources.sql import Sql


class Refused(ExpressionError):
    """An expression that reads well but says what cannot be done with these columns."""

    def __init__(self, what: Message, at: int, hint: Message | None = None, code: str = "") -> None:
        super().__init__(what, at, hint)
        self.code = code or "MAP002"


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of a source: the name it has in the relation, and its DuckDB type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Scope:
    """What names mean: the columns of the files, our names for them, and where the rows come from."""

    columns: Mapping[str, SourceColumn]
    names: Mapping[str, str]
    input: str
    file: Sql
    row: Sql
