"""At a terminal there are colors and bars; elsewhere plain text. A run that is stopped leaves no trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.door import COGROW, cogrow, heard, process

pty = pytest.importorskip("pty", reason="terminals as Unix has them")

APPAREL = "apparel-sprint-rebate"
ESCAPE = "\x1b["
PLAIN = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}


def at_a_terminal(
    *arguments: object, streams: tuple[str, ...], env: Mapping[str, str] | None = None
) -> tuple[str, str]:
    """Return what cogrow wrote to a terminal, which takes the place of `streams`, and to the others."""
    ours, theirs = pty.openpty()
    out, err = (theirs if one in streams else subprocess.PIPE for one in ("stdout", "stderr"))
    command = [COGROW, *(str(argument) for argument in arguments)]
    whole = {**PLAIN, "TERM": "xterm", **(env or {})}
    with subprocess.Popen(command, stdout=out, stderr=err, env=whole) as running:
        os.close(theirs)
        seen = b""
        while part := heard(ours):
            seen += part
        piped = running.stdout or running.stderr
        rest = piped.read() if piped else b""
    os.close(ours)
    assert running.returncode == 0
    return seen.decode(), rest.decode()


def test_colors_are_for_terminals():
    shown, _ = at_a_terminal("check", APPAREL, streams=("stdout",))
    plain = process("check", APPAREL, env=PLAIN)
    assert shown.startswith(f"{ESCAPE}32m✓ {APPAREL}")
    assert ESCAPE not in plain.out + plain.err
    assert plain.out.startswith(f"✓ {APPAREL}")


def test_colors_are_left_out_on_request():
    shown, _ = at_a_terminal("check", APPAREL, streams=("stdout",), env={"NO_COLOR": "1"})
    assert shown.startswith(f"✓ {APPAREL}")


def test_progress_is_for_terminals_and_never_among_the_results(facts, tmp_path):
    rest = ("--period", "2025Q2", "--out", tmp_path, "--no-rollups")
    arguments = ("earn", APPAREL, "--facts", facts, *rest)
    bars, results = at_a_terminal(*arguments, streams=("stderr",))
    assert f"{APPAREL} 2025Q2" in bars
    assert ESCAPE in bars
    plain = process(*arguments)
    assert (plain.err, plain.out) == ("", results)
    assert ESCAPE not in results
    assert "2025Q2.parquet" in results


def test_json_stays_bare_at_a_terminal(facts, tmp_path):
    arguments = ("earn", APPAREL, "--facts", facts, "--period", "2025Q2", "--out", tmp_path)
    shown, rest = at_a_terminal(*arguments, "--json", streams=("stdout", "stderr"))
    assert (shown[0], shown.rstrip()[-1], rest) == ("{", "}", "")
    assert ESCAPE not in shown


def test_signs_a_terminal_lacks_become_question_marks():
    said = process("check", APPAREL, env={**PLAIN, "PYTHONIOENCODING": "gbk"})
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"? {APPAREL}")


def test_json_is_whole_in_any_encoding():
    done = subprocess.run(
        [COGROW, "programs", "--json"],
        env={**PLAIN, "PYTHONIOENCODING": "gbk"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.isascii()
    assert b"\\u670d\\u9970" in done.stdout  # 服饰


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return facts that three programs and four quarters take seconds with."""
    folder = tmp_path_factory.mktemp("larger") / "facts"
    assert cogrow("simulate", "--out", folder, "--lines", 600_000).code == 0
    return folder


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_says_so_in_one_line_and_leaves_no_trace(larger, tmp_path, number, code):
    out = tmp_path / "out"
    before = out / APPAREL / "2025Q1.parquet"
    before.parent.mkdir(parents=True)
    before.write_bytes(b"before")
    quarters = [f"--period=2025Q{quarter}" for quarter in (1, 2, 3, 4)]
    programs = [APPAREL, "beauty-new-product-rebate", "sports-new-merchant-ladder"]
    running = subprocess.Popen(
        [COGROW, "earn", *programs, *quarters, "--facts", larger, "--out", out, "--threads", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(1_000):  # until the first of twelve results is computed
        if any(out.rglob("*.partial")) or running.poll() is not None:
            break
        time.sleep(0.01)
    running.send_signal(number)
    said, err = running.communicate(timeout=20)
    assert running.returncode == code, err
    assert (said, err) == ("", "Stopped. Nothing unfinished was left behind.\n")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [before]
    assert list(out.iterdir()) == [out / APPAREL]
    assert before.read_bytes() == b"before"


def test_a_stopped_import_leaves_no_trace(larger, tmp_path):
    running = subprocess.Popen(
        [COGROW, "facts", "import", larger, "--out", tmp_path / "canonical", "--threads", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(1_000):  # until it is in the middle, most of the time inside the database
        if any(tmp_path.rglob("*.staged.parquet")) or running.poll() is not None:
            break
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    said, err = running.communicate(timeout=20)
    assert running.returncode == 130, err
    assert (said, err) == ("", "Stopped. Nothing unfinished was left behind.\n")
    assert list(tmp_path.iterdir()) == []


def test_what_waits_for_the_end_of_the_process_is_done():
    code = "import atexit; atexit.register(print, 'the end'); from cogrow.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "check", "apparel-sprint-rebate"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "apparel-sprint-rebate" in done.stdout
    assert done.stdout.endswith("the end\n")
