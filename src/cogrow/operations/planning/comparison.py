"""Earnings before and after a change, merchant by merchant, and what the changes come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from cogrow.money import EXPONENTS
from cogrow.programs.program import Fund

if TYPE_CHECKING:
    import pyarrow as pa

#: How many of the largest changes are told each way.
MOST_CHANGES = 10

#: Where a larger class of changes begins, in major units.
CLASSES = (0, 10, 100, 1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Change:
    """What a merchant earned before and after, in minor units."""

    merchant: str
    before_minor: int
    after_minor: int

    @property
    def change_minor(self) -> int:
        """Return how much more it earns after."""
        return self.after_minor - self.before_minor

    def as_json(self) -> dict[str, Any]:
        """Return the change as plain data."""
        return {
            "merchant_id": self.merchant,
            "before_minor": self.before_minor,
            "after_minor": self.after_minor,
            "change_minor": self.change_minor,
        }


@dataclass(frozen=True, slots=True)
class Class:
    """Changes of one direction (`sign` -1, 0 or 1) whose size lies in [low, high) minor units; no
    `high` for the largest. `change_minor` is their sum.
    """

    sign: int
    low_minor: int
    high_minor: int | None
    merchants: int
    change_minor: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Sums of minor units and counts of merchants; `more_minor` and `less_minor` add up to the change."""

    before_minor: int
    after_minor: int
    more_minor: int
    less_minor: int
    gaining: int
    losing: int
    unchanged: int
    up: tuple[Change, ...]
    down: tuple[Change, ...]
    classes: tuple[Class, ...]

    @property
    def change_minor(self) -> int:
        """Return what it costs more."""
        return self.after_minor - self.before_minor

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {
            "before_minor": self.before_minor,
            "after_minor": self.after_minor,
            "change_minor": self.change_minor,
            "more_minor": self.more_minor,
            "less_minor": self.less_minor,
            "gaining": self.gaining,
            "losing": self.losing,
            "unchanged": self.unchanged,
            "largest_gains": [change.as_json() for change in self.up],
            "largest_losses": [change.as_json() for change in self.down],
            "distribution": [asdict(one) for one in self.classes],
        }


@dataclass(frozen=True, slots=True)
class FundUse:
    """What is owed from a fund in the periods compared, and what it has for them, in minor units."""

    fund: Fund
    liability_minor: int
    available_minor: int

    @property
    def short_minor(self) -> int:
        """Return how much more is owed than the fund has."""
        return max(self.liability_minor - self.available_minor, 0)

    def as_json(self) -> dict[str, Any]:
        """Return the use of the fund as plain data."""
        return {
            "fund": self.fund.id,
            "per": self.fund.per,
            "available_minor": self.available_minor,
            "liability_minor": self.liability_minor,
            "short_minor": self.short_minor,
        }


def side_by_side(before: Sequence[pa.Table], after: Sequence[pa.Table]) -> pa.Table:
    """Return a row per merchant: merchant_id, before_minor, after_minor, change_minor, and the tier and
    the reason before and after: those of the component that pays it most, the first where none does.
    """
    import pyarrow.compute as pc

    old, new = (_per_merchant(tables) for tables in (before, after))
    both = old.join(
        new, "merchant_id", join_type="full outer", left_suffix="_before", right_suffix="_after"
    ).sort_by("merchant_id")
    amounts = [pc.fill_null(both.column(f"amount_{side}"), 0) for side in ("before", "after")]
    return _table(
        merchant_id=both.column("merchant_id"),
        before_minor=amounts[0],
        after_minor=amounts[1],
        change_minor=pc.subtract_checked(amounts[1], amounts[0]),
        tier_before=both.column("tier_before"),
        tier_after=both.column("tier_after"),
        reason_before=both.column("reason_before"),
        reason_after=both.column("reason_after"),
    )


def _table(**columns: Any) -> pa.Table:
    import pyarrow as pa

    return pa.table(columns)


def _per_merchant(tables: Sequence[pa.Table]) -> pa.Table:
    """Return merchant_id, amount, tier and reason, one row for each merchant in earnings."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.concat_tables(
        table.select(["merchant_id", "amount_minor", "tier", "reason"]) for table in tables
    )
    rows = rows.append_column("place", pa.array(np.arange(rows.num_rows)))
    order = [("merchant_id", "ascending"), ("amount_minor", "descending"), ("place", "ascending")]
    first = pc.ScalarAggregateOptions(skip_nulls=False, min_count=0)
    found = (
        rows.sort_by(order)
        .group_by("merchant_id", use_threads=False)
        .aggregate([("amount_minor", "sum"), ("tier", "first", first), ("reason", "first", first)])
    )
    return found.rename_columns(
        {"amount_minor_sum": "amount", "tier_first": "tier", "reason_first": "reason"}
    )


def compare(table: pa.Table, currency: str) -> Compared:
    """Return what the rows of `side_by_side`, of one period or several, come to by merchant."""
    import pyarrow.compute as pc

    money = ["before_minor", "after_minor", "change_minor"]
    sums = table.group_by("merchant_id").aggregate([(name, "sum") for name in money])
    sums = sums.rename_columns({f"{name}_sum": name for name in money})
    change = sums.column("change_minor")
    ups, downs = (sums.filter(test(change, 0)) for test in (pc.greater, pc.less))
    return Compared(
        before_minor=sum_of(sums, "before_minor"),
        after_minor=sum_of(sums, "after_minor"),
        more_minor=sum_of(ups, "change_minor"),
        less_minor=sum_of(downs, "change_minor"),
        gaining=ups.num_rows,
        losing=downs.num_rows,
        unchanged=sums.num_rows - ups.num_rows - downs.num_rows,
        up=_largest(ups, "descending"),
        down=_largest(downs, "ascending"),
        classes=tuple(_classes(sums, currency)),
    )


def sum_of(table: pa.Table, column: str) -> int:
    """Return the sum of a column of whole numbers; 0 for no rows."""
    import pyarrow.compute as pc

    return pc.sum(table.column(column)).as_py() or 0


def _largest(table: pa.Table, direction: str) -> tuple[Change, ...]:
    order = [("change_minor", direction), ("merchant_id", "ascending")]
    rows = table.sort_by(order).slice(0, MOST_CHANGES).to_pylist()
    return tuple(Change(r["merchant_id"], r["before_minor"], r["after_minor"]) for r in rows)


def _classes(sums: pa.Table, currency: str) -> Iterator[Class]:
    """Yield the classes with a merchant in them, from the largest loss to the largest gain."""
    import pyarrow.compute as pc

    unit = 10 ** EXPONENTS[currency]
    bounds = [bound * unit for bound in CLASSES] + [None]
    sizes = list(zip(bounds, bounds[1:], strict=False))
    change = sums.column("change_minor")
    for sign, low, high in (
        *((-1, low, high) for low, high in reversed(sizes)),
        (0, 0, 0),
        *((1, low, high) for low, high in sizes),
    ):
        inside = pc.equal(change, 0)
        if sign:
            size = change if sign > 0 else pc.negate_checked(change)
            inside = pc.greater_equal(size, max(low or 0, 1))
            if high is not None:
                inside = pc.and_(inside, pc.less(size, high))
        found = sums.filter(inside)
        if found.num_rows:
            yield Class(sign, low or 0, high, found.num_rows, sum_of(found, "change_minor"))


def fund_use(fund: Fund, periods: Sequence[Sequence[pa.Table]]) -> FundUse:
    """Return what the earnings of some periods draw on the fund, before they are cut to it."""
    liability = sum(_liability(tables) for tables in periods)
    times = len(periods) if fund.per == "period" else 1
    return FundUse(fund, liability, fund.amount * times)


def _liability(tables: Sequence[pa.Table]) -> int:
    """Return the sum of what merchants are owed; who is to give back draws on no fund."""
    import pyarrow as pa
    import pyarrow.compute as pc

    owed = "limited_minor"
    rows = pa.concat_tables(table.select(["merchant_id", owed, "reason"]) for table in tables)
    kept = rows.filter(pc.not_equal(rows.column("reason"), "stacked_out"))
    totals = kept.group_by("merchant_id").aggregate([(owed, "sum")]).column(f"{owed}_sum")
    return pc.sum(pc.max_element_wise(totals, 0)).as_py() or 0
