"""The commands. Each reads its options, calls one operation and shows what came back."""

from __future__ import annotations

import atexit
import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cogrow.cli.authoring import authoring
from cogrow.cli.engines import add_engines, chosen, on_engine
from cogrow.cli.facts import facts_group
from cogrow.cli.frame import INTERRUPTED, command, translated
from cogrow.cli.ledger import ledger_group
from cogrow.cli.options import DAY, FACTS, SEED, VERSION, limited, lines, out
from cogrow.cli.rollups import rollups_group
from cogrow.cli.screen import Screen
from cogrow.cli.speech import LANGUAGES, language, speak
from cogrow.embedded import Limits
from cogrow.errors import N_, message


def main() -> None:
    """Run the command line of this process."""
    terminated = False

    def terminate(number: int, frame: object) -> None:
        nonlocal terminated
        terminated = True
        raise KeyboardInterrupt  # to unwind as for Ctrl-C, so that nothing is left behind

    signal.signal(signal.SIGTERM, terminate)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without ✓ shows ? instead
    try:
        run(sys.argv[1:], os.environ)
    except SystemExit as end:
        if terminated and end.code == INTERRUPTED:
            sys.exit(128 + signal.SIGTERM)
        if not end.code:
            _leave()
        raise
    finally:
        if "duckdb" not in sys.modules:  # which complains of what is left
            gc.freeze()  # or Python looks through all of it once more before it ends


def _leave() -> None:
    """End this process, which did what it was asked for, without taking apart all that it holds: that
    takes a tenth of a second, and the machine does it at once. Returns where something is left to do.
    """
    if threading.active_count() > 1:
        return
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError):
        return  # nobody reads, or the stream is closed: Python knows what to say
    os._exit(0)


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Run the command that `arguments` name, in the language they and the environment ask for.

    Raises SystemExit with the exit code.
    """
    speech = speak(language(arguments, environment))
    door = translated(cli, speech.translate)
    if environment.get("NO_COLOR"):
        door.context_settings = {**door.context_settings, "color": False}
    if "--json" not in arguments:
        door.main(list(arguments), "cogrow", obj=speech)  # which exits
    try:
        sys.exit(door.main(list(arguments), "cogrow", standalone_mode=False, obj=speech) or 0)
    except click.ClickException as error:  # who reads JSON reads what is wrong there, too
        Screen(speech, as_json=True).refusal(error.format_message(), error.exit_code)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(1)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    help=N_("Grow a marketplace by growing its merchants."),
)
@click.option("--lang", type=click.Choice(LANGUAGES), expose_value=False, help=N_("Language."))
@VERSION
def cli() -> None:
    """Grow a marketplace by growing its merchants."""


@command(cli, "check", N_("Read programs and say everything that is wrong with them."))
@click.argument("programs", nargs=-1, required=True)
@click.option("--curve", is_flag=True, help=N_("Draw what is paid against the metric."))
@click.option(
    "--svg",
    type=click.Path(path_type=Path, dir_okay=False),
    help=N_("Write the curves of one program as a picture."),
)
@click.option(
    "--given", multiple=True, metavar="NAME=VALUE", help=N_("Hold a value at another for --curve.")
)
def check_command(
    screen: Screen, programs: tuple[str, ...], curve: bool, svg: Path | None, given: tuple[str, ...]
) -> None:
    """Exit 2 if a program has an error."""
    from cogrow.cli.show.results import show_checked
    from cogrow.operations.check import check

    parsed = check(programs)
    if not (curve or given or svg is not None):
        show_checked(screen, parsed)
    else:
        from cogrow.cli.curves.draw import show_drawn

        show_drawn(screen, parsed, given, svg)
    if any(one.program is None for one in parsed):
        sys.exit(2)


@command(cli, "test", N_("Run the worked examples inside programs through the engine."))
@click.argument("programs", nargs=-1, required=True)
@limited
def test_command(screen: Screen, programs: tuple[str, ...], **limits: Any) -> None:
    """Exit 2 if an example pays something else."""
    from cogrow.cli.show.results import show_outcomes
    from cogrow.operations.worked.examples import run_examples

    outcomes, warnings = run_examples(programs, Limits(**limits))
    show_outcomes(screen, outcomes)
    screen.issues(() if screen.as_json else warnings)
    if not all(outcome.passed for outcome in outcomes):
        sys.exit(2)


@command(cli, "earn", N_("Compute what every merchant earned and write it as Parquet."))
@click.argument("programs", nargs=-1, required=True)
@FACTS
@click.option(
    "--period", "periods", multiple=True, help=N_("2025, 2025Q2, 2025-04 or first..last day.")
)
@out("earnings")
@click.option(
    "--no-rollups", is_flag=True, help=N_("Compute all from the facts, whatever is kept of them.")
)
@on_engine
@limited
def earn_command(
    screen: Screen,
    programs: tuple[str, ...],
    facts: Path,
    periods: tuple[str, ...],
    out: Path,
    no_rollups: bool,
    engine: str,
    master: str | None,
    **limits: Any,
) -> None:
    """Write one file per program and period."""
    from cogrow.cli.show.results import show_earned
    from cogrow.operations.earn import as_json, earn

    where, keep = chosen(screen, engine, master, Limits(**limits)), not no_rollups
    with screen.progress() as progress:
        earned, issues = earn(
            programs, facts, periods, out, Limits(**limits), progress, keep=keep, master=where
        )
    for one in earned:
        show_earned(screen, one)
    if not screen.as_json:
        screen.issues(issues)
    screen.data(
        {"earnings": as_json(earned), "issues": [i.as_json(screen.translate) for i in issues]}
    )


@command(cli, "explain", N_("Say why a merchant earned what it earned, step by step."))
@click.argument("program")
@click.argument("merchant", required=False)
@FACTS
@click.option("--period", help=N_("2025, 2025Q2, 2025-04 or first..last day."))
@click.option(
    "--plan",
    "plan",
    is_flag=True,
    help=N_("Instead of a merchant: run the plan step by step and say what each takes."),
)
@click.option(
    "--rows", is_flag=True, help=N_("List the order lines and refunds behind each value.")
)
@click.option("--rejected", is_flag=True, help=N_("List the rows that do not count, and why not."))
@click.option(
    "--beside",
    multiple=True,
    metavar="PROGRAMS",
    help=N_("Other versions of it, and programs it is stacked with, where these stand elsewhere."),
)
@click.option(
    "--earnings",
    type=click.Path(path_type=Path),
    default=Path("earnings"),
    show_default=True,
    help=N_("Folder `earn` wrote to; what is not there is computed again."),
)
@limited
def explain_command(
    screen: Screen,
    program: str,
    merchant: str | None,
    facts: Path,
    period: str | None,
    plan: bool,
    rows: bool,
    rejected: bool,
    beside: tuple[str, ...],
    earnings: Path,
    **limits: Any,
) -> None:
    """Print a sentence per step."""
    from cogrow.cli.show.explained import show_explained
    from cogrow.cli.show.steps import show_steps
    from cogrow.operations.explain import explain

    if plan:
        if merchant is not None:
            what = N_("--plan runs the plan for every merchant; name none.")
            raise click.UsageError(screen.t(message(what)))
        show_steps(screen, [program, *beside], facts, period, Limits(**limits))
        return
    if merchant is None:
        raise click.MissingParameter(param_type="argument", param_hint="'MERCHANT'")

    with screen.progress() as progress:
        found = explain(
            program,
            merchant,
            facts,
            period,
            rows=rows,
            not_counted=rejected,
            beside=beside,
            limits=Limits(**limits),
            progress=progress,
            earnings=earnings,
        )
    show_explained(screen, found)
    if screen.as_json:
        screen.data(found.as_json(screen.translate))


@command(cli, "plan", N_("Say what a change of a program would do, before it does it."))
@click.argument("programs", nargs=-1, required=True, metavar="[OLD] NEW")
@FACTS
@click.option(
    "--period", "periods", multiple=True, help=N_("2025, 2025Q2, 2025-04 or first..last day.")
)
@click.option(
    "--in-force",
    metavar="PROGRAMS",
    help=N_("Where the versions in force are, in place of OLD."),
)
@click.option(
    "--as-of",
    type=DAY,
    help=N_("The day that tells which periods are over.  [default: today]"),
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help=N_("File to write a row per merchant and period to, as Parquet."),
)
@limited
def plan_command(
    screen: Screen,
    programs: tuple[str, ...],
    facts: Path,
    periods: tuple[str, ...],
    in_force: str | None,
    as_of: datetime | None,
    out: Path | None,
    **limits: Any,
) -> None:
    """Exit 2 if the new version could not be put beside the old one as it stands."""
    from cogrow.cli.show.plan import show_planned
    from cogrow.operations.planning.plan import plan

    *olds, new = programs
    olds += [in_force] if in_force is not None else []
    if len(olds) != 1:
        what = N_("Name two programs, OLD and NEW, or NEW alone with --in-force.")
        raise click.UsageError(screen.t(message(what)))
    day = (as_of or datetime.now(UTC).astimezone()).date()
    with screen.progress() as progress:
        found = plan(olds[0], new, facts, periods, day, Limits(**limits), progress, out)
    show_planned(screen, found)
    if found.refused:
        sys.exit(2)


@command(cli, "simulate", N_("Make a marketplace to try programs on."))
@out()
@lines(default=100_000, least=1_000, most=200_000_000)
@click.option(
    "--merchants",
    type=click.IntRange(1, 1_000_000),
    help=N_("How many merchants.  [default: the more, the more lines]"),
)
@SEED
@click.option(
    "--start",
    type=DAY,
    default="2024-01-01",
    show_default=True,
    help=N_("First day."),
)
@click.option(
    "--end",
    type=DAY,
    default="2026-01-01",
    show_default=True,
    help=N_("Day after the last."),
)
def simulate_command(
    screen: Screen,
    out: Path,
    lines: int,
    merchants: int | None,
    seed: int,
    start: datetime,
    end: datetime,
) -> None:
    """Write canonical facts, sealed."""
    from cogrow.cli.show.results import show_simulated
    from cogrow.operations.simulate import simulate_facts

    with screen.progress() as progress:
        days = (start.date(), end.date())
        facts = simulate_facts(out, lines, seed, *days, progress, merchants)
    show_simulated(screen, facts)


@command(cli, "demo", N_("Make a marketplace, check programs, compute earnings, explain one, pay."))
@out("demo")
@lines(default=400_000, least=20_000, most=50_000_000)  # with fewer, a program may find nobody
@SEED
def demo_command(screen: Screen, out: Path, lines: int, seed: int) -> None:
    """Tell the story of a program from facts to cents."""
    from cogrow.cli.story import tell

    tell(screen, out, lines, seed)


for added in (facts_group, ledger_group, rollups_group, *authoring.commands.values()):
    cli.add_command(added)
add_engines(cli)
