"""Every code block of the documentation runs, and shows what really comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.docs.page import Reader, blocks
from tests.house.tree import ROOT, committed
from tests.on_spark import SPARK_MARKS, settings

#: Pages that start a Spark of their own.
ON_SPARK = {"docs/how-to/run-on-spark.md"}


def pages() -> list[Any]:
    """Return the pages a reader may type from."""
    names = [path.relative_to(ROOT) for path in committed(ROOT) if path.suffix == ".md"]
    found = [
        name.as_posix()
        for name in names
        if name.parts[0] == "docs"
        or (name.name.startswith("README") and name.parts[0] in {name.name, "examples", "src"})
    ]
    return [pytest.param(one, marks=SPARK_MARKS) if one in ON_SPARK else one for one in found]


@pytest.mark.parametrize("name", pages())
def test_page(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    if name in ON_SPARK:
        for key, value in settings(tmp_path.parent / f"{tmp_path.name}-spark").items():
            monkeypatch.setenv(key, value)
    reader = Reader(tmp_path)
    for block in blocks((ROOT / name).read_text(encoding="utf-8")):
        with subtests.test(f"{name}:{block.line} {block.language}"):
            if block.skip:
                pytest.skip(f"{name}:{block.line}: {block.skip}")
            monkeypatch.chdir(reader.cwd)
            reader.read(block)
