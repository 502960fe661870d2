"""The rows of the facts as one program sees them: what each leads to, its day, whether it counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any

from cogrow.expressions.tree import Tree, columns
from cogrow.facts import TABLES
from cogrow.period import Period
from cogrow.programs.program import Program
from tests.fact_files import Facts, Row
from tests.plain_values import Rows, value_of

OF_ORDERS = {"order_lines", "refunds"}


@dataclass
class FactRows:
    """The facts under the terms of one program; they do not depend on a period."""

    program: Program
    facts: Facts

    def __post_init__(self) -> None:
        self.zone = self.program.schedule.zone
        self.merchants = {row["merchant_id"]: row for row in self.table("merchants")}
        self.orders = {row["order_id"]: row for row in self.table("orders")}
        self.lines = {(r["order_id"], r["line_no"]): r for r in self.table("order_lines")}
        self.products = {row["product_id"]: row for row in self.table("products")}
        self.returns = {row["return_id"]: row for row in self.table("returns")}

    def table(self, name: str) -> list[Row]:
        return list(self.facts.get(name, ()))

    def value(self, tree: Tree, rows: Rows) -> Any:
        return value_of(tree, self.zone, rows=rows)

    def day(self, moment: date | datetime | None) -> date | None:
        """Return the day of an instant where the program runs; a day is one already."""
        if isinstance(moment, datetime):
            return moment.replace(tzinfo=UTC).astimezone(self.zone).date()
        return moment

    # -- what a row leads to ------------------------------------------------------------------------

    def around(self, table: str, row: Row) -> dict[str, Row]:
        """Return the row with every row it leads to; one it does not lead to is empty."""
        found: dict[str, Row] = {table: row}
        if table == "refunds" and row.get("order_id") is not None:
            found["order_lines"] = self.lines.get((row["order_id"], row.get("line_no")), {})
        if table in ("order_lines", "refunds", "returns"):
            found["orders"] = self.orders.get(row.get("order_id"), {})
        product = found.get("order_lines", row if table == "visits" else {}).get("product_id")
        if table != "products":
            found["products"] = self.products.get(product, {})
        owner = row.get("merchant_id") or found.get("orders", {}).get("merchant_id")
        found["merchants"] = self.merchants.get(owner, {})
        if self.program.attribution is not None and found.get("orders"):
            found["clicks"] = self.click(found)
        return found

    def click(self, found: Mapping[str, Row]) -> Row:
        """Return the visit an order, or its line, is owed to: the last that is near enough."""
        rule = self.program.attribution
        assert rule is not None
        order, line = found["orders"], found.get("order_lines") or {}
        brand = self.products.get(line.get("product_id"), {}).get("brand_id")

        def leads_here(visit: Row) -> bool:
            own: bool = visit["merchant_id"] == order["merchant_id"]
            if rule.of == "merchant":
                return own
            product = visit.get("product_id")
            if rule.of == "product":
                return product is not None and product == line.get("product_id")
            same: bool = self.products.get(product, {}).get("brand_id") == brand
            return own and brand is not None and same

        visits = [
            visit
            for visit in self.table("visits")
            if visit["visitor_id"] == order["buyer_id"]
            and leads_here(visit)
            and visit["visited_at"] <= order["placed_at"] < visit["visited_at"] + rule.within
            and self.value(rule.clicks.tree, self.around("visits", visit)) is True
        ]
        return max(visits, key=lambda v: (v["visited_at"], v["visit_id"]), default={})

    def refunds_by_line(self) -> list[Row]:
        """Return the refunds, one of a whole order as one per line in proportion to what it paid."""
        parts = []
        for refund in self.table("refunds"):
            if refund.get("order_id") is None or refund.get("line_no") is not None:
                parts.append(refund)
                continue
            lines = [row for key, row in sorted(self.lines.items()) if key[0] == refund["order_id"]]
            paid, total = 0, sum(line["paid_minor"] for line in lines)
            for number, line in enumerate(lines):
                before, paid = paid, paid + line["paid_minor"]
                share = refund["refunded_minor"] if number == 0 else 0
                if total:
                    whole = Fraction(refund["refunded_minor"], total)
                    share = floor(whole * paid) - floor(whole * before)
                parts.append({**refund, "line_no": line["line_no"], "refunded_minor": share})
        return parts

    def currency(self, table: str, rows: Rows) -> str | None:
        """Return the currency of a row's money: its own, or its order's."""
        own: str | None = rows[table].get("currency")
        return own or rows.get("orders", {}).get("currency")

    # -- whether and when it counts -----------------------------------------------------------------

    def about_lines(self, trees: Iterable[Tree | None]) -> bool:
        """Tell whether trees look at single lines, so that whole orders must be told apart."""
        tables = {"order_lines", "products"}
        if self.program.attribution is not None and self.program.attribution.of != "merchant":
            tables.add("clicks")
        return any(
            ref.table in tables for tree in trees if tree is not None for ref in columns(tree)
        )

    def day_of(self, table: str, rows: Mapping[str, Row]) -> date | None:
        """Return the day a row belongs to; None where it has no date."""
        qualifying = self.program.qualifying
        own = rows[table].get(TABLES[table].dated_by or "")
        if table in ("orders", "order_lines"):
            own = rows["orders"].get(qualifying.dated_by)
        elif table == "refunds" and rows["orders"]:
            of_order = rows["orders"].get(qualifying.dated_by)
            by_order = qualifying.refunds_dated_by == "order"
            own = of_order if by_order or of_order is None else own
        return self.day(own)

    def qualifies(self, table: str, rows: Mapping[str, Row]) -> bool:
        """Tell whether the conditions under `qualifying` hold for a row."""
        conditions = self.program.qualifying.conditions
        main, asked = self.program.qualifying.table, []
        if table in conditions:
            asked.append(conditions[table].tree)
        if table == "orders" and main == "order_lines" and main in conditions:
            if self.about_lines([conditions[main].tree]):
                return any(
                    self.qualifies(main, self.around(main, line))
                    for line in self.table(main)
                    if line["order_id"] == rows["orders"]["order_id"]
                )
            asked.append(conditions[main].tree)
        # A refund that names no order has none to ask.
        elif main in conditions and main != table and rows.get("orders") and table in OF_ORDERS:
            asked.append(conditions[main].tree)
        return all(self.value(tree, rows) is True for tree in asked)

    def under_these_terms(self, table: str, rows: Mapping[str, Row]) -> bool:
        """Tell whether this version of the terms is the one for the row's order."""
        effective = self.program.effective
        if effective is None or not effective.by:
            return True
        order = rows.get("orders")
        day = self.day(order.get(effective.by)) if order else self.day_of(table, rows)
        return (
            day is not None
            and effective.start <= day
            and (effective.end is None or day < effective.end)
        )

    def in_first_days(self, table: str, rows: Mapping[str, Row]) -> bool:
        """Tell whether a row lies on the first days of its merchant, where only these count."""
        schedule = self.program.schedule
        if schedule.since is None:
            return True
        since, day = self.day(self.value(schedule.since.tree, rows)), self.day_of(table, rows)
        first = timedelta(days=schedule.first_days)
        return since is not None and day is not None and since <= day < since + first

    def counting(
        self, table: str, days: Period | None, *, by_line: bool = False, of_version: bool = True
    ) -> Iterator[dict[str, Row]]:
        """Yield the rows of a table that count on some days, with what they lead to; of all versions
        of the terms where not `of_version`.
        """
        if days is None:
            return
        refunds_apart = table == "refunds" and by_line
        for row in self.refunds_by_line() if refunds_apart else self.table(table):
            rows = self.around(table, row)
            day = self.day_of(table, rows)
            if not rows["merchants"] or day is None or not days.start <= day < days.end:
                continue
            rules = [self.qualifies, self.in_first_days]
            rules += [self.under_these_terms] if of_version else []
            if all(rule(table, rows) for rule in rules):
                yield rows
