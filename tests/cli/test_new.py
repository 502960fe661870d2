"""`cogrow new` asks at a terminal what it is not told, and says elsewhere what it lacks."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time

import pytest
from jsonschema import Draft7Validator

from cogrow.cli.speech import LANGUAGES
from cogrow.programs.parse import parse_file
from tests.cli.door import COGROW, cogrow, heard

APPAREL = "apparel-sprint-rebate"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_program_is_written_with_what_is_given(here):
    said = cogrow(
        "new",
        APPAREL,
        "--id",
        "my-sprint",
        "--title-zh",
        "我的",
        "--title-en",
        "Mine",
        "--from",
        "2026-01-01",
    )
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"✓ my-sprint.yaml is written, from {APPAREL}.")
    program = parse_file(here / "my-sprint.yaml").program
    assert program is not None
    assert (program.id, program.title) == ("my-sprint", {"zh": "我的", "en": "Mine"})
    assert [str(p) for p in program.schedule.periods()] == ["2026Q1", "2026Q2", "2026Q3", "2026Q4"]
    assert cogrow("check", "my-sprint.yaml").code == 0
    assert cogrow("test", "my-sprint.yaml").code == 0


def test_the_name_of_the_file_is_the_id_where_none_is_given(here):
    assert cogrow("new", APPAREL, "--out", "in/there/mine.yaml").code == 0
    program = parse_file(here / "in/there/mine.yaml").program
    assert program is not None
    assert program.id == "mine"


def test_a_program_of_ones_own_can_be_the_start(here):
    assert cogrow("new", APPAREL, "--out", "one.yaml").code == 0
    said = cogrow("new", "one.yaml", "--out", "two.yaml", "--json")
    assert said.code == 0
    assert said.json["file"] == "two.yaml"
    assert (said.json["program"], said.json["from"]) == ("two", "one")


def test_days_in_the_terms_are_pointed_at():
    said = cogrow(
        "new", "sports-new-merchant-ladder", "--out", "ladder.yaml", "--from", "2026-01-01"
    )
    assert "name days in line" in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        ((), 2, "Say which program to start from"),
        ((APPAREL,), 2, "Say what it is called"),
        ((APPAREL, "--json"), 2, "Say what it is called"),
        (("aparel-sprint-rebate", "--id", "mine"), 4, "Did you mean apparel-sprint-rebate?"),
        ((APPAREL, "--id", "My sprint"), 2, "lower-case letters, digits and hyphens"),
        ((APPAREL, "--out", "My sprint.yaml"), 2, "Say what it is called"),
        ((APPAREL, "--id", "mine", "--until", "2024-01-01"), 2, "before it begins"),
        ((APPAREL, "--id", "mine", "--from", "tomorrow"), 2, "does not match the format"),
        ((APPAREL, "--id", "mine", "--from", "1066-01-01"), 2, "in the years 1990 to 2100"),
        ((APPAREL, "--id", "mine", "--title-en", ""), 2, "`title.en` is empty"),
        ((APPAREL, "--out", "there.yaml"), 2, "there.yaml is there already; say --out"),
        ((APPAREL, "--id", "there", "--json"), 2, "or another --id."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(here, arguments, code, error):
    (here / "there.yaml").write_text("mine", encoding="utf-8")
    said = cogrow("new", *arguments)
    assert said.code == code
    assert error in said.err + said.out
    assert [path.name for path in here.iterdir()] == ["there.yaml"]
    assert (here / "there.yaml").read_text(encoding="utf-8") == "mine"


def answer(
    arguments: list[str], *answers: str, env: dict[str, str] | None = None
) -> tuple[int, str]:
    """Run cogrow at a terminal of its own and answer what it asks, one line after each pause."""
    pty = pytest.importorskip("pty", reason="terminals as Unix has them")
    ours, theirs = pty.openpty()
    whole = {**os.environ, "TERM": "dumb", **(env or {})}
    with subprocess.Popen(
        [COGROW, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=whole
    ) as running:
        os.close(theirs)
        seen, waiting, end = b"", list(answers), time.monotonic() + 60
        while time.monotonic() < end:
            ready, _, _ = select.select([ours], [], [], 0.2)
            if ready:
                part = heard(ours)
                if not part:
                    break
                seen += part
            if waiting and seen.rstrip().endswith((b":", "：".encode())):
                os.write(ours, waiting.pop(0).encode() + b"\n")
                seen += b"\n"
        code = running.wait(timeout=20)
    os.close(ours)
    assert waiting == []
    return code, seen.decode()


def test_a_terminal_is_asked(here):
    code, seen = answer(
        ["new"], "aparel-sprint-rebate", APPAREL, "My id", "asked", "问", "Asked", "2026-01-01"
    )
    assert code == 0, seen
    assert "Did you mean apparel-sprint-rebate?" in seen
    assert "An id is lower-case letters" in seen
    program = parse_file(here / "asked.yaml").program
    assert program is not None
    assert (program.id, program.title) == ("asked", {"zh": "问", "en": "Asked"})
    assert str(program.schedule.periods()[0]) == "2026Q1"


def test_an_empty_answer_keeps_what_is_there(here):
    code, seen = answer(["new", APPAREL], "", "", "", "no day", "", "")
    assert code == 0, seen
    assert "write one like 2026-01-01" in seen
    text = (here / f"my-{APPAREL}.yaml").read_text(encoding="utf-8")
    assert "title: {zh: 服饰冲刺返佣, en: Apparel sprint rebate}" in text


def test_what_is_given_is_not_asked():
    code, seen = answer(
        [
            "new",
            APPAREL,
            "--id",
            "mine",
            "--title-zh",
            "我",
            "--title-en",
            "Mine",
            "--from",
            "2026-01-01",
        ]
    )
    assert code == 0, seen


def test_the_schema_is_printed_or_written(here):
    said = cogrow("schema")
    assert said.code == 0
    Draft7Validator.check_schema(said.json)
    assert cogrow("schema", "--out", "cogrow.schema.json").code == 0
    written = json.loads((here / "cogrow.schema.json").read_text(encoding="utf-8"))
    assert written == said.json


def test_the_schema_is_the_same_for_every_reader():
    assert len({cogrow("schema", env={"COGROW_LANG": one}).out for one in LANGUAGES}) == 1
