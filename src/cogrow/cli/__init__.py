"""The command line: one command per operation, in the reader's language."""

from __future__ import annotations

from cogrow.cli.commands import main

__all__ = ["main"]
