"""The command line: one command per operation, in the reader's language."""

from __future__ import annotations

import gc
import os

__all__ = ["main"]


def main() -> None:
    """Run the command line of this process."""
    # What is imported stays: looking through it for garbage again and again is a sixth of a short run.
    gc.set_threshold(100_000, 20, 20)
    # Nothing here is linear algebra: numpy need not begin with threads, and memory for each, for it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from cogrow.cli.commands import main as run

    run()
