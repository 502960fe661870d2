"""What every command has around it: a Screen, `--json`, and an exit code for what went wrong."""

from __future__ import annotations

import copy
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cogrow.cli.screen import Screen
from cogrow.errors import N_, CogrowError, EngineError, Translate, message, system_problem

#: Exit code of a run that Ctrl-C stopped, as shells count: 128 + the signal's number.
INTERRUPTED = 130

REFUSED = N_("This machine refuses: {problem}.")


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
            except BrokenPipeError:
                raise  # the reader of our output has gone; click knows what to do
            except OSError as error:
                screen.failure(refused(error))
                sys.exit(EngineError.exit_code)
            except MemoryError:
                problem = message(N_("there is not enough memory"))
                screen.failure(EngineError(message(REFUSED, problem=problem)))
                sys.exit(EngineError.exit_code)
            except KeyboardInterrupt:
                said = message(N_("Stopped. Nothing unfinished was left behind."))
                click.secho(screen.t(said), fg="yellow", err=True)
                sys.exit(INTERRUPTED)

        run.params = [*getattr(function, "__click_params__", [])[::-1], *run.params]
        return run

    return decorate


def refused(error: OSError) -> EngineError:
    """Return what the operating system refused as an error for the user, naming the place."""
    named, problem = error.filename2 or error.filename, system_problem(error)
    if not named:
        return EngineError(message(REFUSED, problem=problem))
    place = Path(os.fsdecode(named))
    # What could not be made has a name nobody gave it; people know the folder it was to stand in.
    while error.errno != errno.ENOENT and not os.path.lexists(place) and place != place.parent:
        place = place.parent
    return EngineError(
        message(N_("{file} cannot be used: {problem}."), file=str(place), problem=problem)
    )


def translated(command: click.Command, translate: Translate) -> click.Command:
    """Return the command, its options and its subcommands with their help in another language."""
    made = copy.copy(command)
    made.help = translate(command.help) if command.help else None
    made.short_help = translate(command.short_help) if command.short_help else None
    made.options_metavar = translate("[OPTIONS]")
    made.params = [copy.copy(parameter) for parameter in command.params]
    for parameter in made.params:
        if isinstance(parameter, click.Option) and parameter.help:
            parameter.help = translate(parameter.help)
    if isinstance(made, click.Group):
        made.subcommand_metavar = translate("COMMAND [ARGS]...")
        made.commands = {
            name: translated(inside, translate) for name, inside in made.commands.items()
        }
    return made
