"""From a mapping's expressions to typed SQL: the operators and functions a mapping may use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from typing import ClassVar

from sqlglot import exp

from cogrow.errors import N_, joined, message, nearest
from cogrow.expressions.syntax import Call, Literal, Name, Node, Operation, quoted
from cogrow.sources.faults import COLUMN_MISSING, TOO_LARGE, UNCONVERTIBLE, WRONG_TYPE, Fault
from cogrow.sources.scope import Refused, Scope
from cogrow.sources.sql import (
    Layers,
    Sql,
    attempt,
    both,
    call,
    cast,
    chosen,
    column,
    either,
    known,
    negated,
    operation,
    text,
    unknown,
    whole,
)
from cogrow.sources.values import (
    DECIMALS,
    Conversions,
    Type,
    Value,
    aligned,
    called,
    product,
    times,
)

_COMPARISONS: Mapping[str, type[exp.Binary]] = {
    "=": exp.EQ, "<>": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE,
}  # fmt: skip

#: What `day` and `instant` may say of the form of a text, in the letters of strptime.
_FORMAT = re.compile(r"(?:[^%]|%(?:-?[dmyHIMSj]|[YfbBpaA%]))*")
_TIMES = frozenset({Type.LOCAL, Type.INSTANT, Type.DAY})


class Renderer:
    """Renders expressions over one relation; `used` collects the source columns they read."""

    def __init__(
        self,
        scope: Scope,
        conversions: Conversions,
        layers: Layers,
        note: Callable[[Fault, Sql], None],
    ) -> None:
        self.scope, self.convert, self.bind, self.note = scope, conversions, layers.bind, note
        self.used: set[str] = set()

    def render(self, node: Node) -> Value:
        """Return the typed SQL of an expression. Raises Refused for what it cannot mean."""
        match node:
            case Literal():
                return self._literal(node)
            case Name():
                return self._name(node)
            case Operation():
                return self._operation(node)
            case Call():
                return self._call(node)
        raise Refused(message(N_("This cannot be used in a mapping.")), node.at)

    def condition(self, node: Node) -> Sql:
        """Return an expression that must be a condition."""
        return self._flag(node)

    def _literal(self, node: Literal) -> Value:
        value = node.value
        if isinstance(value, bool):
            return Value(Type.FLAG, exp.true() if value else exp.false())
        if isinstance(value, Fraction) and node.kind in ("number", "percent"):
            top = cast(exp.Literal.string(str(value.numerator)), "HUGEINT")
            return Value(Type.NUMBER, top, over=value.denominator)
        if isinstance(value, date):
            return Value(Type.DAY, cast(text(value.isoformat()), "DATE"))
        if isinstance(value, str) and node.kind == "text":
            return Value(Type.TEXT, text(value))
        what = N_("A mapping has no use for an amount of money or a duration here.")
        raise Refused(message(what), node.at)

    def _name(self, node: Name) -> Value:
        if node.table:
            what = N_("`{name}` names a table; an expression of a mapping sees only its input.")
            raise Refused(message(what, name=str(node)), node.at)
        if node.name.lower() == "null" and node.name not in self.scope.names:
            return Value(Type.NULL, exp.null())
        theirs = self.scope.names.get(node.name, node.name)
        found = self.scope.columns.get(theirs)
        if found is None:
            known_names = [*self.scope.names, *self.scope.columns]
            hint = nearest(theirs, known_names) or message(
                N_("Columns found: {found}."), found=", ".join(self.scope.columns) or "-"
            )
            what = N_("The input `{input}` has no column `{column}`.")
            told = message(what, input=self.scope.input, column=theirs)
            raise Refused(told, node.at, hint, COLUMN_MISSING.code)
        self.used.add(theirs)
        value = self.convert.source(column(found.name), found.type)
        if value is None:
            what = N_("`{column}` holds {type}, which is of no use here.")
            unusable = message(what, column=theirs, type=found.type)
            raise Refused(unusable, node.at, code=WRONG_TYPE.code)
        return value

    def _operation(self, node: Operation) -> Value:
        op, operands = node.op, node.operands
        if op in ("and", "or"):
            conditions = [self._flag(part) for part in operands]
            return Value(Type.FLAG, both(*conditions) if op == "and" else either(*conditions))
        if op == "not":
            return Value(Type.FLAG, negated(self._flag(operands[0])))
        if op == "is_null":
            return Value(Type.FLAG, unknown(self.render(operands[0]).sql))
        if op == "neg":
            value = self._number(operands[0])
            return Value(Type.NUMBER, times(value.sql, -1), over=value.over)
        if op == "in":
            tests = [self._compare("=", operands[0], part) for part in operands[1:]]
            return Value(Type.FLAG, either(*tests))
        if op in _COMPARISONS:
            return Value(Type.FLAG, self._compare(op, operands[0], operands[1]))
        return self._arithmetic(op, self._number(operands[0]), self._number(operands[1]))

    def _arithmetic(self, op: str, left: Value, right: Value) -> Value:
        over: int | Sql
        if op in "+-":
            a, b, over = aligned(left, right)
            made = operation(exp.Add if op == "+" else exp.Sub, a, b)
        elif op == "*":
            made, over = times(left.sql, right.sql), product(left.over, right.over)
        else:
            # a/b ÷ c/d = (a·d) / (b·c), with the sign of c moved to the top.
            sign = chosen(operation(exp.LT, right.sql, whole(0)), whole(-1), whole(1))
            made = times(operation(exp.Mul, left.sql, sign), right.over)
            size = call("NULLIF", exp.Abs(this=right.sql.copy()), whole(0))
            over = self.bind(attempt(operation(exp.Mul, size, cast(_sql(left.over), "HUGEINT"))))
            self.note(UNCONVERTIBLE, both(known(left.sql), known(right.sql), unknown(over)))
        result = self.bind(attempt(made))
        self.note(TOO_LARGE, both(known(left.sql), known(right.sql), unknown(result)))
        return Value(Type.NUMBER, result, over=over)

    def _compare(self, op: str, first: Node, second: Node) -> Sql:
        left = self.render(first)
        try:
            right = self.render(second)
        except Refused as error:
            if op in ("=", "<>") and isinstance(second, Name) and not second.table:
                error.hint = joined(error.hint, quoted(second.name))
            raise
        types = {left.type, right.type} - {Type.NULL}
        a: Sql | None
        b: Sql | None
        if Type.NUMBER in types:
            left, right = self._as_number(left, first.at), self._as_number(right, second.at)
            top, bottom = (self.bind(attempt(side)) for side in aligned(left, right)[:2])
            for side, value in ((top, left), (bottom, right)):
                self.note(TOO_LARGE, both(known(value.sql), unknown(side)))
            return operation(_COMPARISONS[op], top, bottom)
        if types & _TIMES:
            convert = self.convert.day if types == {Type.DAY} else self.convert.local
            a, b = convert(left), convert(right)
        elif Type.FLAG in types:
            a, b = self.convert.flag(left), self.convert.flag(right)
        else:
            a, b = self.convert.text(left), self.convert.text(right)
        if a is None or b is None:
            what = N_("{left} and {right} cannot be compared.")
            raise Refused(
                message(what, left=called(left.type), right=called(right.type)), second.at
            )
        return operation(_COMPARISONS[op], a, b)

    def _flag(self, node: Node) -> Sql:
        made = self.convert.flag(self.render(node))
        if made is None:
            raise Refused(message(N_("A condition is needed here.")), node.at)
        return made

    def _number(self, node: Node) -> Value:
        return self._as_number(self.render(node), node.at)

    def _as_number(self, value: Value, at: int) -> Value:
        made = self.convert.number(value)
        if made is None:
            what = N_("A number is needed here, not {found}.")
            raise Refused(message(what, found=called(value.type)), at)
        return made

    def _text(self, node: Node) -> Sql:
        made = self.convert.text(self.render(node))
        if made is None:
            what = N_("This number has no exact text; round it to a whole number first.")
            raise Refused(message(what), node.at)
        return made

    def _call(self, node: Call) -> Value:
        if node.where is not None:
            raise Refused(message(N_("`where` has no place in a mapping's function.")), node.at)
        known_one = self.FUNCTIONS.get(node.function)
        if known_one is None:
            what = message(N_("A mapping knows no function `{name}`."), name=node.function)
            names = ", ".join(self.FUNCTIONS)
            hint = nearest(node.function, self.FUNCTIONS)
            raise Refused(what, node.at, hint or message(N_("Functions: {names}."), names=names))
        method, least, most = known_one
        if not least <= len(node.arguments) <= most:
            what_given = message(
                N_("`{name}` takes {least} to {most} values, not {found}."),
                name=node.function,
                least=least,
                most=most,
                found=len(node.arguments),
            )
            raise Refused(what_given, node.at)
        return method(self, node)

    def _as_text(self, node: Call) -> Value:
        return Value(Type.TEXT, self.bind(self._text(node.arguments[0])))

    def _as_exact(self, node: Call) -> Value:
        return self._number(node.arguments[0])

    def _day(self, node: Call) -> Value:
        value = self._time(node)
        made = self.convert.day(value)
        if made is None:
            raise Refused(message(N_("This is no day and no time.")), node.at)
        return Value(Type.DAY, made)

    def _instant(self, node: Call) -> Value:
        value = self._time(node)
        made = self.convert.instant(value)
        if made is None:
            raise Refused(message(N_("This is no day and no time.")), node.at)
        return Value(Type.INSTANT, made)

    def _time(self, node: Call) -> Value:
        """Return the first argument, read by the second (a format of strptime) where there is one."""
        value = self.render(node.arguments[0])
        if len(node.arguments) == 1:
            return value
        form = node.arguments[1]
        given = form.value if isinstance(form, Literal) and form.kind == "text" else None
        if not isinstance(given, str) or not _FORMAT.fullmatch(given):
            what = N_("A format is a text with %Y %m %d %H %M %S and the like, such as '%d/%m/%Y'.")
            raise Refused(message(what), form.at)
        if value.type is not Type.TEXT:
            what = N_("A format is for text; this is {found}.")
            raise Refused(message(what, found=called(value.type)), form.at)
        made = self.bind(call("TRY_STRPTIME", value.sql, text(given)))
        self.note(UNCONVERTIBLE, both(known(value.sql), unknown(made)))
        return Value(Type.LOCAL, made)

    def _concat(self, node: Call) -> Value:
        parts = [self._text(part) for part in node.arguments]
        made = parts[0]
        for part in parts[1:]:  # || is NULL where a part is; CONCAT would leave the part out
            made = operation(exp.DPipe, made, part)
        return Value(Type.TEXT, self.bind(made))

    def _alike(self, values: list[Value], node: Call) -> tuple[Type, list[Sql], int | Sql]:
        """Return several values as values of one type: the type, their SQL, their denominator."""
        types = {value.type for value in values} - {Type.NULL}
        if Type.NUMBER in types:
            numbers = [self._as_number(value, node.at) for value in values]
            over: int | Sql = 1
            for number in numbers:
                over = aligned(Value(Type.NUMBER, whole(0), over=over), number)[2]
            tops = [
                aligned(number, Value(Type.NUMBER, whole(0), over=over))[0] for number in numbers
            ]
            if not isinstance(over, int):
                raise Refused(message(N_("Divide after choosing, not before.")), node.at)
            return Type.NUMBER, tops, over
        if types & _TIMES:
            to, convert = (
                (Type.DAY, self.convert.day)
                if types <= {Type.DAY}
                else (Type.INSTANT, self.convert.instant)
            )
        elif types == {Type.FLAG}:
            to, convert = Type.FLAG, self.convert.flag
        else:
            to, convert = Type.TEXT, self.convert.text
        made = [convert(value) for value in values]
        found = [sql for sql in made if sql is not None]
        if len(found) < len(made):
            raise Refused(message(N_("These values are not of one kind.")), node.at)
        return to, found, 1

    def _coalesce(self, node: Call) -> Value:
        to, parts, over = self._alike([self.render(part) for part in node.arguments], node)
        return Value(to, self.bind(call("COALESCE", *parts)), over=over)

    def _if(self, node: Call) -> Value:
        condition = self._flag(node.arguments[0])
        to, parts, over = self._alike([self.render(part) for part in node.arguments[1:]], node)
        return Value(to, self.bind(chosen(condition, *parts)), over=over)

    def _nullif(self, node: Call) -> Value:
        to, parts, over = self._alike([self.render(part) for part in node.arguments], node)
        return Value(to, self.bind(call("NULLIF", *parts)), over=over)

    def _abs(self, node: Call) -> Value:
        value = self._number(node.arguments[0])
        return Value(Type.NUMBER, self.bind(exp.Abs(this=value.sql.copy())), over=value.over)

    def _round(self, node: Call) -> Value:
        decimals = 0
        if len(node.arguments) == 2:
            places = node.arguments[1]
            given = places.value if isinstance(places, Literal) else None
            if not isinstance(given, Fraction) or given not in range(DECIMALS + 1):
                what = N_("`round` keeps 0 to {most} decimals.")
                raise Refused(message(what, most=DECIMALS), places.at)
            decimals = int(given)
        value = self.convert.number(self.render(node.arguments[0]), decimals)
        if value is None:
            raise Refused(message(N_("Only a number can be rounded.")), node.at)
        return value

    def _letters(self, node: Call) -> Value:
        return Value(
            Type.TEXT, self.bind(call(node.function.upper(), self._text(node.arguments[0])))
        )

    def _replace(self, node: Call) -> Value:
        parts = [self._text(part) for part in node.arguments]
        return Value(Type.TEXT, self.bind(call("REPLACE", *parts)))

    def _row_number(self, node: Call) -> Value:
        return Value(Type.NUMBER, self.scope.row, of="BIGINT")

    def _file_name(self, node: Call) -> Value:
        return Value(Type.TEXT, self.bind(call("PARSE_FILENAME", self.scope.file)))

    def _input_name(self, node: Call) -> Value:
        return Value(Type.TEXT, text(self.scope.input))

    def _extreme(self, node: Call) -> Value:
        what = N_("`{name}` stands alone, as the value of a column of a `distinct` table.")
        raise Refused(message(what, name=node.function), node.at)

    #: name → (how it is rendered, fewest and most arguments)
    FUNCTIONS: ClassVar[Mapping[str, tuple[Callable[[Renderer, Call], Value], int, int]]] = {
        "text": (_as_text, 1, 1),
        "number": (_as_exact, 1, 1),
        "day": (_day, 1, 2),
        "instant": (_instant, 1, 2),
        "concat": (_concat, 1, 20),
        "coalesce": (_coalesce, 1, 20),
        "if": (_if, 3, 3),
        "nullif": (_nullif, 2, 2),
        "abs": (_abs, 1, 1),
        "round": (_round, 1, 2),
        "upper": (_letters, 1, 1),
        "lower": (_letters, 1, 1),
        "trim": (_letters, 1, 1),
        "replace": (_replace, 3, 3),
        "row_number": (_row_number, 0, 0),
        "file_name": (_file_name, 0, 0),
        "input_name": (_input_name, 0, 0),
        "min": (_extreme, 1, 1),
        "max": (_extreme, 1, 1),
    }


def _sql(number: int | Sql) -> Sql:
    return whole(number) if isinstance(number, int) else number


def aggregated(node: Node) -> tuple[str, Node]:
    """Return ("min" or "max", what it is taken of) for such a call, else ("", the node itself)."""
    if isinstance(node, Call) and node.function in ("min", "max") and len(node.arguments) == 1:
        return node.function, node.arguments[0]
    return "", node
