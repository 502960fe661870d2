"""For whom earnings are computed anew: the merchants new facts count for. All others keep what they have.

A merchant's earnings follow from its own facts; only a fund is shared, in a step of its own, from which a run
goes on for everybody (`resumed.py`). So where earlier earnings were made from the same terms and from
files that are all still there, only merchants of whom a new row counts can come to something else: one that
meets the conditions of a step (`new_rows.py`), or any row of a table that is looked up in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from cogrow.engines.batch.changes import Changes
from cogrow.engines.batch.inputs import Inputs, looked_up, measured_only
from cogrow.engines.batch.new_rows import NewRows
from cogrow.engines.batch.order import Run, chosen_among
from cogrow.engines.batch.origins import Origin, Origins
from cogrow.engines.plan import Plan, Step
from cogrow.engines.ratio import SQL, join, same
from cogrow.engines.scans.reach import look_of
from cogrow.engines.scans.share import SharedRows
from cogrow.engines.scans.spans import FactFile, Listed, files_as, paths_of, read_only
from cogrow.engines.steps.clicks import STEP as CLICKS
from cogrow.engines.steps.eligible import ELIGIBLE, ENROLLED, is_among, is_eligible
from cogrow.engines.steps.facts_sql import FactQuery
from cogrow.engines.steps.refund_lines import STEP as REFUND_LINES
from cogrow.engines.steps.refund_lines import refund_lines_of

if TYPE_CHECKING:
    import pyarrow as pa

    from cogrow.engines.batch.prepare import Plans

#: What a visit, an order or a line is owed to is asked by a step that says of whom.
OWED = frozenset(("visits", "orders", "order_lines"))

#: A new file, after the position of the run it is new for.
New = tuple[int, FactFile]

#: What rows of a new file are called while it is told whose they are.
NEW = "new"


def affected(
    runs: Sequence[Run],
    left: Sequence[int],
    there: Mapping[int, Origin],
    origins: Origins,
    plans: Plans,
) -> tuple[dict[int, str], list[SharedRows]]:
    """Return, of the runs that are `left` to compute and of which earlier earnings are `there`, the tables of
    merchants they are computed for, and all that is to be filled for these, in order. A run that is not
    named is computed for everybody.
    """
    found = Affected(runs, origins, plans)
    new = {at: found.new_files(at, said) for at, said in there.items()}
    who = {at: found.table_of(files) for at, files in new.items() if files is not None}
    # What each offers to a merchant, the others it is chosen among must know.
    apart = {
        at for at in left if len({who.get(n, "") for n in chosen_among(at, runs) if n in left}) > 1
    }
    who = {at: name for at, name in who.items() if name and at not in apart}
    tables = (*found.rows.tables(), *found.tables.items())
    return who, [SharedRows(name, query) for name, query in tables] if who else []


@dataclass
class Affected:
    """Finds whom new facts affect, run by run: `tables` are those to fill beforehand, in their order, after
    those of `rows`.
    """

    runs: Sequence[Run]
    origins: Origins
    plans: Plans
    tables: dict[str, exp.Query] = field(default_factory=dict)
    _named: dict[str, str] = field(default_factory=dict)
    _new: dict[FactFile, str] = field(default_factory=dict)
    _asked: dict[int, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = NewRows(self.origins.inputs)
        self.changes = Changes(self.origins.inputs.layout)

    def new_files(self, at: int, said: Origin) -> list[New] | None:
        """Return the files new since earlier earnings of a run; None where that can be about anybody."""
        members = self.origins.members[at]
        before = self.origins.before(at, said)
        if before is None or self._taken_from_funds(at):
            return None
        found: list[New] = []
        for position, listed in zip(members, before, strict=True):
            own = self.origins.owns[position]
            then, now = Counter(listed), Counter(own.listed)
            known = set[Listed]()
            for gone in sorted(then - now):
                changed = self.changes.since(gone)
                if changed is None:
                    return None  # a file is gone, and nobody knows whose rows it had
                known.add(changed.now)
                self.rows.changed.update(changed.files)
                found += ((position, file) for file in changed.files)
            unknown = set(now - then) - known
            new = (file for file in own.files if file.listed in unknown)
            found += ((position, file) for file in sorted(new, key=_table_and_path))
        return found

    def table_of(self, new: Sequence[New]) -> str:
        """Return the table of the merchants that new files affect; "" where anybody can be."""
        found: list[exp.Query] = []
        counting: dict[int, list[exp.Query]] = {}
        for position, file in new:
            whose = list(self._whose(file, position))
            if not whose:
                return ""
            for query, counts in whose:
                (counting.setdefault(position, []) if counts else found).append(query)
        found += (self._eligible(queries, position) for position, queries in counting.items())
        return self._kept(found)

    def _eligible(self, counting: Sequence[exp.Query], at: int) -> exp.Select:
        """Return the query of the merchants who can take part in a run, of those in the queries."""
        every = _together(counting)
        query = exp.select("merchant_id").from_(every.subquery("counting"))
        query = query.where(is_eligible(exp.column("merchant_id")))
        for step in self.plans[at].steps:
            if step.name in (ENROLLED, ELIGIBLE):
                query = query.with_(step.name, as_=step.query.copy(), copy=False)
        return exp.select("merchant_id").from_(query.subquery(ELIGIBLE))

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
            self.tables[self._named[key]] = _together([queries[text] for text in sorted(queries)])
        return self._named[key]

    def _whose(self, file: FactFile, at: int) -> Iterator[tuple[exp.Query, bool]]:
        """Yield the queries of whom a new file can affect in one run, and whether that is by rows that count,
        which are of those who take part; none where it can be anybody.
        """
        columns = self.origins.inputs.layout.facts.tables[file.table].columns
        if not {"merchant_id", "order_id"} & set(columns):
            return
        own, plan, (program, _) = self.origins.owns[at], self.plans[at], self.runs[at]
        if at not in self._asked:
            self._asked[at] = set(own.reading.asked) - (OWED - looked_up(plan, (CLICKS,)))
        asked = self._asked[at]
        if file.table in asked and not measured_only(own.reading.looks, file.table):
            yield self._rows(file), False
        if file.table == "merchants":
            return
        named = file.table == "products" and "products" in asked
        for scan in plan.scans:
            owing = CLICKS in scan.used and file.table in OWED
            if not owing and not self._is_near(file, scan):
                continue
            counting = self.rows.counting(scan, file)
            if counting is not None:
                yield counting, True
            elif file.table == "visits":
                owed = self.rows.owed(program, file)
                yield from [(owed, True)] if owed is not None else []
            else:
                named = True  # the lines of a refund say of which products it is
        if named:
            read = {one.table for one in own.files}
            yield from ((query, False) for query in self._naming(file, read))

    def _is_near(self, file: FactFile, scan: FactQuery) -> bool:
        """Return whether a step can read a row of the file; of rows that gave way, any may have been read."""
        if file not in self.rows.changed:
            return file in self.origins.inputs.of(scan)
        look = look_of(scan)
        return file.table in (look.table, *(table for table, _, _ in look.joins)) or (
            look.by_line and file.table == "order_lines"
        )

    def _naming(self, file: FactFile, read: Container[str]) -> Iterator[exp.Query]:
        """Yield the queries of those who sold a product of the file, or were visited for one: it need not be
        their own.

        Raises AssertionError for a file of another table: nothing says whose rows name one of its own.
        """
        if file.table != "products":
            raise AssertionError(file.table)
        new = files_as([file.path], NEW)
        if "order_lines" in read:
            query = exp.select("orders.merchant_id").from_(new)
            query = query.join("order_lines", on=same("product_id", "order_lines", NEW))
            query = query.join("orders", on=same("order_id", "orders", "order_lines"))
            read_only(query, self.rows.wider())
            yield query
        visits = self.origins.inputs.layout.facts.tables.get("visits")
        if "visits" in read and visits is not None and "product_id" in visits.columns:
            query = exp.select("visits.merchant_id").from_(new.copy())
            query = query.join("visits", on=same("product_id", "visits", NEW))
            read_only(query, self.rows.wider())
            yield query

    def _rows(self, file: FactFile) -> exp.Select:
        """Return the query of whose the rows of a new file are."""
        if file not in self._new:
            name = self._new[file] = f"new_{len(self._new) + 1}"
            columns = self.origins.inputs.layout.facts.tables[file.table].columns
            owner: SQL = exp.column("merchant_id", NEW)
            query = exp.select().from_(files_as([file.path], NEW))
            if "order_id" in columns and file.table != "orders":
                query = join(query, "orders", same("order_id", "orders", NEW))
                of_order = exp.column("merchant_id", "orders")
                named = "merchant_id" in columns
                owner = exp.func("COALESCE", owner, of_order) if named else of_order
            query = query.select(exp.alias_(owner, "merchant_id")).distinct()
            read_only(query, self.rows.wider())
            self.tables[name] = query
        return exp.select("merchant_id").from_(self._new[file])


def _table_and_path(file: FactFile) -> tuple[str, str]:
    return file.table, file.path


def _together(queries: Iterable[exp.Query]) -> exp.Query:
    """Return the query of all merchants in the queries."""
    every: exp.Query = exp.select("merchant_id").from_("merchants").where(exp.false())
    for query in queries:
        every = exp.union(every, query, copy=False)
    return every


def resumed(runs: Sequence[Run], who: Iterable[int]) -> frozenset[int]:
    """Return which of the runs that are computed for some go on for everybody: those that share a fund among
    all, and those chosen among beside them, whose offers to everybody count there.
    """
    return frozenset(
        at for at in who if any(runs[n][0].divides_fund for n in chosen_among(at, runs))
    )


def narrowed(plan: Plan, affected: str, inputs: Inputs) -> Plan:
    """Return the plan for the merchants of a table and no others, reading the files with their rows; as it is
    for "".
    """
    if not affected:
        return plan
    only = is_among(exp.column("merchant_id"), [affected])
    merchants = exp.select("*").from_("merchants").where(only)
    scans = {scan.step: [scan] for scan in plan.scans}
    scans[REFUND_LINES] = [scan for scan in plan.scans if scan.by_line]
    steps: list[Step] = []
    for step in plan.steps:
        query, measuring = step.query, scans.get(step.name, ())
        if measuring or any(table.name == "merchants" for table in query.find_all(exp.Table)):
            query = query.copy()
            if step.name == REFUND_LINES:
                query = refund_lines_of(measuring, [affected])
            for table in list(query.find_all(exp.Table)):
                if table.name == "merchants":
                    table.replace(merchants.subquery(table.alias_or_name))
            read_only(query, paths_of(file for scan in measuring for file in inputs.of(scan)))
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
            if name == "merchant_id":
                columns.append(old)
                continue
            new = anew.column(name).combine_chunks()
            columns.append(pc.replace_with_mask(old.combine_chunks(), mask, new))
        return pa.Table.from_arrays(columns, schema=before.schema)
    both = pa.concat_tables([before.filter(pc.invert(again)), anew])
    return both.take(pc.sort_indices(both, [("merchant_id", "ascending")]))  # a stable sort
