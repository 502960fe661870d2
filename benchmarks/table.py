"""The report as Markdown: what is aimed at beside what was measured, then every figure with its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks import daily, earn, library, today
from benchmarks.figures import Figures

Found = Mapping[str, Figures]


@dataclass(frozen=True)
class Target:
    """One thing aimed at: of which part, in words, what is measured, at most how much, and its sign."""

    part: str
    what: str
    measured: Callable[[Figures], float]
    most: float
    unit: str


def _ratio(one: str, other: str) -> Callable[[Figures], float]:
    return lambda found: found.seconds(one) / found.seconds(other)


def _worst(which: str) -> Callable[[Figures], float]:
    """Return what finds the largest exponent."""
    return lambda found: max(float(one) for one in found.said[which].values())


def _spark(found: Figures) -> float:
    return found.seconds("earn") / found.seconds("bare")


TARGETS = (
    Target("program", "one program, from the facts, to the bare query by hand",
           _ratio(earn.FROM_FACTS, earn.BY_HAND_RUN), 1.3, "×"),
    Target("program", "its peak memory",
           lambda found: found.megabytes(earn.FROM_FACTS) / 1024, 2.0, " GB"),
    Target("library", "the whole library to one bare scan and group",
           _ratio(library.SHARED, library.SCAN), 4.0, "×"),
    Target("daily", "a new day of the whole library to all from the facts, processor time",
           lambda found: 100 * found.processor(daily.DAY_AFTER) / found.processor(daily.ANEW),
           10.0, " %"),
    Target("daily", "a day with new scores of every merchant to the same",
           lambda found: 100 * found.processor(daily.LAST_DAY) / found.processor(daily.ANEW),
           10.0, " %"),
    Target("daily", "a day of orders that are confirmed, in place of what they were, to the same",
           lambda found: 100 * found.processor(daily.CONFIRMED) / found.processor(daily.ANEW),
           10.0, " %"),
    Target("growth", "exponent of time in order lines", _worst("exponents"), 1.05, ""),
    Target("growth", "the same without the start", _worst("without_start"), 1.05, ""),
    Target("spark", "Spark to a bare Spark query of the same result", _spark, 1.3, "×"),
    Target("today", "one program to the pandas script",
           _ratio(today.FROM_FACTS, today.PANDAS), 1.0, "×"),
    Target("today", "one program to the Polars script",
           _ratio(today.FROM_FACTS, today.POLARS), 1.0, "×"),
    Target("today", "its memory to the Polars script's",
           lambda found: found.megabytes(today.FROM_FACTS) / found.megabytes(today.POLARS), 1.0, "×"),
)  # fmt: skip


def verdicts(found: Found) -> list[tuple[Target, float]]:
    """Return what was measured of each target."""
    return [(one, one.measured(found[one.part])) for one in TARGETS if one.part in found]


def markdown(found: Found, picture: str) -> str:
    """Return the report; `picture` is the name of the plot beside it."""
    return "\n".join(_lines(found, picture)) + "\n"


def _lines(found: Found, picture: str) -> Iterator[str]:
    yield "# What it costs: measured"
    yield ""
    yield "Written by `python -m benchmarks.report` from [the figures](figures), never by hand."
    yield "Medians; each run is a process of its own, start of Python and writing of results included."
    yield ""
    yield f"![Time as order lines grow, and what of each limit is used]({picture})"
    yield ""
    yield "| what | at most | measured | |"
    yield "| --- | ---: | ---: | --- |"
    for one, value in verdicts(found):
        holds = "holds" if value <= one.most else "**missed**"
        yield f"| {one.what} | {one.most:g}{one.unit} | {value:.2f}{one.unit} | {holds} |"
    for part in dict.fromkeys(one.part for one in TARGETS):
        if part not in found:
            yield f"| {part} | | not measured yet | |"
    for part, measured in found.items():
        yield from _part(part, measured)


def _part(part: str, found: Figures) -> Iterator[str]:
    yield ""
    yield f"## {part}"
    yield ""
    yield f"`python -m benchmarks.{found.benchmark}`, {found.day}, on {found.machine};"
    yield ", ".join(f"{name} {version}" for name, version in found.versions.items()) + "."
    yield ""
    yield from (f"* {one.name}: {one}" for one in found.facts)
    said = {name: value for name, value in found.said.items() if not isinstance(value, dict | list)}
    yield from (
        [f"* {', '.join(f'{name} {value}' for name, value in said.items())}"] if said else []
    )
    yield ""
    yield "| run | runs | median s | least | most | processor s | peak MB |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, runs in found.runs.items():
        seconds = [run.seconds for run in runs]
        spread = f"{found.seconds(name):,.2f} | {min(seconds):,.2f} | {max(seconds):,.2f}"
        rest = f"{found.processor(name):,.2f} | {found.megabytes(name):,.0f}"
        yield f"| {name} | {len(runs)} | {spread} | {rest} |"
