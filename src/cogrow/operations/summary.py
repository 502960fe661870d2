"""What a program's earnings come to: who is in, who reached which tier, the money, the top movers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from cogrow.programs.program import Program

if TYPE_CHECKING:
    import pyarrow as pa

TOP = 5


@dataclass(frozen=True, slots=True)
class TierCount:
    """How many merchants have this as the highest tier they reached."""

    component: str
    tier: str
    merchants: int


@dataclass(frozen=True, slots=True)
class Mover:
    """A merchant among those that earned most; `measured` and `baseline` exact, money in minor units."""

    merchant: str
    amount_minor: int
    measured: Fraction | None
    baseline: Fraction | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of merchants and sums of minor units over one program and period."""

    merchants: int
    taking_part: int
    paid: int
    amount_minor: int
    currency: str
    tiers: tuple[TierCount, ...]
    reasons: dict[str, int]
    top: tuple[Mover, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the summary as plain data."""
        return {
            "merchants": self.merchants,
            "taking_part": self.taking_part,
            "paid": self.paid,
            "amount_minor": self.amount_minor,
            "currency": self.currency,
            "tiers": [
                {"component": t.component, "tier": t.tier, "merchants": t.merchants}
                for t in self.tiers
            ],
            "reasons": self.reasons,
            "top": [
                {
                    "merchant_id": mover.merchant,
                    "amount_minor": mover.amount_minor,
                    "measured": _plain(mover.measured),
                    "baseline": _plain(mover.baseline),
                }
                for mover in self.top
            ],
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Summary:
        """Return the summary that plain data says."""
        movers = (
            Mover(
                one["merchant_id"],
                one["amount_minor"],
                _fraction(one["measured"]),
                _fraction(one["baseline"]),
            )
            for one in said["top"]
        )
        plain = {name: said[name] for name in ("merchants", "taking_part", "paid", "amount_minor")}
        return cls(
            **plain,
            currency=said["currency"],
            tiers=tuple(TierCount(**one) for one in said["tiers"]),
            reasons=dict(said["reasons"]),
            top=tuple(movers),
        )


def _fraction(value: int | str | None) -> Fraction | None:
    return Fraction(value) if value is not None else None


def _plain(value: Fraction | None) -> int | str | None:
    """Return an exact value as JSON holds it: 12, or "37/3"."""
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else str(value)


def _exact(row: Mapping[str, Any], column: str) -> Fraction | None:
    """Return what a row of earnings holds in `column`, over its denominator where it has one."""
    value, below = row.get(column), row.get(f"{column}_denominator", 1)
    return Fraction(int(value), int(below)) if value is not None and below else None


def summarize(program: Program, table: pa.Table) -> Summary:
    """Return the summary of one program's earnings table."""
    import pyarrow.compute as pc

    names = ["merchant_id", "eligible", "gates_passed", "reason", *_figures(program, table)]
    first, total = table.select(names), table.select(["merchant_id", "amount_minor"])
    if len(program.components) > 1:  # or a merchant has one row, and nothing is to be added up
        first = first.filter(pc.equal(table.column("component"), program.components[0].name))
        total = total.group_by("merchant_id").aggregate([("amount_minor", "sum")])
        total = total.rename_columns({"amount_minor_sum": "amount_minor"})
    takes_part = pc.and_(first.column("eligible"), first.column("gates_passed"))
    paid = pc.sum(pc.greater(total.column("amount_minor"), 0)).as_py() or 0
    reasons = pc.value_counts(first.column("reason")).to_pylist()
    return Summary(
        merchants=first.num_rows,
        taking_part=pc.sum(takes_part).as_py() or 0,
        paid=paid,
        amount_minor=pc.sum(table.column("amount_minor")).as_py() or 0,
        currency=program.currency,
        tiers=tuple(_tiers(program, table)),
        reasons={entry["values"]: entry["counts"] for entry in reasons},
        top=_top(program, first, total),
    )


def _tiers(program: Program, table: pa.Table) -> list[TierCount]:
    import pyarrow.compute as pc

    found = []
    takes_part = pc.and_(table.column("eligible"), table.column("gates_passed"))
    for component in program.components:
        own = takes_part
        if len(program.components) > 1:
            own = pc.and_(own, pc.equal(table.column("component"), component.name))
        counted = pc.value_counts(table.column("tier").filter(own)).to_pylist()
        by_tier = {entry["values"]: entry["counts"] for entry in counted}
        for number, name in enumerate(component.tier_texts, start=1):
            found.append(TierCount(component.name, name, by_tier.get(number, 0)))
    return found


def _figures(program: Program, table: pa.Table) -> list[str]:
    """Return the columns of what was measured above all, and of the baseline."""
    main = program.main_measure
    column = program.measure(main).column if main else ""
    names = [n + d for n in (column, "baseline") for d in ("", "_denominator")]
    return [name for name in names if name in table.column_names]


def _top(program: Program, first: pa.Table, total: pa.Table) -> tuple[Mover, ...]:
    import pyarrow as pa
    import pyarrow.compute as pc

    order = [("amount_minor", "descending"), ("merchant_id", "ascending")]
    paid = total.filter(pc.greater(total.column("amount_minor"), 0))
    best = paid.take(pc.select_k_unstable(paid, TOP, order)).to_pylist()
    amounts = {row["merchant_id"]: row["amount_minor"] for row in best}
    among = pa.array(list(amounts), pa.string())
    kept = first.filter(pc.is_in(first.column("merchant_id"), value_set=among))
    figures = {row["merchant_id"]: row for row in kept.to_pylist()}
    main = program.main_measure
    column = program.measure(main).column if main else ""
    return tuple(
        Mover(
            merchant,
            amount,
            _exact(figures[merchant], column),
            _exact(figures[merchant], "baseline"),
        )
        for merchant, amount in amounts.items()
    )
