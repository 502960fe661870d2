"""`cogrow ledger`: statement, close, audit, export."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cogrow.cli.frame import command
from cogrow.cli.ledger.group import at_books, ledger_group, plain, show_proposal, shown, sitting
from cogrow.cli.ledger.words import account_word, line_words
from cogrow.cli.screen import Screen
from cogrow.errors import N_, LedgerError, message
from cogrow.money import format_minor

if TYPE_CHECKING:
    from cogrow.ledger.reports.statement import Statement
    from cogrow.operations.ledger.derivation import Derived

MONTH = click.argument("month")
FILE = click.Path(path_type=Path, dir_okay=False)


@command(
    ledger_group, "statement", N_("Show what a merchant had, every movement, and what it has.")
)
@MONTH
@click.argument("merchant", required=False)
@click.option("--html", type=FILE, help=N_("File to write, to be printed."))
@click.option(
    "--earnings",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help=N_("Folder `earn` wrote to: what each component paid is shown below a line."),
)
@click.option(
    "--facts",
    type=click.Path(path_type=Path),
    help=N_("The facts these were computed from: the whole derivation is shown."),
)
@click.option(
    "--program",
    "programs",
    multiple=True,
    metavar="FILE",
    help=N_("The file of a program that is not in the library; may be repeated."),
)
@at_books
def statement_command(
    screen: Screen,
    month: str,
    merchant: str | None,
    html: Path | None,
    earnings: tuple[Path, ...],
    facts: Path | None,
    programs: tuple[str, ...],
    **at: Any,
) -> None:
    """Show statements of a month."""
    from cogrow.operations.ledger.derivation import Where

    with sitting(screen, **at) as desk, screen.progress() as progress:
        found = desk.statements(month, merchant)
        derived = desk.derivations(found, Where(earnings, facts, programs), progress)
    if html is not None:
        from cogrow.cli.ledger.page import page

        html.write_text(page(found, screen.translate, derived, screen.language), encoding="utf-8")
        screen.say(f"→ {html}")
    else:
        for one in found:
            show_statement(screen, one, derived)
        if not found:
            what = N_("No statement for {month}: there was nothing, and nothing moved.")
            screen.say(message(what, month=month))
    screen.data([statement_data(screen, one, derived) for one in found])


def show_statement(screen: Screen, one: Statement, derived: Mapping[int, Derived]) -> None:
    """Show a statement, a line for each movement, and below it where what was earned comes from."""
    from cogrow.cli.ledger.page import SUPERSEDED, part_words, which_file

    opening, closing = one.total
    what = N_("{merchant}, {month}: opening {opening}, closing {closing}")
    amounts = {"opening": shown(opening, one.currency), "closing": shown(closing, one.currency)}
    screen.say(message(what, merchant=one.merchant, month=one.period, **amounts), bold=True)
    words = (N_("day"), N_("what"), N_("of the period"), N_("account"), N_("amount"))
    rows = [
        (
            x.day,
            line_words(x),
            x.origin or "-",
            account_word(x.place),
            shown(x.amount, one.currency),
        )
        for x in one.lines
    ]
    screen.table([message(word) for word in words], rows)
    for entry in dict.fromkeys(line.entry for line in one.lines if line.entry in derived):
        found = derived[entry]
        screen.say(f"  {found.command}")
        if found.unnamed:
            screen.say(f"    {screen.t(which_file(found.program))}")
        for sentence in found.sentences:
            screen.say(f"    {screen.t(sentence.says)}")
        for part in found.parts if not found.sentences else ():
            amount = format_minor(part.amount, one.currency)
            said = part_words(part.component, part.rate, amount, one.currency)
            screen.say(f"    {screen.t(said)}")
        if found.superseded:
            screen.say(f"    {screen.t(message(SUPERSEDED))}")


def statement_data(
    screen: Screen, one: Statement, derived: Mapping[int, Derived]
) -> dict[str, Any]:
    """Return a statement as plain data, each line that books an earning with its derivation."""
    data: dict[str, Any] = plain(one)
    for line in data["lines"]:
        if (found := derived.get(line["entry"])) is not None:
            steps = [sentence.as_json(screen.translate) for sentence in found.sentences]
            names = ("program", "version", "period", "command", "unnamed", "superseded", "parts")
            said = {name: plain(getattr(found, name)) for name in names}
            line["derivation"] = {**said, "steps": steps}
    return data


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
        counts = {"entries": f"{found.entries:,}", "postings": f"{found.postings:,}"}
        screen.say(message(what, **counts, head=found.head[:16]), fg="green")
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
