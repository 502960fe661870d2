"""For whom earnings are computed anew: the merchants of new facts. All others keep what they have.

A merchant's earnings follow from its own facts; only a fund is shared, in a step of its own, from which a run
goes on for everybody (`resumed.py`). So where earlier earnings were made from the same terms and from
files that are all still there, only merchants with a row in a new file can come to something else. They are
found by one rule for all tables: whose row it is, or whose order it names; where an order, or the row itself,
is dated outside the days that are measured, the row counts for nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from cogrow.engines.batch.inputs import Own, measured_only
from cogrow.engines.batch.order import Run, chosen_among
from cogrow.engines.batch.origins import Origin, Origins
from cogrow.engines.plan import Plan, Step
from cogrow.engines.ratio import SQL, join, same
from cogrow.engines.scans.reach import Look
from cogrow.engines.scans.share import SharedRows
from cogrow.engines.scans.spans import FactFile, read_files
from cogrow.engines.steps.eligible import is_among
from cogrow.engines.steps.facts_sql import bound_sql
from cogrow.engines.steps.result import LABELED
from cogrow.facts import TABLES, Kind, TableFiles

if TYPE_CHECKING:
    import pyarrow as pa

#: What rows of a new file are called while it is told whose they are.
NEW = "new"

#: Columns of earnings that are the same whatever a merchant's facts are.
FIXED = frozenset(("merchant_id", *LABELED))

#: Columns that a row of another table can name a new row by.
NAMED_BY = ("order_id", "product_id")


def affected(
    runs: Sequence[Run],
    left: Sequence[int],
    there: Mapping[int, Origin],
    origins: Origins,
) -> tuple[dict[int, str], list[SharedRows]]:
    """Return, of the runs that are `left` to compute and of which earlier earnings are `there`, the tables of
    merchants they are computed for, and all that is to be filled for these, in order. A run that is not
    named is computed for everybody.
    """
    found = Affected(runs, origins)
    who = {at: found.table_of(at, said) for at, said in there.items()}
    # What each offers to a merchant, the others it is chosen among must know.
    apart = {
        at for at in left if len({who.get(n, "") for n in chosen_among(at, runs) if n in left}) > 1
    }
    who = {at: name for at, name in who.items() if name and at not in apart}
    return who, [SharedRows(name, query) for name, query in found.tables.items()] if who else []


@dataclass
class Affected:
    """Finds whom new facts affect, run by run: `tables` are those to fill beforehand, in their order."""

    runs: Sequence[Run]
    origins: Origins
    tables: dict[str, exp.Query] = field(default_factory=dict)
    _named: dict[str, str] = field(default_factory=dict)
    _new: dict[FactFile, str] = field(default_factory=dict)

    def table_of(self, at: int, said: Origin) -> str:
        """Return the table of the merchants that are affected since earlier earnings of a run; "" where
        anybody can be.
        """
        members = self.origins.members[at]
        before = self.origins.before(at, said)
        if before is None or self._taken_from_funds(at):
            return ""
        found: list[exp.Query] = []
        for position, listed in zip(members, before, strict=True):
            own = self.origins.owns[position]
            then, now = Counter(listed), Counter(own.listed)
            if then - now:
                return ""  # a file is gone, and nobody knows whose rows it had
            new = (file for file in own.files if file.listed in now - then)
            for file in sorted(new, key=lambda one: (one.table, one.path)):
                whose = list(self._whose(file, own))
                if not whose:
                    return ""
                found += whose
        return self._kept(found)

    def _taken_from_funds(self, at: int) -> bool:
        """Return whether a run counts what other programs pay out of funds, to whoever shares these."""
        program, _ = self.runs[at]
        if program.stacking is None or program.stacking.chooses:
            return False
        others = (self.runs[n][0] for n in self.origins.members[at])
        return any(other.divides_fund for other in others if other.id != program.id)

    def _kept(self, found: Iterable[exp.Query]) -> str:
        queries = {query.sql(): query for query in found}
        key = "; ".join(sorted(queries))
        if key not in self._named:
            self._named[key] = f"affected_{len(self._named) + 1}"
            every: exp.Query = exp.select("merchant_id").from_("merchants").where(exp.false())
            for text in sorted(queries):
                every = exp.union(every, queries[text], copy=False)
            self.tables[self._named[key]] = every
        return self._named[key]

    def _whose(self, file: FactFile, own: Own) -> Iterator[exp.Query]:
        """Yield the queries of whom a new file can affect in one run; none where that is anybody."""
        columns = self.origins.inputs.layout.facts.tables[file.table].columns
        if not {"merchant_id", "order_id"} & set(columns):
            return
        rows = exp.select("merchant_id").from_(self._rows(file))
        if file.table in own.reading.asked and not measured_only(own.reading.looks, file.table):
            yield rows
        else:
            yield rows.where(exp.or_(*self._counts(file, own.reading.looks)))
        yield from self._naming(file, own)

    def _counts(self, file: FactFile, looks: Sequence[Look]) -> Iterator[SQL]:
        """Yield the conditions that a row of the file can count in one of the steps that look at it."""
        for look in looks:
            if file not in self.origins.inputs.reached(look):
                continue
            table, column = look.dating
            own = file.table == look.table
            of_order = table == "orders" and file.table in ("orders", "order_lines")
            if look.unlinked or look.clicks or not (own or of_order):
                yield exp.true()
                continue
            date = exp.column(column if table == file.table else f"orders_{column}")
            for low, high in look.windows:
                yield exp.and_(
                    exp.GTE(this=date.copy(), expression=_bound(low)),
                    exp.LT(this=date.copy(), expression=_bound(high)),
                )

    def _naming(self, file: FactFile, own: Own) -> Iterator[exp.Query]:
        """Yield the queries of those whose rows name a row of the file that need not be their own."""
        have, read = self.origins.inputs.layout.facts.tables, {one.table for one in own.files}
        new = exp.table_(self._rows(file))
        if file.table == "products" and "order_lines" in read:
            query = exp.select("orders.merchant_id").from_(new.as_(NEW))
            query = query.join("order_lines", on=same("product_id", "order_lines", NEW))
            yield query.join("orders", on=same("order_id", "orders", "order_lines"))
        if file.table == "products" and "visits" in read and "product_id" in have["visits"].columns:
            query = exp.select("visits.merchant_id").from_(new.as_(NEW))
            yield query.join("visits", on=same("product_id", "visits", NEW))
        named = file.table in ("orders", "order_lines") and "refunds" in read
        if named and "merchant_id" in have["refunds"].columns:
            query = exp.select("refunds.merchant_id").from_(new.as_(NEW))
            yield query.join("refunds", on=same("order_id", "refunds", NEW))

    def _rows(self, file: FactFile) -> str:
        """Return the table of whose the rows of a new file are, what names them and their dates."""
        if file in self._new:
            return self._new[file]
        name = self._new[file] = f"new_{file.table}_{len(self._new) + 1}"
        have = self.origins.inputs.layout.facts.tables
        source = exp.select("*").from_(read_files([file.path])).subquery(NEW)
        owner: SQL = exp.column("merchant_id", NEW)
        names = [*(set(NAMED_BY) & set(have[file.table].columns)), *_dates(file.table, have)]
        query = exp.select(*(exp.column(one, NEW) for one in sorted(names))).from_(source)
        if "order_id" in have[file.table].columns and file.table != "orders":
            query = join(query, "orders", same("order_id", "orders", NEW))
            for one in _dates("orders", have):
                query = query.select(exp.alias_(exp.column(one, "orders"), f"orders_{one}"))
            of_order = exp.column("merchant_id", "orders")
            unlinked = "merchant_id" in have[file.table].columns
            owner = exp.func("COALESCE", owner, of_order) if unlinked else of_order
        self.tables[name] = query.select(exp.alias_(owner, "merchant_id"))
        return name


def _dates(table: str, have: Mapping[str, TableFiles]) -> list[str]:
    """Return the columns of a table that can place its rows in time."""
    known = TABLES[table].columns if table in TABLES else ()
    kinds = (Kind.INSTANT, Kind.DAY)
    return [one.name for one in known if one.kind in kinds and one.name in have[table].columns]


def _bound(bound: date) -> SQL:
    """Return a bound of Parquet's, where instants are UTC without saying so, as a literal."""
    return bound_sql(bound.replace(tzinfo=UTC) if isinstance(bound, datetime) else bound)


def resumed(runs: Sequence[Run], who: Iterable[int]) -> frozenset[int]:
    """Return which of the runs that are computed for some go on for everybody: those that share a fund among
    all, and those chosen among beside them, whose offers to everybody count there.
    """
    return frozenset(
        at for at in who if any(runs[n][0].divides_fund for n in chosen_among(at, runs))
    )


def narrowed(plan: Plan, affected: str) -> Plan:
    """Return the plan for the merchants of a table and no others; as it is for ""."""
    if not affected:
        return plan
    only = is_among(exp.column("merchant_id"), [affected])
    merchants = exp.select("*").from_("merchants").where(only)
    steps: list[Step] = []
    for step in plan.steps:
        query = step.query
        if any(table.name == "merchants" for table in query.find_all(exp.Table)):
            query = query.copy()
            for table in list(query.find_all(exp.Table)):
                if table.name == "merchants":
                    table.replace(merchants.subquery(table.alias_or_name))
        steps.append(replace(step, query=query))
    return replace(plan, steps=tuple(steps))


def renewed(before: pa.Table, anew: pa.Table) -> pa.Table:
    """Return earnings of which those of some merchants were computed anew, ordered by merchant and, of each,
    as they were.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    before, anew = (table.replace_schema_metadata(None) for table in (before, anew))
    if not anew.num_rows:
        return before
    again = pc.is_in(before.column("merchant_id"), value_set=anew.column("merchant_id"))
    if pc.sum(again).as_py() == anew.num_rows:
        # The same merchants: each row takes the place it had, which is quicker than sorting.
        mask, columns = again.combine_chunks(), list[Any]()
        for name, old in zip(before.column_names, before.columns, strict=True):
            if name in FIXED:
                columns.append(old)
                continue
            new = anew.column(name).combine_chunks()
            columns.append(pc.replace_with_mask(old.combine_chunks(), mask, new))
        return pa.Table.from_arrays(columns, schema=before.schema)
    both = pa.concat_tables([before.filter(pc.invert(again)), anew])
    return both.take(pc.sort_indices(both, [("merchant_id", "ascending")]))  # a stable sort
