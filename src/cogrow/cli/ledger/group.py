"""The group of the ledger's commands, and the options all of them take."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from cogrow.cli.screen import Screen
from cogrow.errors import N_, message

if TYPE_CHECKING:
    from cogrow.ledger.proposals import Proposal
    from cogrow.operations.ledger.desk import Desk

DAY = click.DateTime(["%Y-%m-%d"])
CURRENCY = click.option("--currency", default="CNY", show_default=True, help=N_("ISO 4217 code."))
NUMBER = click.option(
    "--number",
    required=True,
    help=N_("What tells this one apart; the same one again does nothing."),
)

_OPTIONS = (
    click.option("--dry-run", is_flag=True, help=N_("Check everything, keep nothing.")),
    click.option("--on", type=DAY, help=N_("The day it is booked on.  [default: today]")),
    click.option("--as", "person", help=N_("Who does it; else COGROW_KEY says whose key.")),
    click.option(
        "--books",
        default="sqlite:///books.db",
        show_default=True,
        help=N_("Where the books are: sqlite:///FILE or postgresql://HOST/NAME."),
    ),
)


@click.group("ledger", help=N_("What is owed and paid: funds, accruals, payouts, statements."))
def ledger_group() -> None:
    """Keep what is owed and paid."""


def subgroup(name: str, help_text: str) -> click.Group:
    """Return a new group below `cogrow ledger`."""
    made = click.Group(name, help=help_text, short_help=help_text)
    ledger_group.add_command(made)
    return made


def at_books(function: Any) -> Any:
    """Add the options that say where the books are, who acts, and on which day."""
    for option in _OPTIONS:
        function = option(function)
    return function


def below_zero(command: click.Command) -> click.Command:
    """Let an amount below 0 be typed as it is: -5.00 is no option."""
    command.context_settings = {**command.context_settings, "ignore_unknown_options": True}
    return command


@contextmanager
def sitting(
    screen: Screen, books: str, person: str | None, on: datetime | None, dry_run: bool
) -> Iterator[Desk]:
    """Yield the desk that the options ask for."""
    from cogrow.ledger.journal import Act
    from cogrow.operations.ledger.desk import desk

    key = "" if person else os.environ.get("COGROW_KEY", "")
    if not person and not key:
        raise click.UsageError(screen.t(message(N_("Say who does it, with --as PERSON."))))
    now = datetime.now(UTC)
    day = (on or now.astimezone()).date()
    with desk(books, Act(person or "", now, day), dry=dry_run, key=key) as sat:
        yield sat
    if dry_run:
        screen.say(message(N_("Nothing was kept: this was a rehearsal.")), fg="yellow")


def minor(screen: Screen, amount: str, currency: str) -> int:
    """Return an amount people typed, in minor units; a usage error where it is none."""
    from cogrow.money import EXPONENTS, parse_number, to_minor

    number = parse_number(amount.replace(",", ""))
    found = to_minor(number, currency) if number is not None and currency in EXPONENTS else None
    if found is None:
        what = N_("{amount} is no amount of {currency}.")
        raise click.BadParameter(screen.t(message(what, amount=repr(amount), currency=currency)))
    return found


def shown(amount: int, currency: str) -> str:
    """Return minor units as people read them."""
    from cogrow.money import format_minor

    return f"{format_minor(amount, currency)} {currency}"


def plain(value: Any) -> Any:
    """Return a value of the ledger as plain data for JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if isinstance(value, (int, str, bool, type(None))) else str(value)


def show_proposal(screen: Screen, found: Proposal) -> None:
    """Show what is proposed, its hash, and what it waits for."""
    screen.say(message(N_("Proposal {id}, by {maker}"), id=found.id, maker=found.maker), bold=True)
    if found.content.get("lines"):
        heads = [message(N_("account")), message(N_("amount"))]
        screen.table(heads, [(x[0], shown(x[5], x[2])) for x in found.content["lines"]])
    if found.content.get("items"):
        heads = [message(N_("merchant")), message(N_("account")), message(N_("amount"))]
        rows = [
            (x["merchant"], x["iban"], shown(x["amount"], x["currency"]))
            for x in found.content["items"]
        ]
        screen.table(heads, rows)
    screen.say(message(N_("{votes} of {needed} votes."), votes=found.votes, needed=found.needed))
    if not found.approved:
        what = N_(
            "Another person approves it: cogrow ledger approve {id} --hash {hash} --as PERSON"
        )
        screen.say(message(what, id=found.id, hash=found.content_hash))
    screen.data(plain(found))


def share(screen: Screen, text: str) -> Fraction:
    """Return `10%` as a fraction; a usage error where it is none."""
    from cogrow.money import parse_number

    number = parse_number(text.removesuffix("%"))
    if number is None or not text.endswith("%"):
        raise click.BadParameter(
            screen.t(message(N_("{text} is no share; write 10%."), text=repr(text)))
        )
    return number / 100
