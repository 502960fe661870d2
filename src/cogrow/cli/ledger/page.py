"""Statements as one HTML page that prints well: nothing is loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from cogrow.errors import N_, Translate
from cogrow.ledger.reports.statement import Statement
from cogrow.money import format_minor

STYLE = """
body { font: 11pt/1.4 sans-serif; margin: 2em auto; max-width: 60em; color: #111 }
section { break-after: page } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .2em .6em; border-bottom: 1px solid #ccc; vertical-align: top }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
thead { display: table-header-group } tr { break-inside: avoid }
"""


def page(found: Sequence[Statement], translate: Translate) -> str:
    """Return the statements as a page, each on a sheet of its own."""
    title = escape(translate(N_("Statement")))
    body = "\n".join(_section(one, translate) for one in found)
    head = f'<meta charset="utf-8">\n<title>{title}</title>\n<style>{STYLE}</style>'
    return f"<!doctype html>\n{head}\n{body}\n"


def _section(one: Statement, translate: Translate) -> str:
    heads = (N_("day"), N_("entry"), N_("period"), N_("account"))
    cells = "".join(f"<th>{escape(translate(head))}</th>" for head in heads)
    opening, closing = one.total

    def money(amount: int) -> str:
        return format_minor(amount, one.currency)

    def total(name: str, amount: int) -> str:
        return f'<tr><th colspan="4">{escape(translate(name))}</th><td class="n">{money(amount)}</td></tr>'

    rows = "\n".join(
        "<tr>"
        + "".join(f"<td>{escape(text)}</td>" for text in (x.day, x.key, x.origin, x.place))
        + f'<td class="n">{money(x.amount)}</td></tr>'
        for x in one.lines
    )
    return (
        f"<section><h1>{escape(one.merchant)} · {escape(one.period)}</h1>\n<table><thead><tr>{cells}"
        f'<th class="n">{escape(one.currency)}</th></tr></thead>\n<tbody>{total(N_("opening"), opening)}\n'
        f"{rows}\n{total(N_('closing'), closing)}</tbody></table></section>"
    )
