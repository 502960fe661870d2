"""Statements as one HTML page that prints well: nothing is loaded from elsewhere, nothing runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from cogrow.cli.ledger.words import account_word, line_words
from cogrow.errors import N_, Message, Translate, message
from cogrow.money import format_minor

if TYPE_CHECKING:
    from cogrow.ledger.reports.statement import Statement, StatementLine
    from cogrow.operations.ledger.derivation import Derived

#: On paper every derivation is unfolded, whatever is folded on the screen.
STYLE = """
@page { size: A4; margin: 18mm 16mm }
body { font: 10.5pt/1.45 "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
  margin: 2em auto; max-width: 58em; padding: 0 1em; color: #111 }
h1 { font-size: 1.35em; margin: 0 0 .1em } h1 + p { margin: 0 0 .8em; color: #555 }
section { break-after: page; margin-bottom: 3em } section:last-child { break-after: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3em .6em; border-bottom: 1px solid #ddd; vertical-align: top }
thead th { border-bottom: 1.5px solid #111; font-weight: 600; white-space: nowrap }
tr.total th, tr.total td { font-weight: 600 }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } .d { white-space: nowrap }
thead { display: table-header-group } tr { break-inside: avoid }
summary { cursor: pointer } details ol, details p { margin: .3em 0 .3em 1.2em; padding: 0; font-size: .92em }
code { font-size: .86em; overflow-wrap: anywhere; color: #444 }
footer { margin-top: .8em; font-size: .8em; color: #666; overflow-wrap: anywhere }
@media print {
  body { margin: 0; max-width: none; padding: 0 } summary { list-style: none }
  details::details-content { content-visibility: visible; display: block; block-size: auto }
}
"""


def page(
    found: Sequence[Statement], translate: Translate, derived: Mapping[int, Derived], language: str
) -> str:
    """Return the statements as a page, each on a sheet of its own; lines unfold to their derivation."""
    title = escape(translate(N_("Statement")))
    body = "\n".join(_section(one, translate, derived) for one in found)
    head = f'<meta charset="utf-8">\n<title>{title}</title>\n<style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="{language}">\n{head}\n{body}\n</html>\n'


def _section(one: Statement, translate: Translate, derived: Mapping[int, Derived]) -> str:
    def t(said: str | Message) -> str:
        return escape(said.render(translate) if isinstance(said, Message) else translate(said))

    def row(amount: int, *cells: str, kind: str = "") -> str:
        money = format_minor(amount, one.currency)
        return f'<tr{kind}>{"".join(cells)}<td class="n">{money}</td></tr>'

    def total(name: str, amount: int) -> str:
        return row(amount, f'<th colspan="4">{t(name)}</th>', kind=' class="total"')

    def cells(line: StatementLine) -> list[str]:
        what = t(line_words(line))
        if line.entry in derived:
            what = _unfolds(what, derived[line.entry], one.currency, translate)
        return [
            f'<td class="d">{line.day}</td>',
            f"<td>{what}</td>",
            f'<td class="d">{escape(line.origin)}</td>',
            f'<td class="d">{t(account_word(line.place))}</td>',
        ]

    # Words inside an f-string are not collected for translation.
    word, first, last = N_("Statement"), N_("opening"), N_("closing")
    heads = (N_("day"), N_("what"), N_("of the period"), N_("account"))
    titles = "".join(f"<th>{t(head)}</th>" for head in heads)
    opening, closing = one.total
    published = (
        N_("final: the month is closed") if one.published else N_("so far: the month is open")
    )
    lines = "\n".join(row(line.amount, *cells(line)) for line in one.lines)
    return (
        f"<section><h1>{t(word)} · {escape(one.merchant)} · {escape(one.period)}</h1>"
        f"<p>{t(published)}</p>\n"
        f'<table><thead><tr>{titles}<th class="n">{escape(one.currency)}</th></tr></thead>\n'
        f"<tbody>{total(first, opening)}\n{lines}\n{total(last, closing)}</tbody>"
        f"</table>\n<footer>{one.content_hash}</footer></section>"
    )


def _unfolds(what: str, found: Derived, currency: str, translate: Translate) -> str:
    """Return a line with its derivation behind it: sentences where there are any, else components."""
    said = [one.says.render(translate) for one in found.sentences] or [
        part_words(part.component, part.rate, format_minor(part.amount, currency), currency).render(
            translate
        )
        for part in found.parts
    ]
    if found.superseded:
        said = [translate(SUPERSEDED)]
    listed = "".join(f"<li>{escape(one)}</li>" for one in said)
    inside = (
        f"<ol>{listed}</ol>" if listed else ""
    ) + f"<p><code>{escape(found.command)}</code></p>"
    if found.unnamed:
        inside += f"<p>{escape(which_file(found.program).render(translate))}</p>"
    return f"<details><summary>{what}</summary>{inside}</details>"


SUPERSEDED = N_("Computed again since; a later line has the difference.")


def which_file(program: str) -> Message:
    """Return what FILE stands for in a command, and how a statement is told it."""
    what = N_("FILE is the file of {program}; `statement` takes it as --program FILE.")
    return message(what, program=program)


def part_words(component: str, rate: str | None, amount: str, currency: str) -> Message:
    """Return what a component paid, as a sentence."""
    what = (
        N_("{component}: {amount} {currency} at {rate}")
        if rate
        else N_("{component}: {amount} {currency}")
    )
    return message(what, component=component, amount=amount, currency=currency, rate=rate or "")
