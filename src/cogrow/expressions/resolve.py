"""From syntax to the typed tree: names looked up in a scope, units checked, constants folded."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from cogrow.errors import N_, message, nearest
from cogrow.expressions.scope import (
    RowScope,
    Schema,
    Scope,
    UnknownName,
    maybe_text,
    not_ranged,
    unknown,
)
from cogrow.expressions.syntax import Call, ExpressionError, Literal, Name, Node, Operation, Ranged
from cogrow.expressions.tree import NUMERIC, Aggregate, Const, Op, Tree, Unit, walk
from cogrow.facts import TABLES, path_to
from cogrow.money import EXPONENTS, to_minor

AGGREGATES = ("sum", "count", "count_distinct", "average", "min", "max")
SCALARS = (
    *("least", "greatest", "coalesce", "abs", "if"),
    *("days_between", "months_between", "starts_with", "lower"),
)

#: The tables whose rows happen to a merchant at some time, so that a metric can add them up.
MEASURED = frozenset(
    name
    for name, table in TABLES.items()
    if name != "merchants"
    and path_to(name, "merchants")
    and (table.dated_by or name == "order_lines")
)

UNIT_WORDS = {
    Unit.MONEY: N_("money"),
    Unit.COUNT: N_("a count"),
    Unit.NUMBER: N_("a number"),
    Unit.TEXT: N_("text"),
    Unit.FLAG: N_("a condition"),
    Unit.INSTANT: N_("an instant"),
    Unit.DAY: N_("a day"),
    Unit.DURATION: N_("a duration"),
}


def resolve(node: Node, scope: Scope, currency: str, wanted: Unit | None = None) -> Tree:
    """Return the typed tree of `node`; a bare number becomes money or a count where one is wanted.

    Raises ExpressionError for unknown names, units that do not fit, amounts that are not whole minor
    units of `currency`, and a division by zero.
    """
    tree = _Resolver(scope, currency).tree(node)
    return fit(tree, wanted, currency, node.at) if wanted is not None else tree


def fit(tree: Tree, unit: Unit, currency: str, at: int = 0) -> Tree:
    """Return `tree` counted in `unit`: itself, or a bare number read as one. Raises ExpressionError."""
    if tree.unit is unit:
        return tree
    if tree.unit is Unit.NUMBER and unit in NUMERIC and isinstance(tree, Const):
        value = tree.value
        if unit is Unit.MONEY and isinstance(value, Fraction):
            minor = to_minor(value, currency)
            if minor is None:
                what = N_("{value} is not a whole number of the smallest unit of {currency}.")
                raise ExpressionError(message(what, value=_shown(value), currency=currency), at)
            value = Fraction(minor)
        return Const(value, unit)
    if unit is Unit.NUMBER and tree.unit is Unit.COUNT:
        return tree
    what = N_("This should be {wanted}, but is {found}.")
    words = {"wanted": message(UNIT_WORDS[unit]), "found": message(UNIT_WORDS[tree.unit])}
    raise ExpressionError(message(what, **words), at)


def _shown(value: Fraction) -> str:
    return f"{Decimal(value.numerator) / Decimal(value.denominator):f}"


class _Resolver:
    def __init__(self, scope: Scope, currency: str) -> None:
        self.scope, self.currency = scope, currency

    def tree(self, node: Node) -> Tree:
        if isinstance(node, Literal):
            return self.literal(node)
        if isinstance(node, Name):
            return self.scope.name(node)
        if isinstance(node, Ranged):
            return self.scope.ranged(node)
        if isinstance(node, Operation):
            return self.operation(node)
        if isinstance(node, Call):
            return self.call(node)
        raise AssertionError(node)

    def literal(self, node: Literal) -> Tree:
        units = {"text": Unit.TEXT, "flag": Unit.FLAG, "day": Unit.DAY, "duration": Unit.DURATION}
        if node.kind in units:
            return Const(node.value, units[node.kind])
        number = Const(node.value, Unit.NUMBER)
        if node.kind in ("number", "percent"):
            return number
        if node.kind not in EXPONENTS:
            raise unknown(node, node.kind, EXPONENTS)
        if node.kind != self.currency:
            what = N_("This is money in {found}, but the program pays in {wanted}.")
            raise ExpressionError(message(what, found=node.kind, wanted=self.currency), node.at)
        return fit(number, Unit.MONEY, self.currency, node.at)

    def operation(self, node: Operation) -> Tree:
        try:
            args = [self.tree(part) for part in node.operands]
        except UnknownName as error:
            raise maybe_text(error, node, self.scope) from None
        if node.op in ("and", "or", "not"):
            flags = (
                fit(a, Unit.FLAG, self.currency, n.at)
                for a, n in zip(args, node.operands, strict=True)
            )
            return Op(node.op, tuple(flags), Unit.FLAG)
        if node.op == "is_null":
            return Op("is_null", tuple(args), Unit.FLAG)
        if node.op in ("=", "<>", "<", "<=", ">", ">=", "in"):
            return self.comparison(node, args)
        if node.op in ("+", "-"):
            return self.sum(node, args)
        return self.product(node, args)

    def unify(self, args: list[Tree], nodes: tuple[Node, ...]) -> list[Tree]:
        """Return the arguments in one unit: bare numbers follow the others, days become instants."""
        units = [a.unit for a in args]
        if Unit.INSTANT in units:
            return [self.instant(a, n) for a, n in zip(args, nodes, strict=True)]
        firm = [a.unit for a in args if not (isinstance(a, Const) and a.unit is Unit.NUMBER)]
        unit = firm[0] if firm else Unit.NUMBER
        if unit is Unit.COUNT and Unit.NUMBER in firm:
            unit = Unit.NUMBER
        return [fit(a, unit, self.currency, n.at) for a, n in zip(args, nodes, strict=True)]

    def instant(self, tree: Tree, node: Node) -> Tree:
        if tree.unit is Unit.DAY:
            return Op("start_of_day", (tree,), Unit.INSTANT)
        return fit(tree, Unit.INSTANT, self.currency, node.at)

    def comparison(self, node: Operation, args: list[Tree]) -> Tree:
        args = self.unify(args, node.operands)
        if node.op not in ("=", "<>", "in") and args[0].unit in (Unit.TEXT, Unit.FLAG):
            what = N_("{unit} has no order; compare it with = or <>.")
            raise ExpressionError(message(what, unit=message(UNIT_WORDS[args[0].unit])), node.at)
        return Op(node.op, tuple(args), Unit.FLAG)

    def sum(self, node: Operation, args: list[Tree]) -> Tree:
        left, right = args
        if right.unit is Unit.DURATION and left.unit in (Unit.INSTANT, Unit.DAY):
            length = right.value if isinstance(right, Const) else None
            if left.unit is Unit.DAY and (not isinstance(length, timedelta) or length.seconds):
                what = N_("A day moves by whole days, like 30 days.")
                raise ExpressionError(message(what), node.operands[1].at)
            return Op(node.op, (left, right), left.unit)
        if node.op == "-" and {left.unit, right.unit} <= {Unit.INSTANT, Unit.DAY}:
            return Op("-", tuple(self.unify(args, node.operands)), Unit.DURATION)
        left, right = self.unify(args, node.operands)
        if left.unit not in NUMERIC:
            raise self.misfit(node, left)
        return _fold(Op(node.op, (left, right), _unit(left, right)))

    def product(self, node: Operation, args: list[Tree]) -> Tree:
        for arg in args:
            if arg.unit not in NUMERIC:
                raise self.misfit(node, arg)
        if node.op == "neg":
            return _fold(Op("neg", tuple(args), args[0].unit))
        left, right = (arg.unit for arg in args)
        if node.op == "*":
            if left is right is Unit.MONEY:
                raise ExpressionError(message(N_("Money times money is not an amount.")), node.at)
            unit = Unit.MONEY if Unit.MONEY in (left, right) else Unit.NUMBER
            return _fold(Op("*", tuple(args), unit))
        if right is Unit.MONEY and left is not Unit.MONEY:
            what = N_("{unit} cannot be divided by money.")
            raise ExpressionError(message(what, unit=message(UNIT_WORDS[left])), node.at)
        if isinstance(args[1], Const) and args[1].value == 0:
            raise ExpressionError(message(N_("This divides by zero.")), node.operands[1].at)
        unit = Unit.MONEY if left is Unit.MONEY and right is not Unit.MONEY else Unit.NUMBER
        return _fold(Op("/", tuple(args), unit))

    def misfit(self, node: Operation, arg: Tree) -> ExpressionError:
        what = N_("`{op}` needs numbers, but found {found}.")
        op = "-" if node.op == "neg" else node.op
        return ExpressionError(message(what, op=op, found=message(UNIT_WORDS[arg.unit])), node.at)

    def call(self, node: Call) -> Tree:
        if node.function in AGGREGATES:
            return self.scope.aggregate(node)
        if node.function not in SCALARS:
            raise unknown(node, node.function, (*AGGREGATES, *SCALARS))
        if node.where is not None:
            what = N_("Only {functions} take `where`.")
            raise ExpressionError(message(what, functions=", ".join(AGGREGATES)), node.at)
        counts = {"abs": (1, 1), "lower": (1, 1), "if": (3, 3)}
        least, most = counts.get(node.function, (2, 2))
        if node.function in ("least", "greatest", "coalesce"):
            most = 10
        if not least <= len(node.arguments) <= most:
            what = N_("`{name}` takes {least} to {most} arguments, but found {found}.")
            if least == most:
                what = N_("`{name}` takes {least} arguments, but found {found}.")
            found = len(node.arguments)
            raise ExpressionError(
                message(what, name=node.function, least=least, most=most, found=found), node.at
            )
        return self.scalar(node, [self.tree(part) for part in node.arguments])

    def scalar(self, node: Call, args: list[Tree]) -> Tree:
        name, nodes = node.function, node.arguments
        if name in ("starts_with", "lower"):
            texts = [
                fit(a, Unit.TEXT, self.currency, n.at) for a, n in zip(args, nodes, strict=True)
            ]
            return Op(name, tuple(texts), Unit.FLAG if name == "starts_with" else Unit.TEXT)
        if name in ("days_between", "months_between"):
            if all(arg.unit is Unit.DAY for arg in args):
                return Op(name, tuple(args), Unit.COUNT)
            if name == "months_between":
                what = N_(
                    "`months_between` takes days, like merchants.joined_on; months are local."
                )
                raise ExpressionError(message(what), node.at)
            instants = [self.instant(a, n) for a, n in zip(args, nodes, strict=True)]
            return Op(name, tuple(instants), Unit.COUNT)
        if name == "if":
            condition = fit(args[0], Unit.FLAG, self.currency, nodes[0].at)
            then, otherwise = self.unify(args[1:], nodes[1:])
            return Op("if", (condition, then, otherwise), _unit(then, otherwise))
        args = self.unify(args, nodes)
        if name != "coalesce" and args[0].unit not in NUMERIC:
            raise ExpressionError(
                message(
                    N_("`{op}` needs numbers, but found {found}."),
                    op=name,
                    found=message(UNIT_WORDS[args[0].unit]),
                ),
                node.at,
            )
        return Op(name, tuple(args), _unit(*args))


def _unit(*args: Tree) -> Unit:
    """Return the unit of unified arguments: counts among numbers are numbers."""
    units = {arg.unit for arg in args}
    return Unit.NUMBER if units == {Unit.COUNT, Unit.NUMBER} else args[0].unit


def _fold(op: Op) -> Tree:
    """Return the constant an operation over constants makes, or the operation itself."""
    numbers = [a.value for a in op.args if isinstance(a, Const) and isinstance(a.value, Fraction)]
    if len(numbers) != len(op.args):
        return op
    if op.op == "neg":
        return Const(-numbers[0], op.unit)
    left, right = numbers
    results = {"+": lambda: left + right, "-": lambda: left - right, "*": lambda: left * right}
    return Const(results.get(op.op, lambda: left / right)(), op.unit)


class AggregateScope:
    """Turns `sum(paid where …)` into an Aggregate over the fact table its names belong to.

    `preferred` is the table whose rows qualify; a name that stands in several tables means the one
    this table is, or leads to.
    """

    def __init__(self, schema: Schema, preferred: str, currency: str) -> None:
        self.schema, self.preferred, self.currency = schema, preferred, currency

    def name(self, name: Name) -> Tree:
        """Refuse a bare column: per merchant it is many values."""
        what = N_("`{name}` is one value per row; wrap it: sum({name}), count_distinct({name}) …")
        raise ExpressionError(message(what, name=str(name)), name.at)

    def ranged(self, node: Ranged) -> Tree:
        """Refuse: a range is for what has been added up."""
        raise not_ranged(node)

    def aggregate(self, call: Call) -> Tree:
        """Return the aggregate; `sum(a - b)` over two tables becomes sum(a) - sum(b)."""
        if len(call.arguments) != 1:
            what = N_("`{name}` takes one argument, but found {found}.")
            raise ExpressionError(
                message(what, name=call.function, found=len(call.arguments)), call.at
            )
        argument = call.arguments[0]
        if call.function == "count":
            return self._count(call, argument)
        table = self._table(call)
        if table is None:
            if call.function == "sum" and isinstance(argument, Operation) and argument.op in "+-":
                sides = [
                    self.aggregate(Call("sum", (part,), call.where, at=part.at))
                    for part in argument.operands
                ]
                return Op(argument.op, (sides[0], sides[1]), sides[0].unit)
            raise ExpressionError(message(N_("These names stand in no one table.")), argument.at)
        rows = RowScope(self.schema, table)
        tree = resolve(argument, rows, self.currency)
        for part in walk(tree):
            if isinstance(part, Op) and part.op == "/" and not isinstance(part.args[1], Const):
                what = N_(
                    "`{name}` cannot divide row by row; divide the totals, like sum(paid) / sum(quantity)."
                )
                raise ExpressionError(message(what, name=call.function), argument.at)
        moments = (Unit.INSTANT, Unit.DAY) if call.function in ("min", "max") else ()
        needs = call.function in ("sum", "average", "min", "max")
        if needs and tree.unit not in (*NUMERIC, *moments):
            what = N_("`{op}` needs numbers, but found {found}.")
            found = message(UNIT_WORDS[tree.unit])
            raise ExpressionError(message(what, op=call.function, found=found), argument.at)
        unit = Unit.COUNT if call.function == "count_distinct" else tree.unit
        return Aggregate(call.function, table, tree, self._where(call, rows), unit)

    def _count(self, call: Call, argument: Node) -> Tree:
        if not isinstance(argument, Name) or argument.table or argument.name not in TABLES:
            what = N_("`count` takes a table, e.g. count(orders); for values use count_distinct.")
            hint = nearest(argument.name, TABLES) if isinstance(argument, Name) else None
            raise ExpressionError(message(what), argument.at, hint)
        if argument.name not in MEASURED:
            raise self._not_measured(argument.name, argument.at)
        rows = RowScope(self.schema, argument.name)
        return Aggregate("count", argument.name, None, self._where(call, rows), Unit.COUNT)

    def _where(self, call: Call, rows: RowScope) -> Tree | None:
        if call.where is None:
            return None
        return resolve(call.where, rows, self.currency, Unit.FLAG)

    def _table(self, call: Call) -> str | None:
        """Return the table whose rows the call is about, None if no one table has all its names.

        A sum or average stays in a table that owns one of the summed columns, so that no row of it
        is counted more than once.
        """
        names = _names(call.arguments[0])
        if not names:
            raise ExpressionError(message(N_("Nothing here comes from a fact.")), call.at)
        owners = [self._owners(name) for name in names]
        asked = owners + [self._owners(name) for name in (_names(call.where) if call.where else [])]
        pool = owners if call.function in ("sum", "average") else asked
        fitting = [
            table
            for table in sorted(set().union(*pool))
            if table in TABLES
            and all(having & set(self.schema.reachable(table, always=True)) for having in owners)
            and all(having & set(self.schema.reachable(table)) for having in asked)
        ]
        if fitting and MEASURED.isdisjoint(fitting):
            raise self._not_measured(fitting[0], names[0].at)
        fitting = [table for table in fitting if table in MEASURED]
        near = [t for t in self.schema.reachable(self.preferred) if t in fitting]
        near.sort(key=lambda table: table not in set().union(*owners))
        if near or len(fitting) <= 1:
            return next(iter(near or fitting), None)
        what = N_("`{name}` stands in several tables; write {choices}.")
        choices = " / ".join(f"{table}.{names[0].name}" for table in fitting)
        raise ExpressionError(message(what, name=str(names[0]), choices=choices), names[0].at)

    def _not_measured(self, table: str, at: int) -> ExpressionError:
        what = N_("Rows of `{table}` do not happen in a period, so they cannot be added up.")
        hint = message(N_("A merchant's own values are there by name, like merchants.brand_score."))
        return ExpressionError(message(what, table=table), at, hint)

    def _owners(self, name: Name) -> set[str]:
        if name.table and name.table not in self.schema.tables:
            raise unknown(name, name.table, self.schema.tables)
        if name.table and name.name not in self.schema.tables[name.table]:
            raise unknown(name, name.name, self.schema.tables[name.table])
        having = [name.table] if name.table else self.schema.owners(name.name)
        if not having:
            words = [word for columns in self.schema.tables.values() for word in columns]
            raise unknown(name, str(name), words)
        return set(having)


def _names(node: Node) -> list[Name]:
    names, waiting = [], [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Name):
            names.append(here)
        waiting.extend(here.parts)
    return sorted(names, key=lambda name: name.at)
