"""Every mistake a program can hold is told with its code, its place and what would be right, at once.

Each file of `broken/` begins with one comment line per issue: `# expect: CODE LINE:COLUMN sentence`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cogrow.errors import ProgramError, Severity
from cogrow.programs.parse import load, parse, parse_all, parse_file
from tests.house.tree import ROOT

FILES = sorted((Path(__file__).parent / "broken").glob("*.yaml"))
EXPECTED = re.compile(r"# expect: (\w+) (\d+):(\d+) (.+)")


def expected(text: str) -> list[tuple[str, int, int, str]]:
    found = [EXPECTED.match(line) for line in text.splitlines()]
    return [(m[1], int(m[2]), int(m[3]), m[4]) for m in found if m]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_broken_program_tells_every_issue(path):
    parsed = parse_file(path)
    told = [
        (
            issue.code,
            issue.where.line,
            issue.where.column,
            issue.text().rpartition(" (")[0].replace(str(path), "FILE"),
        )
        for issue in parsed.issues
    ]
    assert told == expected(path.read_text(encoding="utf-8"))
    assert parsed.program is None
    assert told
    places = [place[1:3] for place in told]
    assert places == sorted(places)


def test_there_is_a_broken_program_for_every_code():
    """The codes are read from the sources, so that a new rule asks for a file of its own."""
    sources = [*(ROOT / "src/cogrow/programs").rglob("*.py"), ROOT / "src/cogrow/strict_yaml.py"]
    raised = {
        code
        for source in sources
        for code in re.findall(r'"((?:PRG|YML)\d{3})"', source.read_text(encoding="utf-8"))
    }
    warned = Path(__file__).parent.glob("warned/*.yaml")
    shown = {
        c for path in (*FILES, *warned) for c, *_ in expected(path.read_text(encoding="utf-8"))
    }
    # Warnings, a clash of two files, and a file that cannot be opened: tested below.
    # What only several versions of a program can get wrong: tested in test_versions.py.
    versions = {"PRG070", "PRG071", "PRG073", "PRG074", "PRG075"}
    assert raised - shown == {"PRG033", "PRG034", "PRG035", "YML003"} | versions
    assert len(FILES) >= 240


GOOD = (ROOT / "src/cogrow/programs/library/apparel-sprint-rebate.yaml").read_bytes()


def test_warnings_do_not_stop_a_program():
    assert b"baseline > 0" in GOOD
    text = GOOD.replace(b"baseline > 0", b"orders > 0")
    parsed = parse(text[: text.index(b"\nexamples:") + 1], "x.yaml")
    assert parsed.program is not None
    assert {(issue.code, issue.severity) for issue in parsed.issues} == {
        ("PRG033", Severity.WARNING),
        ("PRG034", Severity.WARNING),
    }


def test_two_files_may_not_hold_one_program(tmp_path):
    paths = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
    for path in paths:
        path.write_bytes(GOOD)
    first, second = parse_all(paths)
    assert first.program is not None
    assert second.program is None
    assert [issue.code for issue in second.issues] == ["PRG035"]
    with pytest.raises(ProgramError) as refused:
        load([*paths, tmp_path / "missing.yaml"])
    assert {issue.code for issue in refused.value.issues} == {"PRG035", "YML003"}


def test_a_file_that_cannot_be_read(tmp_path):
    (issue,) = parse_file(tmp_path).issues
    assert issue.code == "YML003"


@pytest.mark.parametrize(
    ("content", "line", "column", "said"),
    [
        (b"program: caf\xe9\n", 1, 13, "not UTF-8"),
        ("program: x\n".encode("utf-16"), 1, 1, "not UTF-8"),
        (b"program: x\ntitle: \x00\n", 0, 0, "not YAML"),
        (b"#" * (300 * 1024), 1, 1, "has 307200 bytes; at most 262144"),
        (b"a: " + b"[" * 30 + b"]" * 30, 1, 28, "too deeply"),
        (b"a: " + b"{a: " * 30 + b"1" + b"}" * 30, 1, 97, "too deeply"),
        (b"- x\n" * 1_501, 1_500, 3, "holds too much"),
        (b'title: "\\ud83d"\n', 1, 8, "half of a character"),
        (b"k" * 201 + b": 1\n", 1, 1, "at most 200 characters"),
    ],
)
def test_content_no_program_may_have(content, line, column, said):
    (issue,) = parse(content, "x.yaml").issues
    assert issue.code == "YML001"
    assert said in issue.text()
    if line:
        assert (issue.where.line, issue.where.column) == (line, column)
