"""What is to be computed for the runs that are asked for: all but what earlier runs left, and how.

Earnings say what they were made from. Where that is what they would be made from now, they stay, and
neither are they read nor is their plan made, unless somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from cogrow.engines.batch.affected import affected, narrowed, resumed
from cogrow.engines.batch.inputs import Inputs
from cogrow.engines.batch.order import Run, closed, needed
from cogrow.engines.batch.origins import Origin, Origins, origins_of
from cogrow.engines.compile import compile_plan
from cogrow.engines.plan import Engine, Plan
from cogrow.engines.scans.rollups import Rolled, RollUp, roll_up
from cogrow.engines.scans.share import SharedRows, share
from cogrow.engines.scans.spans import Layout
from cogrow.engines.scans.store import Store
from cogrow.facts import FactFiles
from cogrow.period import Period
from cogrow.programs.program import Program

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Found:
    """Earnings that are there already: what they say they are made from, and how to read some of their
    columns (None: all).
    """

    origin: Origin
    load: Callable[[Sequence[str] | None], pa.Table]


@dataclass(frozen=True, slots=True)
class Kept:
    """What earlier runs left: the folder of roll-ups (None: none are kept), and how to find the earnings
    of a run (None: there are none).
    """

    rollups: Path | None
    earnings: Callable[[Program, Period], Found | None]


@dataclass(frozen=True)
class Ran:
    """One program in one period, what its earnings are made from (None: nobody asked), whether they were
    there already, and else for how many merchants they were computed anew (None: for all). Its plan and
    its earnings are made, or read, when they are asked for.
    """

    program: Program
    period: Period
    origin: Origin | None
    kept: bool
    anew: int | None
    planned: Callable[[], Plan] = field(repr=False)
    earned: Callable[[], pa.Table] = field(repr=False)

    @property
    def inputs(self) -> str:
        """Return the hash of all the earnings are made from; "" where nobody asked for it."""
        return self.origin.inputs if self.origin is not None else ""

    @cached_property
    def plan(self) -> Plan:
        """Return the plan."""
        return self.planned()

    @cached_property
    def table(self) -> pa.Table:
        """Return the earnings."""
        return self.earned()


@dataclass
class Plans:
    """The plans of runs, each made when it is asked for; those of `some` can be run for a few merchants."""

    runs: Sequence[Run]
    facts: FactFiles
    some: Container[int] = ()
    made: dict[int, Plan] = field(default_factory=dict)

    def __getitem__(self, at: int) -> Plan:
        """Return the plan of a run. Raises DataError where the facts lack what it needs."""
        if at not in self.made:
            self.made[at] = compile_plan(*self.runs[at], self.facts, some=at in self.some)
        return self.made[at]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is computed in one go: all runs, what tells of what each is made from (nothing where nobody
    asked), and the earnings that are there already; the plans of the others as they read what is shared and
    kept, for all merchants or, where earnings from `before` hold for the rest, for those in a table (`who`),
    and which of these are `resumed` for all; and of all which must be offered, and remembered, for these.
    """

    runs: list[Run]
    plans: Plans
    origins: Callable[[], Origins | None]
    ready: Mapping[int, Found]
    before: Mapping[int, Found]
    who: Mapping[int, str]
    resumed: frozenset[int]
    reading: Mapping[int, Plan]
    offered: frozenset[int]
    remembered: frozenset[int]
    shared: list[SharedRows]
    rolled: Rolled
    store: Store | None
    merchant: str | None

    @property
    def at_work(self) -> list[Plan]:
        """Return the plans that are run, whole or up to an offer."""
        return [self.plans[at] for at in sorted({*self.reading, *self.offered})]

    @property
    def also(self) -> Collection[str]:
        """Return the tables that are asked beside what the plans read: whom new facts are about can follow
        from a run that is there already.
        """
        return self.plans.facts.tables if self.who else ()

    def plan(self, at: int) -> Plan:
        """Return the plan of a run as it reads what is shared and kept."""
        return self.reading[at] if at in self.reading else self.plans[at]

    def ran(self, at: int, earned: Callable[[], pa.Table], anew: int | None = None) -> Ran:
        """Return what became of a run."""
        origins = self.origins()
        origin = origins.made[at] if origins is not None else None
        return Ran(*self.runs[at], origin, at in self.ready, anew, lambda: self.plans[at], earned)


def filled(engine: Engine, batch: Batch) -> Iterator[tuple[RollUp | SharedRows, int | None]]:
    """Build the roll-ups a batch lacks and fill its tables, and yield each with its rows, where their number
    is known.
    """
    if batch.store is not None:
        for rollup in batch.rolled.build:
            yield rollup, engine.roll_up(rollup, batch.store)
        engine.view(batch.rolled.names, batch.store)
    for table in batch.shared:
        yield table, engine.share(table)


def _nothing() -> None:
    """Return what earnings are made from where nobody asks."""


def prepare(
    wanted: Sequence[Run],
    others: Sequence[Program],
    facts: FactFiles,
    merchant: str | None,
    kept: Kept | None,
    *,
    alone: bool = False,
) -> Batch:
    """Return what is to be computed for the wanted runs, and how; as `running`."""
    runs = closed(wanted, others, alone=alone)
    plans, layout = Plans(runs, facts), Layout(facts)
    if any(program.divides_fund for program, _ in runs):
        merchant = None
    found: dict[int, Found] = {}
    inputs = Inputs(layout)
    made: Callable[[], Origins | None] = _nothing
    if kept is not None:
        # Only who keeps results asks what they are made from: it costs a look at every file. Where none
        # are there yet, nothing waits for the answer.
        there = ((at, kept.earnings(*run)) for at, run in enumerate(runs))
        found = {at: one for at, one in there if one is not None}
        said = {at: one.origin for at, one in found.items()}
        made = cache(partial(origins_of, plans, others, inputs, said, alone=alone))
    origins = made() if found else None
    ready = {
        at: one
        for at, one in found.items()
        if origins is not None and one.origin == origins.made[at]
    }
    left = [at for at in range(len(runs)) if at not in ready]
    offered, remembered = needed(runs, left)
    folder = kept.rollups if kept is not None and merchant is None else None
    store = Store(folder) if folder is not None else None
    who: dict[int, str] = {}
    tables: list[SharedRows] = []
    if store is not None and origins is not None:
        earlier = {at: found[at].origin for at in left if at in found}
        plans.some = earlier
        who, tables = affected(runs, left, earlier, origins, plans)
    rolled = roll_up([plans[at] for at in left], layout, store)
    names = [who.get(at, "") for at in left]
    shared, reading = list[SharedRows](), rolled.plans
    if merchant is None:
        near = inputs.of if store is not None else None
        shared, reading = share(rolled.plans, facts, names, near)
    return Batch(
        runs,
        plans,
        made,
        ready,
        {at: found[at] for at in who},
        who,
        resumed(runs, who),
        {
            at: narrowed(plan, name, inputs)
            for at, plan, name in zip(left, reading, names, strict=True)
        },
        offered,
        remembered,
        [*tables, *shared],
        rolled,
        store,
        merchant,
    )
