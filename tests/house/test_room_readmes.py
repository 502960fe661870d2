"""Each room has one page at its door, and each law on that page links the test that proves it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, committed, plant, rooms

HEADINGS = ["Meaning", "Owns", "Does not own", "Always true"]
ONE_PAGE = 80
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def laws(section: str) -> list[str]:
    """Return the bullets of a section, each with the lines that continue it."""
    return [part.strip() for part in re.split(r"^[-*] ", section, flags=re.MULTILINE)[1:]]


def proves(readme: Path, link: str) -> bool:
    """Tell whether `link` names a test file, or `file#test_name` a test that is in it."""
    name, _, test = link.partition("#")
    path = (readme.parent / name).resolve()
    if not (path.is_file() and path.name.startswith("test_") and path.suffix == ".py"):
        return False
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return test in tests if test else any(name.startswith("test_") for name in tests)


def complaints(root: Path) -> list[str]:
    found = []
    for room in rooms(root):
        readme = room / "README.md"
        name = readme.relative_to(root)
        if not readme.exists():
            found.append(f"{name}: missing")
            continue
        text = readme.read_text(encoding="utf-8")
        parts = sections(text)
        if list(parts) != HEADINGS:
            found.append(f"{name}: headings are {list(parts)}, not {HEADINGS}")
        if len(text.splitlines()) > ONE_PAGE:
            found.append(f"{name}: longer than one page ({ONE_PAGE} lines)")
        always = laws(parts.get("Always true", ""))
        if not always:
            found.append(f"{name}: nothing is always true")
        for law in always:
            links = LINK.findall(law)
            if not links:
                found.append(f"{name}: no test is linked by “{law[:60]}”")
            found += [f"{name}: no such test: {link}" for link in links if not proves(readme, link)]
    return found


def dead_links(root: Path) -> list[str]:
    """Return every relative link of a Markdown page that leads nowhere."""
    found = []
    for page in committed(root):
        if page.suffix != ".md":
            continue
        for link in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
            target = link.partition("#")[0]
            outside = "://" in link or link.startswith("mailto:")
            if target and not outside and not (page.parent / target).exists():
                found.append(f"{page.relative_to(root)}: {link}")
    return found


def test_each_room_has_its_page():
    assert complaints(ROOT) == []


def test_no_page_links_to_nowhere():
    assert dead_links(ROOT) == []


GOOD = """# Room

## Meaning
## Owns
## Does not own
## Always true

- One thing holds, see
  [the test](../../../tests/test_one.py#test_it).
"""


@pytest.mark.parametrize(
    ("readme", "complaint"),
    [
        (GOOD, None),
        (GOOD.replace("#test_it", ""), None),
        (GOOD.replace("#test_it", "#test_other"), "no such test"),
        (GOOD.replace("test_one", "test_two"), "no such test"),
        (GOOD.replace("[the test]", "the test "), "no test is linked"),
        (GOOD.replace("## Owns\n", ""), "headings are"),
        (GOOD.partition("- One")[0], "nothing is always true"),
        (GOOD + "\n" * ONE_PAGE, "longer than one page"),
        (None, "missing"),
    ],
)
def test_a_page_that_proves_nothing_is_noticed(tmp_path, readme, complaint):
    plant(
        tmp_path,
        {"src/cogrow/room/x.py": "", "tests/test_one.py": "def test_it():\n    assert True\n"},
    )
    if readme is not None:
        plant(tmp_path, {"src/cogrow/room/README.md": readme})
    found = complaints(tmp_path)
    assert found == [] if complaint is None else complaint in found[0]


def test_a_dead_link_is_noticed(tmp_path):
    plant(tmp_path, {"a.md": "[b](b.md#x) [c](c.md) [web](https://example.com)", "b.md": ""})
    assert dead_links(tmp_path) == ["a.md: c.md"]
