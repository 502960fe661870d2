"""From the text of an expression to its syntax tree: names not yet looked up, units not yet known."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import UnexpectedToken, VisitError

from cogrow.errors import N_, Issue, Message, Span, message
from cogrow.expressions.tables import parser
from cogrow.facts import EARLIEST_YEAR, LATEST_YEAR
from cogrow.money import parse_number

#: Words of the grammar: nothing can be called by them.
KEYWORDS = frozenset({
    *("and", "or", "not", "in", "is", "null", "between", "of", "where", "true", "false"),
    *("minute", "minutes", "hour", "hours", "day", "days"),
})  # fmt: skip

LONGEST_TEXT = 4_000
MOST_NODES = 200
DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of an expression; `at` is its offset in the text."""

    at: int = field(compare=False, kw_only=True)

    @property
    def parts(self) -> tuple[Node, ...]:
        """Return the pieces directly below."""
        return ()


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant; `kind` is number, percent, text, flag, day, duration, or a currency code."""

    value: Fraction | str | bool | date | timedelta
    kind: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    """A name, perhaps of a column of a table: `paid`, `products.category`."""

    name: str
    table: str = ""

    def __str__(self) -> str:
        return f"{self.table}.{self.name}" if self.table else self.name


@dataclass(frozen=True, slots=True)
class Ranged(Node):
    """A name over other days or another grain than its place has: `gmv of the last 30 days`.

    `ranges` are the words after each `of`, in lower case: `year to date`, `last 30 days`, `merchant`.
    """

    name: Name
    ranges: tuple[str, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        """Return the name."""
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Operation(Node):
    """An operator over its operands.

    `op` is one of: or and not = <> < <= > >= + - * / neg in is_null.
    `in` has the tested value first.
    """

    op: str
    operands: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        """Return the operands."""
        return self.operands


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function call; `where` keeps only some rows of an aggregate."""

    function: str
    arguments: tuple[Node, ...]
    where: Node | None = None

    @property
    def parts(self) -> tuple[Node, ...]:
        """Return the arguments, then the filter."""
        return (*self.arguments, *([self.where] if self.where else []))


class ExpressionError(ValueError):
    """An expression that cannot be read; `at` is the offset of the trouble in its text."""

    def __init__(self, what: Message, at: int = 0, hint: Message | None = None) -> None:
        super().__init__(what.render())
        self.what, self.at, self.hint = what, at, hint

    def issue(self, place: Span, *, offset: int | None, code: str = "EXP001") -> Issue:
        """Return the issue at `place`; the text starts `offset` columns after it (None: elsewhere)."""
        column = place.column if offset is None else place.column + offset + self.at
        where = Span(place.file, place.line, column, place.path)
        return Issue(code, self.what, where, hint=self.hint)


@v_args(inline=True)
class _Build(Transformer[Token, Node]):
    """Builds nodes while the parser reduces, so no tree is walked recursively."""

    def start(self, node: Node) -> Node:
        return node

    def _chain(self, op: str, items: tuple[Any, ...]) -> Node:
        return Operation(op, tuple(items[::2]), at=items[0].at)

    def or_(self, *items: Any) -> Node:
        return self._chain("or", items)

    def and_(self, *items: Any) -> Node:
        return self._chain("and", items)

    def negation(self, token: Token, operand: Node) -> Node:
        return Operation("not", (operand,), at=token.start_pos or 0)

    def compare(self, left: Node, token: Token, right: Node) -> Node:
        return Operation("<>" if token == "!=" else str(token), (left, right), at=left.at)

    def among(self, tested: Node, _in: Token, *items: Node) -> Node:
        return Operation("in", (tested, *items), at=tested.at)

    def not_among(self, tested: Node, _not: Token, _in: Token, *items: Node) -> Node:
        return Operation("not", (self.among(tested, _in, *items),), at=tested.at)

    def is_null(self, tested: Node, *_tokens: Token) -> Node:
        return Operation("is_null", (tested,), at=tested.at)

    def is_not_null(self, tested: Node, *_tokens: Token) -> Node:
        return Operation("not", (self.is_null(tested),), at=tested.at)

    def between(self, tested: Node, _b: Token, low: Node, _and: Token, high: Node) -> Node:
        bounds = (
            Operation(">=", (tested, low), at=tested.at),
            Operation("<=", (tested, high), at=tested.at),
        )
        return Operation("and", bounds, at=tested.at)

    def binary(self, left: Node, token: Token, right: Node) -> Node:
        op = "*" if token.type == "OF" else str(token)
        return Operation(op, (left, right), at=left.at)

    def minus(self, token: Token, operand: Node) -> Node:
        if isinstance(operand, Literal) and isinstance(operand.value, Fraction):
            return Literal(-operand.value, operand.kind, at=token.start_pos or 0)
        return Operation("neg", (operand,), at=token.start_pos or 0)

    def _number(self, token: Token, text: str) -> Fraction:
        value = parse_number(text)
        if value is None:
            what = message(N_("{text} is not a number: write 1_000 or 1000.50."), text=repr(text))
            raise ExpressionError(what, token.start_pos or 0)
        return value

    def number(self, token: Token) -> Node:
        return Literal(self._number(token, str(token)), "number", at=token.start_pos or 0)

    def percent(self, token: Token) -> Node:
        value = self._number(token, str(token)[:-1].strip()) / 100
        return Literal(value, "percent", at=token.start_pos or 0)

    def money(self, token: Token, currency: Token) -> Node:
        return Literal(self._number(token, str(token)), str(currency), at=token.start_pos or 0)

    def duration(self, token: Token, unit: Token) -> Node:
        seconds = {"m": 60, "h": 3_600, "d": 86_400}[unit[0].lower()]
        length = self._number(token, str(token)) * seconds
        if length.denominator != 1 or length > 100 * 366 * 86_400:
            what = message(N_("A duration is a whole number of minutes, at most 100 years."))
            raise ExpressionError(what, token.start_pos or 0)
        value = timedelta(seconds=length.numerator)
        return Literal(value, "duration", at=token.start_pos or 0)

    def date(self, token: Token) -> Node:
        at = token.start_pos or 0
        try:
            found = date.fromisoformat(token)
        except ValueError:
            what = message(N_("{text} is not a date."), text=str(token))
            raise ExpressionError(what, at) from None
        if not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
            outside = N_("{text} lies outside the years {first} to {last}.")
            years = {"first": EARLIEST_YEAR, "last": LATEST_YEAR}
            raise ExpressionError(message(outside, text=str(token), **years), at)
        return Literal(found, "day", at=at)

    def text(self, token: Token) -> Node:
        return Literal(token[1:-1].replace("''", "'"), "text", at=token.start_pos or 0)

    def true(self, token: Token) -> Node:
        return Literal(value=True, kind="flag", at=token.start_pos or 0)

    def false(self, token: Token) -> Node:
        return Literal(value=False, kind="flag", at=token.start_pos or 0)

    def name(self, *tokens: Token) -> Node:
        table = str(tokens[0]) if len(tokens) == 2 else ""
        return Name(str(tokens[-1]), table, at=tokens[0].start_pos or 0)

    def ranged(self, *tokens: Token) -> Node:
        at = tokens[0].start_pos or 0
        words = (token.lower().split()[1:] for token in tokens[1:])
        ranges = (" ".join(w[1:] if w[0] == "the" else w) for w in words)
        return Ranged(Name(str(tokens[0]), at=at), tuple(ranges), at=at)

    def call(self, name: Token, *items: Any) -> Node:
        given = [item for item in items if item is not None]
        where = None
        for index, item in enumerate(given):
            if isinstance(item, Token):
                where = given[index + 1]
                given = given[:index]
                break
        return Call(str(name), tuple(given), where, at=name.start_pos or 0)


setattr(_Build, "or", _Build.or_)
setattr(_Build, "and", _Build.and_)


@cache
def _parser() -> Lark:
    return parser(_Build())


def _size(node: Node) -> tuple[int, int]:
    """Return how many nodes a tree has and how deep it is, without recursion."""
    count, deepest, waiting = 0, 0, [(node, 1)]
    while waiting:
        here, depth = waiting.pop()
        count, deepest = count + 1, max(deepest, depth)
        waiting += [(part, depth + 1) for part in here.parts]
    return count, deepest


_ENDS = {"$END"}
_OF_THE = re.compile(r"\bof\s+the\s+$", re.IGNORECASE)
_RANGES = N_(
    "After a metric's name: of the year to date, of the program to date, of the last 30 days, "
    "of the previous period, of the same period last year, of all time."
)


#: Text in quotes of another kind, or a word with letters that no name has.
_UNQUOTED = re.compile('["“”„«»‘’]([^"“”„«»‘’]*)|(\\w*[^\\W\x00-\x7f]\\w*)')


def quoted(text: str) -> Message:
    """Return the hint that what was read as something else may be meant as text."""
    shown = "'" + text.replace("'", "''") + "'"
    return message(N_("Put text in single quotes: {text}."), text=shown)


def _quoting(text: str, at: int) -> Message | None:
    """Return how text is written, where text is what cannot be read."""
    found = _UNQUOTED.match(text, _begin(text, at))
    return quoted(found[1] or found[2] or "text") if found else None


def foreign(text: str, at: int) -> str:
    """Return the word at `at` where it has letters that no name has, else ""."""
    found = _UNQUOTED.match(text, _begin(text, at))
    return (found and found[2]) or ""


def _begin(text: str, at: int) -> int:
    """Return where the word begins that is read from `at` on."""
    while at and text[at - 1].isalnum():
        at -= 1
    return at


def parse(text: str) -> Node:
    """Return the syntax tree of `text`.

    Raises ExpressionError, with the offset of the trouble, for text outside the grammar, longer
    than 4,000 characters, with more than 200 nodes or deeper than 12.
    """
    if len(text) > LONGEST_TEXT:
        what = N_("An expression has at most {most} characters; this one has {found}.")
        raise ExpressionError(message(what, most=LONGEST_TEXT, found=len(text)))
    try:
        node: Any = _parser().parse(text)
    except VisitError as error:
        if isinstance(error.orig_exc, ExpressionError):
            raise error.orig_exc from None
        raise
    except UnexpectedInput as error:
        position: int | None = getattr(error, "pos_in_stream", None)
        at = len(text) if position is None else position
        if isinstance(error, UnexpectedToken) and error.token.type in _ENDS:
            unclosed = text.count("(") > text.count(")")
            quoted = message(N_("Inside {{ }} and [ ], put text that has a comma in quotes."))
            early = message(N_("The expression ends too early."))
            raise ExpressionError(early, len(text), quoted if unclosed else None) from None
        found = text[at : at + 20].split("\n")[0] or "?"
        unreadable = N_("The expression cannot be read from {found} on.")
        hint = message(_RANGES) if _OF_THE.search(text, 0, at) else _quoting(text, at)
        raise ExpressionError(message(unreadable, found=repr(found)), at, hint) from None
    count, depth = _size(node)
    if count > MOST_NODES or depth > DEEPEST:
        what = N_(
            "The expression has {count} parts, {depth} deep; at most {most} and {deepest} are read."
        )
        raise ExpressionError(
            message(what, count=count, depth=depth, most=MOST_NODES, deepest=DEEPEST)
        )
    return node  # type: ignore[no-any-return]
