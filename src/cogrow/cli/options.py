"""The options several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cogrow.errors import N_, message

Decorator = Callable[[Any], Any]

_SIZE = re.compile(r"(?=.*[1-9])\d+(\.\d+)? ?[KMGT]i?B", re.IGNORECASE | re.ASCII)


def _size(context: click.Context, option: click.Parameter, text: str) -> str:
    """Return an amount of memory as DuckDB reads it; a usage error where it is none."""
    if _SIZE.fullmatch(text):
        return text
    what = N_("{found} is not an amount of memory; write one like 500MB or 2GB.")
    said = message(what, found=repr(text)).render(context.obj.translate)
    raise click.BadParameter(said, context, option)


DAY = click.DateTime(["%Y-%m-%d"])
FOLDER = click.Path(path_type=Path, file_okay=False)

FACTS = click.option(
    "--facts",
    type=click.Path(path_type=Path),
    default=Path("facts"),
    show_default=True,
    help=N_("Folder of facts, or a mapping file."),
)
SOURCE = click.argument("source", type=click.Path(path_type=Path))
DATA = click.option("--data", type=FOLDER, help=N_("Folder the mapping's paths start from."))
SEED = click.option("--seed", default=2025, show_default=True, help=N_("Seed of the marketplace."))

_LIMITS = (
    click.option(
        "--spill",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        help=N_("Folder to spill to."),
    ),
    click.option("--threads", type=click.IntRange(1, 256), help=N_("Most threads to use.")),
    click.option(
        "--memory",
        metavar="SIZE",
        callback=_size,
        default="1400MB",
        show_default=True,
        help=N_("Memory limit."),
    ),
)


def limited(function: Any) -> Any:
    """Add the options that bound memory, threads and where to spill."""
    for option in _LIMITS:
        function = option(function)
    return function


def _show_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    """Say which version this is, and end."""
    if wanted:
        from importlib import metadata

        said = message(N_("cogrow, version {version}"), version=metadata.version("cogrow"))
        click.echo(said.render(context.obj.translate))
        context.exit()


VERSION = click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help=N_("Show the version and exit."),
)


def out(default: str | None = None) -> Decorator:
    """Return the option for the folder to write to; required where it has no default."""
    known: dict[str, Any] = {"required": True}
    if default is not None:
        known = {"default": Path(default), "show_default": True}
    return click.option("--out", type=FOLDER, help=N_("Folder to write to."), **known)


def lines(default: int, least: int, most: int) -> Decorator:
    """Return the option for the size of a marketplace."""
    return click.option(
        "--lines",
        type=click.IntRange(least, most),
        default=default,
        show_default=True,
        help=N_("How many order lines."),
    )
