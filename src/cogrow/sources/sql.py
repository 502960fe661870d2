"""Small pieces of DuckDB SQL as trees, and the layers of a query in which each value is computed once."""

from __future__ import annotations

from sqlglot import exp

Sql = exp.Expression


def column(name: str) -> Sql:
    """Return a column by its exact name."""
    return exp.column(exp.to_identifier(name, quoted=True))


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def text(value: str) -> Sql:
    """Return a text literal."""
    return exp.Literal.string(value)


def literal(value: str) -> str:
    """Return a text as an SQL literal."""
    return text(value).sql("duckdb")


def parquet(*paths: object, **options: str) -> str:
    """Return the rows of Parquet files, as can stand after FROM; `options` are SQL. What folders above them
    are called says nothing of the rows.
    """
    listed = ", ".join(literal(str(path)) for path in paths)
    named = {**options, "hive_partitioning": "false"}
    said = ", ".join(f"{option} = {value}" for option, value in named.items())
    return f"read_parquet([{listed}], {said})"


def whole(value: int) -> Sql:
    """Return a whole-number literal."""
    number = exp.Literal.number(abs(value))
    return exp.paren(exp.Neg(this=number)) if value < 0 else number


def cast(value: Sql, to: str) -> Sql:
    """Return CAST(value AS to)."""
    return exp.Cast(this=value.copy(), to=exp.DataType.build(to, dialect="duckdb"))


def try_cast(value: Sql, to: str) -> Sql:
    """Return TRY_CAST(value AS to): NULL where it cannot be."""
    return exp.TryCast(this=value.copy(), to=exp.DataType.build(to, dialect="duckdb"))


def call(name: str, *arguments: Sql) -> Sql:
    """Return a call of a function of DuckDB by its name."""
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def attempt(value: Sql) -> Sql:
    """Return TRY(value): NULL where computing it overflows."""
    return call("TRY", value)


def operation(op: type[exp.Binary], left: Sql, right: Sql) -> Sql:
    """Return a binary operation in parentheses."""
    return exp.paren(op(this=left.copy(), expression=right.copy()), copy=False)


def known(value: Sql) -> Sql:
    """Return the condition that a value is not NULL."""
    return exp.paren(exp.Not(this=unknown(value)))


def unknown(value: Sql) -> Sql:
    """Return the condition that a value is NULL."""
    return operation(exp.Is, value, exp.null())


def both(*conditions: Sql) -> Sql:
    """Return the condition that all of the conditions hold."""
    return exp.paren(exp.and_(*conditions), copy=False)


def either(*conditions: Sql) -> Sql:
    """Return the condition that one of the conditions holds."""
    return exp.paren(exp.or_(*conditions), copy=False)


def negated(condition: Sql) -> Sql:
    """Return the condition that another does not hold."""
    return exp.paren(exp.Not(this=exp.paren(condition)))


def chosen(condition: Sql, value: Sql, otherwise: Sql | None = None) -> Sql:
    """Return CASE WHEN condition THEN value [ELSE otherwise] END."""
    made = exp.case().when(condition.copy(), value.copy())
    return made if otherwise is None else made.else_(otherwise.copy())


class Layers:
    """Values computed on top of a relation, each once, however often it is used.

    DuckDB computes what stands inside a CASE again at every place; a value bound to a name here is a
    column of a subquery, and its users read that column.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._levels: list[list[tuple[str, str]]] = []
        self._level_of: dict[str, int] = {}

    def bind(self, value: Sql) -> Sql:
        """Return a column that holds `value`."""
        if isinstance(value, exp.Column | exp.Literal | exp.Null | exp.Boolean):
            return value
        shown = value.sql("duckdb")
        if shown not in self._names:
            below = (self._level_of.get(part.name, -1) for part in value.find_all(exp.Column))
            level = 1 + max(below, default=-1)
            name = f"_v{len(self._names)}"
            while len(self._levels) <= level:
                self._levels.append([])
            self._levels[level].append((name, shown))
            self._names[shown], self._level_of[name] = name, level
        return column(self._names[shown])

    def over(self, relation: str) -> str:
        """Return the relation (SQL that can stand after FROM) with every bound value as a column."""
        for level in self._levels:
            made = ", ".join(f"{shown} AS {quoted(name)}" for name, shown in level)
            relation = f"(SELECT *, {made} FROM {relation})"
        return relation
