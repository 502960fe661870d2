"""What a person sees: tables, issues, progress. Plain text where the output is not a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from cogrow.cli.speech import Speech
from cogrow.errors import N_, CogrowError, Issue, Message, Severity, message
from cogrow.money import EXPONENTS


class Screen:
    """Says things in one language, as text or (`as_json`) as one JSON document on standard output."""

    def __init__(self, speech: Speech, *, as_json: bool) -> None:
        self.language, self.translate, self.as_json = speech.language, speech.translate, as_json

    def t(self, said: str | Message) -> str:
        """Return a message in the reader's language; a bare string as it is."""
        return said.render(self.translate) if isinstance(said, Message) else said

    def say(self, said: str | Message = "", *, bold: bool = False, fg: str | None = None) -> None:
        """Print a line, unless the output is JSON."""
        if not self.as_json:
            click.secho(self.t(said), bold=bold or None, fg=fg)

    def data(self, value: Any) -> None:
        """Print the JSON document, if that is what was asked for."""
        if self.as_json:
            whole = "utf" in str(sys.stdout.encoding).lower()
            click.echo(json.dumps(value, ensure_ascii=not whole, indent=2))

    def table(
        self, heads: Sequence[str | Message], rows: Iterable[Sequence[str | Message]]
    ) -> None:
        """Print a table; columns after the first with numbers or amounts only stand to the right."""
        if self.as_json:
            return
        texts = [[self.t(cell) for cell in row] for row in rows]
        titles = [self.t(head) for head in heads]
        full = [row for row in texts if any(row[1:])]  # a remark in the first cell may be wider
        widths = [
            max(_cells(cell) for cell in column) for column in zip(titles, *full, strict=True)
        ]
        right = [i > 0 and _numeric([row[i] for row in texts]) for i in range(len(titles))]

        def line(cells: Sequence[str]) -> str:
            parts = []
            for cell, width, to_right in zip(cells, widths, right, strict=True):
                space = " " * (width - _cells(cell))
                parts.append(space + cell if to_right else cell + space)
            return "  " + "  ".join(parts).rstrip()

        click.secho(line(titles), dim=True)
        for row in texts:
            click.echo(line(row))

    def issues(self, issues: Iterable[Issue]) -> None:
        """Print issues to standard error, each with its place; sample rows below it."""
        for issue in issues:
            error = issue.severity is Severity.ERROR
            word = self.t(message(N_("error") if error else N_("warning")))
            head = click.style(f"{word} {issue.code}", fg="red" if error else "yellow", bold=True)
            click.echo(f"{head} {issue.text(self.translate)}", err=True)
            for sample in issue.samples:
                shown = ", ".join(f"{name}={value}" for name, value in sample.items())
                click.echo(f"    {shown}", err=True)

    def failure(self, error: CogrowError) -> None:
        """Print an error with all its issues: to standard error, or as JSON."""
        if self.as_json:
            self.refusal(self.t(error.what), error.exit_code, error.issues)
            return
        click.secho(self.t(error.what), fg="red", bold=True, err=True)
        self.issues(error.issues)

    def refusal(self, said: str, exit_code: int, issues: Iterable[Issue] = ()) -> None:
        """Print what was refused as the JSON document."""
        told = [issue.as_json(self.translate) for issue in issues]
        self.data({"error": said, "exit_code": exit_code, "issues": told})

    @contextmanager
    def progress(self) -> Iterator[Any]:
        """Yield a progress function (label, done, total): bars on a terminal, silence elsewhere."""
        if self.as_json or not sys.stderr.isatty():
            yield lambda label, done, total: None
            return
        from rich.console import Console
        from rich.progress import Progress

        bars: dict[str, Any] = {}
        with Progress(console=Console(stderr=True), transient=True) as progress:

            def report(label: str, done: int, total: int) -> None:
                if label not in bars:
                    bars[label] = progress.add_task(self.translate(label), total=total)
                progress.update(bars[label], completed=done, total=total)

            yield report


def _cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii() and text.isprintable():
        return len(text)
    from rich.cells import cell_len  # heavy, and many tables are all ASCII

    return cell_len(text)


def _ends_as_number(cell: str) -> bool:
    number, _, currency = cell.rpartition(" ")
    end = number if currency in EXPONENTS else cell
    return end[-1:].isdigit() or end[-1:] == "%"


def _numeric(cells: Sequence[str]) -> bool:
    shown = [cell for cell in cells if cell not in ("", "-")]
    return (
        bool(shown)
        and all(_ends_as_number(cell) for cell in shown)
        and all(cell[:1].isdigit() or cell[:1] in "-+≈" for cell in shown)
    )
