"""Earnings as `earn` wrote them, turned into plain rows for the ledger, which knows no promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from cogrow.errors import N_, DataError, NotFound, message
from cogrow.ledger.accrual import Earning
from cogrow.operations.choose import programs
from cogrow.operations.earn import result_path
from cogrow.period import Period, parse_period
from cogrow.programs.program import Program

#: The funder that is the platform itself: its share is the fund's own money.
PLATFORM = "platform"


def read_earnings(
    names: Iterable[str], folder: Path, period_names: Sequence[str], fund: str | None = None
) -> Iterator[Earning]:
    """Yield what every merchant earned by the programs in the periods, all components together.

    `fund` is where a program that names no fund is paid from. Raises NotFound where there are no such
    earnings, DataError where they were computed from other terms.
    """
    chosen, _ = programs(names)
    _refuse_half(chosen, folder, [parse_period(name) for name in period_names])
    for program in chosen:
        source = program.fund.id if program.fund is not None else fund
        if source is None:
            what = N_("{program} names no fund; say one with --fund.")
            raise NotFound(message(what, program=program.id))
        for name in period_names:
            yield from _of_period(program, folder, parse_period(name), source)


def _refuse_half(chosen: Sequence[Program], folder: Path, periods: Sequence[Period]) -> None:
    """Raise DataError where a period has earnings of further versions of a program: what is booked is
    the whole truth of the period, so a part of it would take the rest back.
    """
    for period in periods:
        named = {folder / result_path(program, period) for program in chosen}
        for program in chosen:
            for path in sorted((folder / program.id).glob("*.parquet")):
                same = path.stem == period.name or path.stem.startswith(f"{period.name}.")
                if same and path not in named:
                    what = N_(
                        "{file} holds earnings of {period} too; name every version of {name}."
                    )
                    said = {"file": str(path), "period": period.name, "name": program.id}
                    raise DataError(message(what, **said))


def _of_period(program: Program, folder: Path, period: Period, fund: str) -> Iterator[Earning]:
    import pyarrow.parquet as pq

    path = folder / result_path(program, period)
    if not path.is_file():
        what = N_("There are no earnings of {program} in {period}: {file} is not there.")
        raise NotFound(message(what, program=program.id, period=period.name, file=str(path)))
    table = pq.read_table(path)
    if set(table.column("version").unique().to_pylist()) - {program.version}:
        what = N_("{file} was computed from other terms of {program}; run `cogrow earn` again.")
        raise DataError(message(what, file=str(path), program=program.id))
    funders = list(program.fund.funders) if program.fund is not None else []
    columns = ["merchant_id", "amount_minor", *(f"funder_{name}_minor" for name in funders)]
    sums: dict[str, list[int]] = {}
    for row in zip(*(table.column(name).to_pylist() for name in columns), strict=True):
        mine = sums.setdefault(row[0], [0] * len(row[1:]))
        for position, amount in enumerate(row[1:]):
            mine[position] += amount
    settle = program.settle
    matures = period.end + timedelta(days=settle.maturity + settle.lag if settle else 0)
    pays = settle.pay if settle else "cash"
    for merchant, (amount, *parts) in sums.items():
        if amount:
            yield Earning(
                program.id,
                program.version,
                merchant,
                period.name,
                program.currency,
                amount,
                fund,
                matures,
                tuple(
                    (name, part)
                    for name, part in zip(funders, parts, strict=True)
                    if name != PLATFORM
                ),
                "cash" if pays == "choice" else pays,
                matures + timedelta(days=settle.expires) if settle and settle.expires else None,
            )
