"""Where a line of a statement comes from: the earning, its components, and its sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cogrow.embedded import Limits
from cogrow.facts import FactFiles
from cogrow.ledger.reports.statement import Statement, StatementLine, booked
from cogrow.ledger.store.database import Store
from cogrow.operations.choose import one_run
from cogrow.operations.earn import Progress, read_back, result_path
from cogrow.operations.explain import derive
from cogrow.operations.explanation.gather import made_from
from cogrow.operations.explanation.sentence import Sentence
from cogrow.sources.opening import open_facts


@dataclass(frozen=True, slots=True)
class Part:
    """What one component of a program paid, in minor units; `tier` and `rate` as the earnings say them."""

    component: str
    tier: int | None
    rate: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class Derived:
    """The earning that a line books: of which terms and period, and the command that explains it.

    `parts` are there where earnings at hand come to what is booked, `sentences` where these were computed
    from the facts at hand; `superseded` where the earnings have been computed again since.
    """

    program: str
    version: str
    period: str
    command: str
    superseded: bool = False
    parts: tuple[Part, ...] = ()
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Where:
    """Where derivations are looked for: folders of earnings (the last one first), facts, and program files
    that are not in the library.
    """

    earnings: tuple[Path, ...] = ()
    facts: Path | None = None
    programs: tuple[str, ...] = ()


def derivations(
    store: Store, found: Iterable[Statement], where: Where, limits: Limits, progress: Progress
) -> dict[int, Derived]:
    """Return the derivation of every line that books an earning, by the number of its entry."""
    result: dict[int, Derived] = {}
    with _opened(where, limits, progress) as facts:
        for one in found:
            with store.read() as connection:
                claims = booked(connection, one.merchant, one.currency)
            for line in one.lines:
                if line.kind == "accrue" and line.entry not in result:
                    result[line.entry] = _derived(one.merchant, line, claims, where, facts, limits)
    return result


@contextmanager
def _opened(where: Where, limits: Limits, progress: Progress) -> Iterator[FactFiles | None]:
    if where.facts is None:
        yield None
        return
    with TemporaryDirectory(prefix="cogrow-") as work:
        facts, _ = open_facts(where.facts, Path(work), limits, progress)
        yield facts


def _derived(
    merchant: str,
    line: StatementLine,
    claims: Mapping[tuple[str, str], tuple[int, int]],
    where: Where,
    facts: FactFiles | None,
    limits: Limits,
) -> Derived:
    program, _, version = line.source.partition("@")
    name = next((n for n in where.programs if Path(n).stem == program), program)
    command = f"cogrow explain {name} {merchant} --period {line.origin}"
    command += f" --facts {where.facts}" if where.facts is not None else ""
    told = program, version, line.origin, command
    revision, amount = claims.get((line.source, line.origin), (0, 0))
    if int(line.key.rpartition(":")[2]) != revision:
        return Derived(*told, superseded=True)
    for folder in where.earnings:
        rows = _rows(folder / program, line.origin, version, merchant)
        if rows and sum(row["amount_minor"] for row in rows) == amount:
            parts = [
                Part(row["component"], row["tier"], row["rate"], row["amount_minor"])
                for row in rows
            ]
            said = _sentences(name, merchant, line.origin, version, amount, facts, folder, limits)
            return Derived(*told, parts=tuple(parts), sentences=tuple(said))
    return Derived(*told)


def _rows(folder: Path, period: str, version: str, merchant: str) -> list[dict[str, Any]]:
    """Return a merchant's rows of earnings of exactly this version, or none."""
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = []
    for name in (f"{period}.parquet", f"{period}.{version[:8]}.parquet"):
        if (folder / name).is_file():
            only = [("merchant_id", "=", merchant), ("version", "=", version)]
            rows += pq.read_table(folder / name, filters=only).to_pylist()
    return rows


def _sentences(
    name: str,
    merchant: str,
    period: str,
    version: str,
    amount: int,
    facts: FactFiles | None,
    earnings: Path,
    limits: Limits,
) -> Sequence[Sentence]:
    """Return the derivation, or nothing where terms or facts at hand are others than those of the earning."""
    if facts is None:
        return ()
    program, found, others = one_run(name, period, facts)
    path = earnings / result_path(program, found)
    if program.version != version or not path.is_file():
        return ()
    _, made_of = made_from((program, found), others, facts, earnings)
    if read_back(path, version, made_of[0], merchant) is None:
        return ()  # from other terms or facts; what these come to is another question
    why = derive((program, found), merchant, facts, others=others, limits=limits, earnings=earnings)
    came_to = sum(row["amount_minor"] for row in why.earnings)
    return why.sentences if came_to == amount else ()
