"""One simulated marketplace, drawn month by month from a seed and written as canonical facts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from cogrow.errors import N_, DataError, Issue, message
from cogrow.facts import TableFiles
from cogrow.money import split
from cogrow.period import Every, Period, add_months, periods_between
from cogrow.simulator import columns
from cogrow.simulator.columns import Ints, by_time
from cogrow.simulator.lines import Lines, draw_lines
from cogrow.simulator.merchants import Floats, Merchants, draw_merchants, merchants_table
from cogrow.simulator.orders import CLOSED, MEAN_LINES, Orders, draw_orders, settle
from cogrow.simulator.output import Tables, put_in_place
from cogrow.simulator.products import Products, draw_products, products_table
from cogrow.simulator.refunds import (
    Refunds,
    draw_refunds,
    due,
    no_refunds,
    refunds_table,
    returns_table,
)
from cogrow.simulator.season import (
    Curve,
    Month,
    festivals_between,
    instant_of,
    months_between,
    number_of,
)
from cogrow.simulator.standing import (
    Service,
    draw_service,
    enrollments_table,
    memberships_table,
    scores_table,
    targets_table,
)
from cogrow.simulator.traffic import (
    Campaigns,
    Spend,
    Visits,
    draw_campaigns,
    draw_spend,
    draw_visits,
    spend_table,
    visits_table,
)

FEWEST_LINES, MOST_LINES = 1_000, 200_000_000
MOST_MERCHANTS = 1_000_000
#: The clock of Asia/Shanghai has not changed since well before this year.
FIRST_YEAR, LAST_YEAR = 2000, 2100

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a simulation wrote: its folder, the files of each canonical table, and its size."""

    folder: str
    tables: Mapping[str, TableFiles]
    order_lines: int
    merchants: int


def simulate(
    out: Path,
    *,
    order_lines: int,
    seed: int | np.random.Generator,
    merchants: int | None = None,
    start: date = date(2024, 1, 1),
    end: date = date(2026, 1, 1),
    progress: Progress | None = None,
) -> Simulation:
    """Write a marketplace with exactly `order_lines` order lines to the folder `out`.

    Facts run over [start, end), local days: what would happen on `end` or later has not happened.
    `merchants` defaults to sixty for a thousand lines and 200,000 for fifty million. The same
    arguments write the same bytes; a Generator stands for the next number it gives. `progress` is
    told the order lines done and those there will be.

    Raises DataError for a size or dates that cannot be, and where `out` holds something other
    than an earlier simulation; `out` is then as it was.
    """
    count = merchants_for(order_lines) if merchants is None else merchants
    _check(order_lines, count, start, end, seed)
    if isinstance(seed, np.random.Generator):
        seed = int(seed.integers(2**63))
    settings = {
        "order_lines": order_lines, "seed": seed, "merchants": count,
        "start": start.isoformat(), "end": end.isoformat(),
    }  # fmt: skip
    with put_in_place(out, settings) as folder:
        tables = Tables(folder)
        _write(tables, order_lines, seed, count, start, end, progress or (lambda done, all: None))
        written = tables.written(out)
    return Simulation(str(out), written, order_lines, count)


def merchants_for(order_lines: int) -> int:
    """Return how many merchants sell `order_lines` lines: 60 × (lines / 1,000) ^ 0.75, about."""
    return max(3, round(60.0 * math.pow(max(order_lines, 0) / 1_000, 0.7497)))


def _check(
    order_lines: int, merchants: int, start: date, end: date, seed: int | np.random.Generator
) -> None:
    """Raise DataError with everything that is wrong with the size and the dates."""
    issues = []
    if not FEWEST_LINES <= order_lines <= MOST_LINES:
        what = N_("A marketplace has from {least} to {most} order lines, not {found}.")
        params = {"least": f"{FEWEST_LINES:,}", "most": f"{MOST_LINES:,}"}
        issues.append(Issue("SIM001", message(what, **params, found=f"{order_lines:,}")))
    if not 1 <= merchants <= MOST_MERCHANTS:
        what = N_("A marketplace has from 1 to {most} merchants, not {found}.")
        params = {"most": f"{MOST_MERCHANTS:,}"}
        issues.append(Issue("SIM002", message(what, **params, found=f"{merchants:,}")))
    if not date(FIRST_YEAR, 1, 1) <= start < end <= date(LAST_YEAR, 1, 1):
        what = N_("The days {start} to {end} are no time between the years {first} and {last}.")
        params = {"first": str(FIRST_YEAR), "last": str(LAST_YEAR)}
        issues.append(Issue("SIM003", message(what, **params, start=str(start), end=str(end))))
    if isinstance(seed, int) and seed < 0:
        what = N_("A seed is a whole number from 0 up, not {found}.")
        issues.append(Issue("SIM004", message(what, found=str(seed))))
    if issues:
        raise DataError(message(N_("Such a marketplace cannot be simulated.")), issues)


def _generators(seeds: np.random.SeedSequence, count: int) -> list[np.random.Generator]:
    """Return independent generators, so that one more draw in a table changes no other table."""
    return [np.random.Generator(np.random.SFC64(child)) for child in seeds.spawn(count)]


@dataclass
class _World:
    """What stays the same from month to month, and what the months so far have left open.

    `listed` and `on_sale` are how many products each merchant has before and after the month.
    """

    merchants: Merchants
    products: Products
    listed: Ints
    on_sale: Ints
    campaigns: Campaigns
    spend: Spend
    service: Service
    first_day: int
    until: int
    orders: int = 0
    refunds: int = 0
    returns: int = 0
    visits: int = 0
    pending: Refunds = field(default_factory=no_refunds)
    waiting: Visits | None = None


def _write(
    tables: Tables, order_lines: int, seed: int, count: int, start: date, end: date,
    progress: Progress,
) -> None:  # fmt: skip
    months = months_between(start, end)
    seeds = np.random.SeedSequence(seed)
    forever, *monthly = seeds.spawn(1 + len(months))
    world, by_month = _make_world(forever, tables, order_lines, count, months)
    lines_by_month = split(order_lines, [int(w * 2**40) for w in by_month / by_month.sum()])
    quarters = [q for q in periods_between(start, end, Every.QUARTER) if _is_whole(q)]
    paid = {quarter: np.zeros(count, dtype=np.int64) for quarter in quarters}
    done = 0
    with tables.part("merchant_scores", "merchant_scores") as scores:
        for index, month in enumerate(months):
            streams = _generators(monthly[index], 7)
            orders, lines = _write_sales(
                streams[:3], world, tables, month, lines_by_month[index],
                partial(_report, progress, order_lines, done),
            )  # fmt: skip
            done += lines_by_month[index]
            _write_refunds((streams[3], streams[6]), world, tables, orders, lines)
            for quarter in quarters:
                if number_of(quarter.start) <= month.first < number_of(quarter.end):
                    np.add.at(
                        paid[quarter], orders.merchant, lines.totals * (orders.bits & CLOSED == 0)
                    )
            previous = months[index - 1] if index else None
            _write_visits(streams[4], world, tables, orders, previous)
            scores.append(scores_table(streams[5], world.merchants, world.service, month))
    _flush_visits(world, tables, months[-1])
    with_base = [quarter for quarter in quarters if quarter.shifted(-12) in paid]
    tables.write("targets", targets_table(world.merchants, with_base, paid))
    tables.write("calendar", _calendar(start, end))


def _report(progress: Progress, order_lines: int, before: int, rows: int) -> None:
    progress(before + rows, order_lines)


def _is_whole(quarter: Period) -> bool:
    return quarter.end == add_months(quarter.start, 3)


def _make_world(
    seeds: np.random.SeedSequence, tables: Tables, order_lines: int, count: int,
    months: Sequence[Month],
) -> tuple[_World, Floats]:  # fmt: skip
    """Return the marketplace before its first day and the relative sales of its months, and write
    the tables that need no order.
    """
    streams = iter(_generators(seeds, 10))
    first, following = months[0].first, months[-1].following
    merchants, by_month = draw_merchants(
        next(streams), count, round(order_lines / MEAN_LINES), months
    )
    tables.write("merchants", merchants_table(next(streams), merchants))
    products = draw_products(next(streams), merchants, first, following)
    tables.write("products", products_table(next(streams), merchants, products))
    campaigns = draw_campaigns(next(streams), merchants, _quarters(months))
    spend = draw_spend(next(streams), campaigns)
    tables.write("ad_spend", spend_table(next(streams), merchants, campaigns, spend))
    service = draw_service(next(streams), merchants)
    tables.write("memberships", memberships_table(next(streams), merchants, first, following))
    tables.write("enrollments", enrollments_table(next(streams), merchants, first, following))
    on_sale = products.listed_within(0, first)
    world = _World(
        merchants, products, on_sale, on_sale, campaigns, spend, service, first, instant_of(following)
    )  # fmt: skip
    return world, by_month


def _quarters(months: Sequence[Month]) -> list[tuple[int, int]]:
    """Return the first and the following day number of every three months."""
    return [
        (part[0].first, part[-1].following)
        for part in (months[i : i + 3] for i in range(0, len(months), 3))
    ]


def _write_sales(
    streams: list[np.random.Generator], world: _World, tables: Tables, month: Month, count: int,
    progress: Callable[[int], None],
) -> tuple[Orders, Lines]:  # fmt: skip
    """Write the orders of `month` and their `count` lines."""
    for_orders, for_progress, for_lines = streams
    curve = Curve(month)
    orders = draw_orders(
        for_orders, world.merchants, month, curve,
        lines=count, number=world.orders, first_day=world.first_day,
    )  # fmt: skip
    world.orders += len(orders)
    new = world.products.listed_within(month.first, month.following)
    world.listed, world.on_sale = world.on_sale, world.on_sale + new
    reach = world.campaigns.reach(month, len(world.merchants))
    with tables.part("orders", month.name) as part:
        for rows in settle(for_progress, orders, world.merchants, curve, reach, world.until):
            part.append(rows)
    lines = Lines(np.zeros(len(orders), dtype=np.int64), [])
    with tables.part("order_lines", month.name) as part:
        for rows in draw_lines(
            for_lines, orders, world.merchants, world.products, world.on_sale, lines
        ):
            part.append(rows)
            progress(part.rows)
    return orders, lines


def _write_refunds(
    streams: tuple[np.random.Generator, np.random.Generator], world: _World, tables: Tables,
    orders: Orders, lines: Lines,
) -> None:  # fmt: skip
    """Write the refunds made in the month, of its own orders and of earlier ones, and the returns
    they end.
    """
    drawn = draw_refunds(streams[0], orders, lines)
    now, world.pending = due(world.pending.joined(drawn), orders.month.end)
    tables.write("refunds", refunds_table(now, world.refunds), orders.month.name)
    world.refunds += len(now.at)
    returns, count = returns_table(streams[1], now, world.returns)
    tables.write("returns", returns, orders.month.name)
    world.returns += count


def _write_visits(
    rng: np.random.Generator, world: _World, tables: Tables, orders: Orders, previous: Month | None
) -> None:
    """Draw the visits of a month, and write those of the `previous`, now that they are complete."""
    earlier, here = draw_visits(
        rng, orders, world.merchants, world.products, world.campaigns, world.spend, world.listed
    )  # fmt: skip
    if previous is not None and world.waiting is not None:
        world.waiting = world.waiting.joined(earlier)
        _flush_visits(world, tables, previous)
    world.waiting = here


def _flush_visits(world: _World, tables: Tables, month: Month) -> None:
    if world.waiting is not None:
        visits = world.waiting.taken(by_time(world.waiting.at))
        tables.write(
            "visits",
            visits_table(visits, world.merchants, world.campaigns, world.visits),
            month.name,
        )
        world.visits += len(visits.at)


def _calendar(start: date, end: date) -> dict[str, pa.Array]:
    """Return the columns of `calendar`: every festival, its first and its last day."""
    found = list(festivals_between(start, end))
    names = sorted({festival.name for festival, _, _ in found})
    codes = np.array([names.index(festival.name) for festival, _, _ in found])
    return {
        "name": columns.words(codes, names),
        "starts_on": columns.days(np.array([number_of(first) for _, first, _ in found])),
        "ends_on": columns.days(np.array([number_of(last) for _, _, last in found])),
    }
