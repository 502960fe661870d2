"""What is there already: sealed facts that new rows are held against, and are added to.

Of these facts only those rows are read that new ones name, by their key or by a link to it. DuckDB
passes over files and row groups whose least and greatest keys lie apart from the new ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import TYPE_CHECKING

from cogrow.facts import TABLES, Column, FactFiles, Kind, Table
from cogrow.sources.months import MONTHLY
from cogrow.sources.sql import literal, parquet, quoted
from cogrow.sources.staging import Staged

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def _listed(names: Iterable[str], alias: str = "") -> str:
    return ", ".join(f"{alias}{quoted(name)}" for name in names)


class Standing:
    """Sealed facts, and which new rows are in them or are to take the place of theirs.

    Of a table held against them, `known_<table>` has the ids of the rows that are there already, and
    `swap_<table>` those of rows that take the place of another: with its key, the file it is in
    (`_home`), and whether the new one belongs to another month (`moves`). `replacing` names the tables
    where that was asked for.
    """

    def __init__(
        self, connection: DuckDBPyConnection, facts: FactFiles, replacing: Set[str]
    ) -> None:
        self.run, self.facts, self.replacing = connection.execute, facts, replacing
        self._held: dict[str, Table] = {}
        self._lookups = 0

    def __contains__(self, table: str) -> bool:
        return table in self.facts.tables

    def rows(self, table: str, columns: Sequence[str], key: Sequence[str], wanted: str) -> str:
        """Return a relation of the rows that are there, and stay, whose `key` a query lists.

        It has `columns`, NULL where the table lacks one, and `_home`, the file a row is in.
        """
        self._lookups += 1
        asked, found = f"asked_{self._lookups}", f"there_{self._lookups}"
        held, files = self._held.get(table), self.facts.tables[table]
        self.run(f"CREATE TABLE {asked} AS SELECT DISTINCT {_listed(key)} FROM ({wanted})")
        names = dict.fromkeys((*columns, *key, *(held.key if held else ())))
        contract = TABLES[table].by_name if table in TABLES else {}
        nothing = {
            name: f"CAST(NULL AS {contract.get(name, Column(name, Kind.TEXT)).kind.value})"
            for name in names
            if name not in files.columns
        }
        made = ", ".join(
            f"{nothing[name]} AS {quoted(name)}" if name in nothing else quoted(name)
            for name in names
        )
        rows = parquet(*files.paths, filename="'_home'")
        query = (
            f"SELECT * FROM (SELECT {made}, _home FROM {rows}"
            f" WHERE {self._bounds(files.columns, asked, key)})"
            f" SEMI JOIN {asked} USING ({_listed(key)})"
        )
        if held:
            # A row that is itself set aside takes nobody's place.
            swap, bad = quoted(f"swap_{table}"), quoted(f"bad_{table}")
            query += (
                f" ANTI JOIN (SELECT * FROM {swap} ANTI JOIN {bad} USING (_id))"
                f" USING ({_listed(held.key)})"
            )
        self.run(f"CREATE TABLE {found} AS {query}")
        return found

    def _bounds(self, columns: Iterable[str], asked: str, key: Sequence[str]) -> str:
        """Return the condition that a row lies between the least and the greatest keys asked for."""
        ends = ", ".join(
            f"CAST(min({quoted(name)}) AS VARCHAR), CAST(max({quoted(name)}) AS VARCHAR),"
            f" typeof(any_value({quoted(name)}))"
            for name in key
        )
        found = self.run(f"SELECT {ends} FROM {asked}").fetchone() or ()
        parts = []
        for at, name in enumerate(key):
            low, high, type_ = found[3 * at : 3 * at + 3]
            if low is None or name not in columns:
                return "false"
            between = (f"CAST({literal(end)} AS {type_})" for end in (low, high))
            parts.append(f"{quoted(name)} BETWEEN {' AND '.join(between)}")
        return " AND ".join(parts)

    def hold(self, staged: Staged) -> str | None:
        """Hold the rows of a table against those of the same key that are there.

        Makes `known_<table>` and `swap_<table>`. Returns the query of the ids of rows that say
        something else than what is there and are not to replace it; None where nothing is there.
        """
        table, name = staged.table, staged.table.name
        known, swap = quoted(f"known_{name}"), quoted(f"swap_{name}")
        view, keys = quoted(f"staged_{name}"), _listed(table.key)
        types = ", ".join(f"{quoted(key)} {table.by_name[key].kind.value}" for key in table.key)
        self.run(f"CREATE TABLE {known} (_id BIGINT)")
        self.run(f"CREATE TABLE {swap} (_id BIGINT, {types}, _home VARCHAR, moves BOOLEAN)")
        if name not in self:
            return None
        rows = (
            f"SELECT * FROM {view} ANTI JOIN {quoted(f'bad_{name}')} USING (_id)"
            f" WHERE NOT {staged.faulty}"
        )
        columns = [column.name for column in table.columns]
        there = self.rows(name, columns, table.key, rows)
        self._held[name] = table
        same = " AND ".join(f"n.{quoted(c)} IS NOT DISTINCT FROM t.{quoted(c)}" for c in columns)
        # A line lies where its order does, which is not for the line to say.
        dated = table.dated_by if name in MONTHLY else None
        month = "date_trunc('month', {}." + quoted(dated or "") + ")"
        moves = f"{month.format('n')} <> {month.format('t')}" if dated else "false"
        met = quoted(f"met_{name}")
        self.run(
            f"CREATE TABLE {met} AS SELECT n._id, {_listed(table.key, 'n.')}, t._home,"
            f" {same} AS same, {moves} AS moves FROM ({rows}) n JOIN {there} t USING ({keys})"
        )
        once = f"{met} ANTI JOIN {quoted(f'repeat_{name}')} USING (_id)"
        self.run(f"INSERT INTO {known} SELECT _id FROM {once} WHERE same")
        if name in self.replacing:
            self.run(
                f"INSERT INTO {swap} SELECT _id, {keys}, _home, moves FROM {once} WHERE NOT same"
            )
            return None
        return f"SELECT _id FROM {met} WHERE NOT same"
