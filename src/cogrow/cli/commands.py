"""The commands. Each reads its options, calls one operation and shows what came back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from cogrow.cli.screen import Screen
from cogrow.cli.speech import LANGUAGES, language, speak
from cogrow.embedded import Limits
from cogrow.errors import N_, CogrowError, DataError, Severity, message

INTERRUPTED = 130


def _translated(command: click.Command, translate: Callable[[str], str]) -> None:
    """Put the help of a command, its options and its subcommands in the reader's language."""
    command.help = translate(command.help) if command.help else None
    command.short_help = translate(command.short_help) if command.short_help else None
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = translate(parameter.help)
    if isinstance(command, click.Group):
        for inside in command.commands.values():
            _translated(inside, translate)


def main() -> None:
    """Run the command line."""
    translate = speak(language(sys.argv[1:], os.environ))
    _translated(cli, translate)
    cli(prog_name="cogrow", obj=translate)


def command(group: click.Group, name: str, help_text: str) -> Callable[[Any], Any]:
    """Add a command that gets a Screen, takes `--json`, and turns errors into exit codes."""

    def decorate(function: Callable[..., None]) -> click.Command:
        @group.command(name, help=help_text, short_help=help_text)
        @click.option("--json", "as_json", is_flag=True, help=N_("Print one JSON document."))
        @click.pass_context
        def run(context: click.Context, /, as_json: bool, **options: Any) -> None:
            screen = Screen(context.obj, as_json=as_json)
            try:
                function(screen, **options)
            except CogrowError as error:
                screen.failure(error)
                sys.exit(error.exit_code)
            except KeyboardInterrupt:
                click.secho(
                    screen.t(message(N_("Stopped. Nothing was changed."))), fg="yellow", err=True
                )
                sys.exit(INTERRUPTED)

        run.params = [*getattr(function, "__click_params__", [])[::-1], *run.params]
        return run

    return decorate


def limited(function: Any) -> Any:
    """Add the options that bound memory, threads and where to spill."""
    for option in (
        click.option("--spill", type=click.Path(path_type=Path), help=N_("Folder to spill to.")),
        click.option("--threads", type=click.IntRange(1, 256), help=N_("Most threads to use.")),
        click.option("--memory", default="1400MB", show_default=True, help=N_("Memory limit.")),
    ):
        function = option(function)
    return function


FACTS = click.option(
    "--facts",
    type=click.Path(path_type=Path),
    default=Path("facts"),
    show_default=True,
    help=N_("Folder of facts, or a mapping file."),
)
SEED = click.option("--seed", default=2025, show_default=True, help=N_("Seed of the marketplace."))


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    help=N_("Grow a marketplace by growing its merchants."),
)
@click.option("--lang", type=click.Choice(LANGUAGES), expose_value=False, help=N_("Language."))
@click.version_option(package_name="cogrow", help=N_("Show the version and exit."))
def cli() -> None:
    """Grow a marketplace by growing its merchants."""


@command(cli, "check", N_("Read programs and say everything that is wrong with them."))
@click.argument("programs", nargs=-1, required=True)
def check_command(screen: Screen, programs: tuple[str, ...]) -> None:
    """Exit 2 if a program has an error."""
    from cogrow.cli.show import show_checked
    from cogrow.operations.check import check

    parsed = check(programs)
    show_checked(screen, parsed)
    if any(one.program is None for one in parsed):
        sys.exit(2)


@command(cli, "test", N_("Run the worked examples inside programs through the engine."))
@click.argument("programs", nargs=-1, required=True)
@limited
def test_command(screen: Screen, programs: tuple[str, ...], **limits: Any) -> None:
    """Exit 2 if an example pays something else."""
    from cogrow.cli.show import show_outcomes
    from cogrow.operations.examples import run_examples

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
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("earnings"),
    show_default=True,
    help=N_("Folder to write to."),
)
@limited
def earn_command(
    screen: Screen,
    programs: tuple[str, ...],
    facts: Path,
    periods: tuple[str, ...],
    out: Path,
    **limits: Any,
) -> None:
    """Write one file per program and period."""
    from cogrow.cli.show import show_earned
    from cogrow.operations.earn import as_json, earn

    with screen.progress() as progress:
        earned, issues = earn(programs, facts, periods, out, Limits(**limits), progress)
    for one in earned:
        show_earned(screen, one)
    if not screen.as_json:
        screen.issues(issues)
    screen.data(
        {"earnings": as_json(earned), "issues": [i.as_json(screen.translate) for i in issues]}
    )


@command(cli, "explain", N_("Say why a merchant earned what it earned, step by step."))
@click.argument("program")
@click.argument("merchant")
@FACTS
@click.option("--period", help=N_("2025, 2025Q2, 2025-04 or first..last day."))
@click.option(
    "--rows", is_flag=True, help=N_("List the order lines and refunds behind each value.")
)
@limited
def explain_command(
    screen: Screen,
    program: str,
    merchant: str,
    facts: Path,
    period: str | None,
    rows: bool,
    **limits: Any,
) -> None:
    """Print a sentence per step."""
    from cogrow.cli.show import show_explained
    from cogrow.operations.explain import explain

    with screen.progress() as progress:
        found = explain(
            program, merchant, facts, period, rows=rows, limits=Limits(**limits), progress=progress
        )
    show_explained(screen, found)
    if screen.as_json:
        screen.data(found.as_json(screen.translate))


@command(cli, "programs", N_("List the programs that ship with cogrow."))
def programs_command(screen: Screen) -> None:
    """Name, direction and title of each."""
    from cogrow.cli.show import show_library
    from cogrow.operations.check import check
    from cogrow.operations.choose import library

    show_library(screen, check(library()))


@cli.group("facts", help=N_("Check facts, and bring them into the canonical form."))
def facts_group() -> None:
    """Facts."""


SOURCE = click.argument("source", type=click.Path(path_type=Path))
DATA = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help=N_("Folder the mapping's paths start from."),
)


@command(facts_group, "check", N_("Say everything that is wrong with facts, with counts and rows."))
@SOURCE
@DATA
@limited
def facts_check_command(screen: Screen, source: Path, data: Path | None, **limits: Any) -> None:
    """Exit 3 if the facts cannot be used."""
    from cogrow.cli.show import show_facts
    from cogrow.operations.facts import check_facts

    with screen.progress() as progress:
        report = check_facts(source, data, Limits(**limits), progress)
    show_facts(screen, report)
    if any(issue.severity is Severity.ERROR for issue in report.issues):
        sys.exit(DataError.exit_code)


@command(facts_group, "import", N_("Bring facts into the canonical form, checked and sealed."))
@SOURCE
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help=N_("Folder to write to.")
)
@DATA
@limited
def facts_import_command(
    screen: Screen, source: Path, out: Path, data: Path | None, **limits: Any
) -> None:
    """Write canonical Parquet, what was quarantined, and the seal."""
    from cogrow.cli.show import show_facts
    from cogrow.operations.facts import import_facts

    with screen.progress() as progress:
        report = import_facts(source, out, data, Limits(**limits), progress)
    show_facts(screen, report)


@command(cli, "simulate", N_("Make a marketplace to try programs on."))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help=N_("Folder to write to.")
)
@click.option(
    "--lines",
    type=click.IntRange(1_000, 1_000_000_000),
    default=100_000,
    show_default=True,
    help=N_("How many order lines."),
)
@SEED
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2024-01-01",
    show_default=True,
    help=N_("First day."),
)
@click.option(
    "--end",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2026-01-01",
    show_default=True,
    help=N_("Day after the last."),
)
def simulate_command(
    screen: Screen, out: Path, lines: int, seed: int, start: Any, end: Any
) -> None:
    """Write canonical facts, sealed."""
    from cogrow.cli.show import show_simulated
    from cogrow.operations.simulate import simulate_facts

    first, last = (
        day.date() if not isinstance(day, date) or hasattr(day, "date") else day
        for day in (start, end)
    )
    with screen.progress() as progress:
        facts = simulate_facts(out, lines, seed, first, last, progress)
    show_simulated(screen, facts)


@command(cli, "demo", N_("Make a marketplace, check programs, compute earnings, explain one."))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help=N_("Folder to write to."),
)
@click.option(
    "--lines",
    type=click.IntRange(1_000, 50_000_000),
    default=400_000,
    show_default=True,
    help=N_("How many order lines."),
)
@SEED
def demo_command(screen: Screen, out: Path, lines: int, seed: int) -> None:
    """Tell the story of a program from facts to cents."""
    from cogrow.cli.story import tell

    tell(screen, out, lines, seed)
