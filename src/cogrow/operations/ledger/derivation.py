"""Where a line of a statement comes from: the earning, its components, and its sentences."""

from __future__ import annotations

import shlex
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
from cogrow.operations.choose import library, one_run, programs
from cogrow.operations.earn import Progress, read_back, result_path
from cogrow.operations.explain import derive
from cogrow.operations.explanation.gather import made_from
from cogrow.operations.explanation.sentence import Sentence
from cogrow.sources.opening import open_facts

#: What stands in a command where nobody said which file a program is in.
UNNAMED = "FILE"


@dataclass(frozen=True, slots=True)
class Part:
    """What one component of a program paid, in minor units; `tier` and `rate` as the earnings say them."""

    component: str
    tier: int | None
    rate: str | None
    amount: int


@dataclass(frozen=True, slots=True)
class Derived:
    """The earning that a line books: of which terms and period, and the command that explains it, which
    says FILE for a program that is neither in the library nor named (`unnamed`).

    `parts` are there where earnings at hand come to what is booked, `sentences` where these were computed
    from the facts at hand; `superseded` where the earnings have been computed again since.
    """

    program: str
    version: str
    period: str
    command: str
    superseded: bool = False
    unnamed: bool = False
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
    """Return the derivation of every line that books an earning, by the number of its entry.

    Raises NotFound or ProgramError for a file of programs that is not there, or is none.
    """
    result: dict[int, Derived] = {}
    files = _files(where.programs)
    with _opened(where, limits, progress) as facts:
        for one in found:
            with store.read() as connection:
                claims = booked(connection, one.merchant, one.currency)
            for line in one.lines:
                if line.kind == "accrue" and line.entry not in result:
                    result[line.entry] = _derived(
                        one.merchant, line, claims, where, facts, limits, files
                    )
    return result


def _files(names: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return how programs are named in a command, by id and version; the version "" is any other one of
    that id. Those of the library go by their id.
    """
    found, _ = programs(names)
    shipped = {str(path): name for name, path in library().items()}
    own = [one for one in found if one.file not in shipped]
    any_other = {(name, ""): name for name in shipped.values()}
    any_other |= {(str(one.id), ""): one.file for one in own}
    return any_other | {(str(one.id), one.version): one.file for one in own}


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
    files: Mapping[tuple[str, str], str],
) -> Derived:
    program, _, version = line.source.partition("@")
    name = files.get((program, version)) or files.get((program, ""))
    said = UNNAMED if name is None else shlex.quote(name)
    command = f"cogrow explain {said} {merchant} --period {line.origin}"
    command += f" --facts {shlex.quote(str(where.facts))}" if where.facts is not None else ""
    told, unnamed = (program, version, line.origin, command), name is None
    revision, amount = claims.get((line.source, line.origin), (0, 0))
    if int(line.key.rpartition(":")[2]) != revision:
        return Derived(*told, superseded=True, unnamed=unnamed)
    for folder in where.earnings:
        rows = _rows(folder / program, line.origin, version, merchant)
        if rows and sum(row["amount_minor"] for row in rows) == amount:
            parts = [
                Part(row["component"], row["tier"], row["rate"], row["amount_minor"])
                for row in rows
            ]
            why = _sentences(name, merchant, line.origin, version, amount, facts, folder, limits)
            return Derived(*told, unnamed=unnamed, parts=tuple(parts), sentences=tuple(why))
    return Derived(*told, unnamed=unnamed)


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
    name: str | None,
    merchant: str,
    period: str,
    version: str,
    amount: int,
    facts: FactFiles | None,
    earnings: Path,
    limits: Limits,
) -> Sequence[Sentence]:
    """Return the derivation, or nothing where terms or facts are not at hand, or not those of the earning."""
    if facts is None or name is None:
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
