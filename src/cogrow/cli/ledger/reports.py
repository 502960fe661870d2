"""`cogrow ledger`: statement, close, audit, export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cogrow.cli.frame import command
from cogrow.cli.ledger.group import at_books, ledger_group, plain, show_proposal, shown, sitting
from cogrow.cli.screen import Screen
from cogrow.errors import N_, LedgerError, message

if TYPE_CHECKING:
    from cogrow.ledger.reports.statement import Statement

MONTH = click.argument("month")
FILE = click.Path(path_type=Path, dir_okay=False)


@command(
    ledger_group, "statement", N_("Show what a merchant had, every movement, and what it has.")
)
@MONTH
@click.argument("merchant", required=False)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help=N_("File to write, to be printed."),
)
@at_books
def statement_command(
    screen: Screen, month: str, merchant: str | None, html: Path | None, **at: Any
) -> None:
    """Show statements of a month."""
    with sitting(screen, **at) as desk:
        found = desk.statements(month, merchant)
    if html is not None:
        from cogrow.cli.ledger.page import page

        html.write_text(page(found, screen.translate), encoding="utf-8")
        screen.say(f"→ {html}")
    else:
        for one in found:
            _show_statement(screen, one)
    screen.data(plain(found))


def _show_statement(screen: Screen, one: Statement) -> None:
    opening, closing = one.total
    what = N_("{merchant}, {month}: opening {opening}, closing {closing}")
    screen.say(
        message(
            what,
            merchant=one.merchant,
            month=one.period,
            opening=shown(opening, one.currency),
            closing=shown(closing, one.currency),
        ),
        bold=True,
    )
    heads = [
        message(w) for w in (N_("day"), N_("entry"), N_("period"), N_("account"), N_("amount"))
    ]
    screen.table(
        heads,
        [
            (x.day, x.key, x.origin or "-", x.place, shown(x.amount, one.currency))
            for x in one.lines
        ],
    )


@command(ledger_group, "close", N_("Propose to close a month for good."))
@MONTH
@click.option("--signed-off", default="", help=N_("Why payouts of unknown end may stay open."))
@at_books
def close_command(screen: Screen, month: str, signed_off: str, **at: Any) -> None:
    """Propose to close."""
    from cogrow.ledger.reports.closing import propose_close

    with sitting(screen, **at) as desk:
        show_proposal(screen, desk.write(propose_close, name=month, signed_off=signed_off))


@command(
    ledger_group, "audit", N_("Derive everything again and name the first entry that is wrong.")
)
@at_books
def audit_command(screen: Screen, **at: Any) -> None:
    """Exit 5 if anything is wrong."""
    with sitting(screen, **at) as desk:
        found = desk.audit()
    if found.clean:
        what = N_("✓ {entries} entries, {postings} postings, all as they must be. Head {head}.")
        screen.say(
            message(what, entries=found.entries, postings=found.postings, head=found.head[:16]),
            fg="green",
        )
    for fault in found.faults:
        screen.say(fault.what, fg="red")
    screen.data(
        {
            "entries": found.entries,
            "postings": found.postings,
            "head": found.head,
            "faults": [{"entry": one.entry, "what": screen.t(one.what)} for one in found.faults],
        }
    )
    if not found.clean:
        sys.exit(LedgerError.exit_code)


@command(ledger_group, "export", N_("Write the books as text: an hledger journal, or CSV."))
@click.argument("form", type=click.Choice(["hledger", "csv"]))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help=N_("File to write."),
)
@at_books
def export_command(screen: Screen, form: str, out: Path, **at: Any) -> None:
    """Export the books."""
    with sitting(screen, **at) as desk, out.open("w", encoding="utf-8") as file:
        file.writelines(desk.export(form))
    screen.say(f"→ {out}")
    screen.data({"file": str(out)})
