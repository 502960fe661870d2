"""A decision is one page in four parts, and the index knows it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.house.tree import ROOT, plant

PARTS = ["Problem", "Options", "Decision", "Consequence"]
ONE_PAGE = 90


def complaints(root: Path) -> list[str]:
    folder = root / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    found = []
    for page in sorted(folder.glob("[0-9]*.md")):
        text = page.read_text(encoding="utf-8")
        parts = re.findall(r"^## +(.+?) *$", text, flags=re.MULTILINE)
        if parts != PARTS:
            found.append(f"{page.name}: parts are {parts}, not {PARTS}")
        if not text.startswith(f"# {page.name[:4]} "):
            found.append(f"{page.name}: the title begins with its number")
        if len(text.splitlines()) > ONE_PAGE:
            found.append(f"{page.name}: longer than one page ({ONE_PAGE} lines)")
        if f"]({page.name})" not in index:
            found.append(f"{page.name}: not in the index")
    return found


def test_decisions_are_pages_in_the_index():
    assert complaints(ROOT) == []


def test_a_decision_out_of_form_is_noticed(tmp_path):
    good = "# 0001 One\n" + "".join(f"## {part}\n" for part in PARTS)
    pages = {
        "README.md": "[1](0001-one.md) [2](0002-two.md)",
        "0001-one.md": good,
        "0002-two.md": good.replace("## Options\n", "") + "\n" * ONE_PAGE,
        "0003-three.md": good.replace("0001", "0003"),
    }
    plant(tmp_path, {f"docs/decisions/{name}": text for name, text in pages.items()})
    assert [complaint.partition(": ")[0] for complaint in complaints(tmp_path)] == [
        "0002-two.md",
        "0002-two.md",
        "0002-two.md",
        "0003-three.md",
    ]
