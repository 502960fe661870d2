"""Tables of the reference, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def complete(known: Iterable[str], said: Iterable[str]) -> None:
    """Raise ValueError unless what the code knows is exactly what the reference has words for."""
    knows, says = set(known), set(said)
    if knows != says:
        raise ValueError(
            f"no words for {sorted(knows - says)}; nothing called {sorted(says - knows)}"
        )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |\n" for line in lines
    )


def code(text: object) -> str:
    """Return `text` as Markdown code."""
    return f"`{text}`"
