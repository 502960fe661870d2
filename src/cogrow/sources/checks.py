"""Second pass over facts: what only rows together can show. Keys, links, refunds against payments.

A table is checked after the tables it links to, against their accepted rows. `bad_<table>` holds the
ids of rows set aside here, each with a code; `repeat_<table>` those of repeats; the view
`ok_<table>` is what is accepted, each fact once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cogrow.errors import N_, Issue, Span, message
from cogrow.facts import Link
from cogrow.sources.faults import (
    BOUNDS,
    CONFLICTING,
    CONFLICTING_THERE,
    CONTRADICTING,
    OVER_REFUNDED,
    OVER_REFUNDED_LINE,
    PARENT_MISSING,
    PARENT_QUARANTINED,
    REPEATED,
    REPLACING_PAID_BACK,
    SAMPLES,
    UNCONVERTIBLE,
    UNPLACED_REFUND,
    Fault,
    form,
    word,
)
from cogrow.sources.parts import BITS
from cogrow.sources.sql import literal, quoted
from cogrow.sources.staging import Staged
from cogrow.sources.standing import Standing

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: What a refund without an order must say itself, and one with an order may only repeat.
OF_ORDER = ("merchant_id", "currency")


def _listed(names: Iterable[str], alias: str = "") -> str:
    return ", ".join(f"{alias}{quoted(name)}" for name in names)


def _known(names: Sequence[str], alias: str = "") -> str:
    return " AND ".join(f"{alias}{quoted(name)} IS NOT NULL" for name in names)


class Checks:
    """Checks staged tables one after the other; collects the issues, and which rows are set aside."""

    def __init__(self, connection: DuckDBPyConnection, standing: Standing | None = None) -> None:
        self.run, self.standing = connection.execute, standing
        self.staged: dict[str, Staged] = {}
        self.issues: list[Issue] = []

    def count(self, query: str) -> int:
        """Return the one whole number a query gives; 0 for NULL."""
        found = self.run(query).fetchone()
        return int(found[0] or 0) if found else 0

    def check(self, staged: Staged) -> None:
        """Check one table, those it links to having been checked before, and make its views."""
        name = staged.table.name
        self.run(f"CREATE VIEW {quoted(f'staged_{name}')} AS FROM {staged.relation}")
        self.run(f"CREATE TABLE {quoted(f'bad_{name}')} (_id BIGINT, code VARCHAR)")
        self.run(f"CREATE TABLE {quoted(f'repeat_{name}')} (_id BIGINT)")
        self.staged[name] = staged
        self._rows(staged)
        self._keys(staged)
        kept_out = [f"bad_{name}", f"repeat_{name}"]
        if self.standing is not None:
            kept_out.append(f"known_{name}")
            other = self.standing.hold(staged)
            if other is not None:
                self._set_aside(staged, CONFLICTING_THERE, other, key=", ".join(staged.table.key))
        for link in staged.table.links:
            if self._has(link.table) and set(link.columns) <= staged.table.by_name.keys():
                self._link(staged, link)
        if name == "refunds":
            self._refunds(staged)
        if self.standing is not None and name in self.standing.replacing:
            self._paid_back(staged)
        self._repeats(staged)
        accepted = f"SELECT * FROM {quoted(f'staged_{name}')} WHERE NOT {staged.faulty}"
        for listed in kept_out:
            if self.count(f"SELECT count(*) FROM {quoted(listed)}"):
                accepted = f"SELECT * FROM ({accepted}) ANTI JOIN {quoted(listed)} USING (_id)"
        self.run(f"CREATE VIEW {quoted(f'ok_{name}')} AS {accepted}")

    def _has(self, table: str) -> bool:
        return table in self.staged or (self.standing is not None and table in self.standing)

    def accepted(self, table: str, columns: Sequence[str], key: Sequence[str], wanted: str) -> str:
        """Return a relation of the accepted rows of a table: at least all whose `key` a query lists.

        Accepted rows are those of this reading, and those that are there already and stay.
        """
        listed = _listed(dict.fromkeys((*columns, *key)))
        parts = []
        if table in self.staged:
            parts.append(f"SELECT {listed} FROM {quoted(f'ok_{table}')}")
        if self.standing is not None and table in self.standing:
            there = self.standing.rows(table, columns, key, wanted)
            parts.append(f"SELECT {listed} FROM {there}")
        return f"({' UNION ALL '.join(parts)})"

    def _rows(self, staged: Staged) -> None:
        """Report what the first pass noted row by row."""
        table, bits = staged.table, staged.noted.bits
        faulty = f"FROM {quoted(f'staged_{table.name}')} WHERE {staged.faulty}"
        if not bits or not self.count(f"SELECT count(*) {faulty}"):
            return
        found = {key: f"(_w{bit // BITS} & {1 << (bit % BITS)}) <> 0" for key, bit in bits.items()}
        sums = ", ".join(f"sum(CASE WHEN {rows} THEN _rows ELSE 0 END)" for rows in found.values())
        counts = self.run(f"SELECT {sums} {faulty}").fetchone() or ()
        for ((fault, name), rows), count in zip(found.items(), counts, strict=True):
            column = table.by_name.get(name)
            kind = word(column.kind) if column else message(N_("what the filter asks for"))
            shown = staged.noted.used.get(name, ())
            if count:
                hint = form(column.kind) if column and fault is UNCONVERTIBLE else None
                self._report(
                    fault, staged, int(count), rows, name, theirs=shown, kind=kind, hint=hint
                )

    def _keys(self, staged: Staged) -> None:
        """Find rows that share a key: those of one content are repeats, others conflict."""
        name, key = staged.table.name, staged.table.key
        if not set(key) <= staged.table.by_name.keys():
            return
        keys, view = _listed(key), quoted(f"staged_{name}")
        twice, other = quoted(f"twice_{name}"), quoted(f"other_{name}")
        self.run(
            f"CREATE TABLE {twice} AS SELECT {keys} FROM {view} WHERE {_known(key)}"
            f" GROUP BY {keys} HAVING count(*) > 1"
        )
        if not self.count(f"SELECT count(*) FROM {twice}"):
            return
        content = _listed([column.name for column in staged.table.columns])
        words = ", ".join(f"_w{n}" for n in range(staged.noted.words))
        self.run(
            f"CREATE TABLE {other} AS SELECT {keys} FROM (SELECT DISTINCT {content}, {words}"
            f" FROM {view} SEMI JOIN {twice} USING ({keys})) GROUP BY {keys} HAVING count(*) > 1"
        )
        rows = f"SELECT _id FROM {view} SEMI JOIN {other} USING ({keys})"
        self._set_aside(staged, CONFLICTING, rows, key=", ".join(key))
        self.run(
            f"INSERT INTO {quoted(f'repeat_{name}')} SELECT _id FROM (SELECT _id, row_number() OVER"
            f" (PARTITION BY {keys} ORDER BY _file, _row, _id) AS n FROM {view} SEMI JOIN {twice}"
            f" USING ({keys}) ANTI JOIN {other} USING ({keys}) WHERE NOT {staged.faulty}) WHERE n > 1"
        )

    def _link(self, staged: Staged, link: Link) -> None:
        """Find rows that name a row of another table which is not accepted there."""
        keys, view = _listed(link.columns), quoted(f"staged_{staged.table.name}")
        orphans = quoted(f"orphan_{staged.table.name}_{link.table}")
        here = link.table in self.staged
        accepted = f" ANTI JOIN {quoted(f'ok_{link.table}')} USING ({keys})" if here else ""
        self.run(
            f"CREATE TABLE {orphans} AS SELECT _id, {keys} FROM {view}{accepted}"
            f" WHERE {_known(link.columns)}"
        )
        if self.standing is not None and link.table in self.standing:
            there = self.standing.rows(
                link.table, (), link.columns, f"SELECT {keys} FROM {orphans}"
            )
            found = f"SELECT _id FROM {orphans} SEMI JOIN {there} USING ({keys})"
            self.run(f"DELETE FROM {orphans} WHERE _id IN ({found})")
        if not self.count(f"SELECT count(*) FROM {orphans}"):
            return
        parent = f"{quoted(f'staged_{link.table}')} USING ({keys})"
        for fault, join in ((PARENT_MISSING, "ANTI JOIN"), (PARENT_QUARANTINED, "SEMI JOIN")):
            if fault is PARENT_QUARANTINED and not here:
                continue
            rows = f"SELECT _id FROM {orphans}" + (f" {join} {parent}" if here else "")
            self._set_aside(
                staged, fault, rows, link.columns[-1], parent=link.table, ours=link.columns
            )

    def _refunds(self, staged: Staged) -> None:
        """Hold refunds against their orders: something paid, the same merchant and currency."""
        has, view = staged.table.by_name, quoted("staged_refunds")
        missing = " OR ".join(
            f"{quoted(column)} IS NULL" if column in has else "true" for column in OF_ORDER
        )
        alone = "order_id IS NULL" if "order_id" in has else "true"
        unplaced = f"SELECT _id FROM {view} WHERE NOT {staged.faulty} AND {alone} AND ({missing})"
        self._set_aside(staged, UNPLACED_REFUND, unplaced)
        if alone == "true" or not self._has("orders"):
            return
        of_orders = f"SELECT order_id FROM {view} WHERE order_id IS NOT NULL"
        own = [column for column in OF_ORDER if column in has]
        if own:
            other = " OR ".join(f"r.{name} <> o.{name}" for name in own)
            orders = self.accepted("orders", OF_ORDER, ("order_id",), of_orders)
            rows = f"SELECT r._id FROM {view} r JOIN {orders} o USING (order_id) WHERE {other}"
            self._set_aside(staged, CONTRADICTING, rows, ours=("order_id", *own))
        if self._has("order_lines"):
            self._over_refunded(staged)

    def _over_refunded(self, staged: Staged) -> None:
        """Hold what refunds take back against what was paid: for their order, and for their line."""
        has, view, standing = staged.table.by_name, quoted("staged_refunds"), self.standing
        # Each refund once, and only those with nothing else against them, in both sums.
        counted = self._in_question(staged)
        of_orders = f"SELECT order_id FROM ({counted}) WHERE order_id IS NOT NULL"
        of_line = tuple(name for name in ("line_no",) if name in has)
        listed = _listed(("order_id", *of_line, "refunded_minor"))
        refunds, aside = f"SELECT {listed} FROM ({counted})", view
        if standing is not None:
            aside = f"(SELECT * FROM {view} ANTI JOIN known_refunds USING (_id))"
            if "refunds" in standing:
                amounts = (*of_line, "refunded_minor")
                there = standing.rows("refunds", amounts, ("order_id",), of_orders)
                refunds += f" UNION ALL SELECT {listed} FROM {there}"
        lines = self.accepted("order_lines", ("line_no", "paid_minor"), ("order_id",), of_orders)
        by_line = ("order_id", "line_no") if "line_no" in has else ()
        over = []
        for fault, key in ((OVER_REFUNDED, ("order_id",)), (OVER_REFUNDED_LINE, by_line)):
            if key:
                keys = _listed(key)
                over.append(
                    (
                        fault,
                        key,
                        (
                            f"SELECT {keys} FROM (SELECT {keys}, sum(refunded_minor) AS back FROM"
                            f" ({refunds}) WHERE {_known(key)} GROUP BY {keys}) LEFT JOIN (SELECT {keys},"
                            f" sum(paid_minor) AS paid FROM {lines} SEMI JOIN ({refunds})"
                            f" USING ({keys}) GROUP BY {keys}) USING ({keys}) WHERE back > coalesce(paid, 0)"
                        ),
                    )
                )
        for fault, _, query in over:
            self.run(f"CREATE TABLE over_{fault.code} AS {query}")
        for fault, key, _ in over:
            # One that would have replaced another leaves that one there, for its order as a whole.
            replacing = standing is not None and "refunds" in standing.replacing
            on = _listed(("order_id",) if replacing else key)
            rows = f"SELECT _id FROM {aside} SEMI JOIN over_{fault.code} USING ({on})"
            ours = (*key, "refunded_minor")
            self._set_aside(staged, fault, rows, "refunded_minor", ours=ours)

    def _in_question(self, staged: Staged) -> str:
        """Return the query of rows that would be accepted as things stand, each once."""
        name = staged.table.name
        query = f"SELECT * FROM {quoted(f'staged_{name}')}"
        for listed in ("bad", "repeat", *(("known",) if self.standing is not None else ())):
            query += f" ANTI JOIN {quoted(f'{listed}_{name}')} USING (_id)"
        return f"{query} WHERE NOT {staged.faulty}"

    def _paid_back(self, staged: Staged) -> None:
        """Keep rows from replacing what refunds that are there already rest on."""
        name, standing = staged.table.name, self.standing
        if standing is None or "refunds" not in standing or name not in ("orders", "order_lines"):
            return
        swap = f"SELECT * FROM swap_{name}"
        amounts = (*OF_ORDER, "line_no", "refunded_minor")
        refunds = standing.rows("refunds", amounts, ("order_id",), swap)
        if name == "orders":
            rows = (
                f"SELECT _id FROM staged_orders o SEMI JOIN swap_orders USING (_id) JOIN {refunds} r"
                " USING (order_id) WHERE r.merchant_id <> o.merchant_id OR r.currency <> o.currency"
            )
            self._set_aside(staged, REPLACING_PAID_BACK, rows)
            return
        there = standing.rows(name, ("line_no", "paid_minor"), ("order_id",), swap)
        lines = " UNION ALL ".join(
            f"SELECT order_id, line_no, paid_minor FROM {part}"
            for part in (f"({self._in_question(staged)})", there)
        )
        over = " UNION ".join(
            f"SELECT order_id FROM (SELECT {keys}, sum(refunded_minor) AS back FROM {refunds}"
            f" WHERE {known} GROUP BY {keys}) LEFT JOIN (SELECT {keys}, sum(paid_minor) AS paid"
            f" FROM ({lines}) GROUP BY {keys}) USING ({keys}) WHERE back > coalesce(paid, 0)"
            for keys, known in (("order_id", "true"), ("order_id, line_no", "line_no IS NOT NULL"))
        )
        rows = f"SELECT _id FROM ({swap}) SEMI JOIN ({over}) USING (order_id)"
        self._set_aside(staged, REPLACING_PAID_BACK, rows)

    def _repeats(self, staged: Staged) -> None:
        name = staged.table.name
        if self.standing is not None:
            bad = f"SELECT _id FROM {quoted(f'bad_{name}')}"
            self.run(f"DELETE FROM {quoted(f'known_{name}')} WHERE _id IN ({bad})")
            self.run(f"DELETE FROM {quoted(f'swap_{name}')} WHERE _id IN ({bad})")
        repeat, bad = quoted(f"repeat_{name}"), quoted(f"bad_{name}")
        self.run(f"DELETE FROM {repeat} WHERE _id IN (SELECT _id FROM {bad})")
        count = self.count(f"SELECT count(*) FROM {repeat}")
        if count:
            self._report(REPEATED, staged, count, f"_id IN (SELECT _id FROM {repeat})")

    def _set_aside(
        self,
        staged: Staged,
        fault: Fault,
        rows: str,
        column: str = "",
        *,
        ours: Sequence[str] = (),
        **params: Any,
    ) -> None:
        """Quarantine the rows whose ids a query gives, and report them."""
        name = staged.table.name
        bad = quoted(f"bad_{name}")
        self.run(f"INSERT INTO {bad} SELECT DISTINCT _id, {literal(fault.code)} FROM ({rows})")
        here = f"_id IN (SELECT _id FROM {bad} WHERE code = {literal(fault.code)})"
        count = self.count(f"SELECT sum(_rows) FROM {quoted(f'staged_{name}')} WHERE {here}")
        if count:
            self._report(fault, staged, count, here, column, ours=ours, **params)

    def _report(
        self,
        fault: Fault,
        staged: Staged,
        count: int,
        rows: str,
        column: str = "",
        *,
        theirs: Sequence[str] = (),
        ours: Sequence[str] = (),
        **params: Any,
    ) -> None:
        """Add the issue of a fault found in `count` rows, those of the table under condition `rows`."""
        name = staged.table.name
        place = staged.noted.places.get(column, Span())
        path = f"{name}.{column}" if column else name
        where = Span(place.file, place.line, place.column, path)
        samples = self._samples(staged, rows, theirs, (*staged.table.key, *ours))
        params |= {"table": name, "column": column, **BOUNDS}
        self.issues.append(fault.issue(where, count=count, samples=samples, **params))

    def _samples(
        self, staged: Staged, rows: str, theirs: Sequence[str], ours: Sequence[str]
    ) -> tuple[dict[str, str], ...]:
        """Return the first rows under a condition: file, row, our columns, and the source's values."""
        known = [name for name in dict.fromkeys(ours) if name in staged.table.by_name]
        picked = [f"CAST({quoted(name)} AS VARCHAR)" for name in known]
        picked += [f"json_extract_string(_source, {_pointer(name)})" for name in theirs]
        found = self.run(
            f"SELECT _file, CAST(_row AS VARCHAR){''.join(f', {part}' for part in picked)}"
            f" FROM {quoted(f'staged_{staged.table.name}')} WHERE {rows}"
            f" ORDER BY _file, _row LIMIT {SAMPLES}"
        ).fetchall()
        labels = ("file", "row", *known, *theirs)
        return tuple(
            {
                label: str(value).rpartition("/")[2] if label == "file" else str(value)
                for label, value in zip(labels, row, strict=True)
                if value is not None
            }
            for row in found
        )


def _pointer(name: str) -> str:
    """Return the JSON pointer of a key, as an SQL literal."""
    return literal("/" + name.replace("~", "~0").replace("/", "~1"))
