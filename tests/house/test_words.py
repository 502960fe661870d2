"""What is committed speaks of the product: no machine, no registry host, no private tool."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.house.tree import ROOT, committed, plant

#: Written in pieces, or this file would be the first to break its own rule.
BANNED = {
    "a registry's host": (
        r"py" r"pi\.org|python" r"hosted\.org|test\.py" r"pi|npm" r"js\.org|index" r"-url\s*="
    ),
    "a path of one machine": (
        r"(?<![\w.~-])/(?:wo" r"rk|tm" r"p|ro" r"ot|ho" r"me/\w+|Use" r"rs/\w+|op" r"t/\w+)/\w"
    ),
    "a private tool": r"\b(?:cla" r"ude|anthr" r"opic|chat" r"gpt|copi" r"lot|co-auth" r"ored-by)\b",
    "how it was made": (
        r"\b(?:(?:AI|LLM|coding|sub|helper)[ -]?age" r"nts?|language mod" r"el"
        r"|(?:this|next|previous|earlier|last|another) ses" r"sion"
        r"|(?:this|my|your|the) (?:ta" r"sk|bri" r"ef) (?:says|asks|said|asked|wants))\b"
    ),
}  # fmt: skip
PATTERNS = {what: re.compile(pattern, re.IGNORECASE) for what, pattern in BANNED.items()}


def complaints_in(where: str, text: str) -> list[str]:
    return [
        f"{where}:{number}: {what}: {match.group()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in PATTERNS.items()
        if (match := pattern.search(line))
    ]


def complaints(root: Path) -> list[str]:
    found = []
    for path in committed(root):
        content = path.read_bytes()
        if b"\0" not in content:
            name = str(path.relative_to(root))
            found += complaints_in(name, content.decode("utf-8", errors="replace"))
    return found


def test_committed_text_speaks_of_the_product():
    assert complaints(ROOT) == []


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a copy without history")
def test_commit_messages_speak_of_the_product():
    log = subprocess.run(
        ["git", "log", "--format=%h %B"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert complaints_in("git log", log.stdout) == []


@pytest.mark.parametrize(
    "line",
    [
        "pip install -i https://py" "pi.org/simple",
        "see /wo" "rk/shared/data",
        "`/tm" "p/out`",
        "written by Cla" "ude",
        "left for the next ses" "sion",
        "the ta" "sk asks for two files",
    ],
)  # fmt: skip
def test_each_kind_of_word_is_noticed(tmp_path, line):
    assert len(complaints(plant(tmp_path, {"notes.md": f"fine\n{line}\n"}))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "a database session thinks in UTC",
        "a task of the engine",
        "the root of the tree",
        "work/tmp",
    ],
)
def test_words_of_the_product_are_left_alone(tmp_path, line):
    assert complaints(plant(tmp_path, {"notes.md": line})) == []
