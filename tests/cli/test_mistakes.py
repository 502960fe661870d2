"""A user's mistake gets a sentence on standard error and its own exit code, and changes nothing."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from tests.cli.door import COGROW, Said, cogrow, process

APPAREL = "apparel-sprint-rebate"


def refused(said: Said, code: int, *words: str) -> str:
    """Return what a refusal said on standard error; it was a sentence, and no result came with it."""
    assert said.code == code, said.err
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err
    return said.err


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_names_of_programs_that_are_not_there_are_all_named():
    Path("empty").mkdir()
    err = refused(
        cogrow("check", "apparel-sprint-rebte", "empty", "nowhere"),
        4,
        "called apparel-sprint-rebte. Did you mean apparel-sprint-rebate?",
        "no program (*.yaml) in the folder empty",
        "called nowhere.",
    )
    assert len(err.splitlines()) == 4


@pytest.mark.usefixtures("here")
def test_a_file_of_a_program_that_is_not_there():
    said = cogrow("check", "lift.yaml")
    refused(said, 2, "YML003", "cannot be read: it does not exist. (lift.yaml)")
    assert said.out == "✗ lift.yaml\n"


@pytest.mark.usefixtures("here")
def test_an_issue_goes_to_standard_error_and_the_verdict_to_standard_output(here):
    (here / "bad.yaml").write_text("program: bad\nprogram: bad\n", encoding="utf-8")
    said = cogrow("check", APPAREL, "bad.yaml")
    assert said.out.splitlines()[0].startswith(f"✓ {APPAREL} @ ")
    assert said.out.splitlines()[1:] == ["✗ bad.yaml"]
    refused(said, 2, "YML002", "(bad.yaml:2:1)")


@pytest.mark.parametrize(
    ("period", "code", "said"),
    [
        ("2025H1", 2, "'2025H1' is not a period. Write 2025, 2025Q2"),
        ("2025-13", 2, "'2025-13' is not a period."),
        ("2027Q2", 4, "no period 2027Q2; it has 2025Q1, 2025Q2, 2025Q3, 2025Q4."),
        ("2025-05", 4, "no period 2025-05; it has"),
        (None, 4, "has 4 periods; say which, e.g. --period 2025Q1."),
    ],
)
def test_a_period_the_program_does_not_have(facts, here, period, code, said):
    named = ["--period", period] if period else []
    refused(cogrow("earn", APPAREL, "--facts", facts, "--out", "out", *named), code, said)
    assert list(here.iterdir()) == []


def test_a_merchant_that_is_not_there(facts, here):
    said = cogrow("explain", APPAREL, "M-none", "--facts", facts, "--period", "2025Q2")
    refused(said, 4, "There is no merchant M-none in the facts.")
    assert said.out == ""


def test_facts_that_are_not_there(here):
    said = cogrow("earn", APPAREL, "--period", "2025Q2", "--facts", "nowhere")
    refused(said, 3, "There are no facts at nowhere.")
    assert list(here.iterdir()) == []


def test_facts_cut_short_since_they_were_sealed(here):
    assert cogrow("simulate", "--out", "facts", "--lines", 1_000).code == 0
    part = sorted(Path("facts/order_lines").glob("*.parquet"))[0]
    part.write_bytes(part.read_bytes()[:100])
    said = cogrow("earn", APPAREL, "--period", "2025Q2")
    refused(said, 3, "The facts in facts have changed.", part.name, "Conform the facts again.")
    assert [path.name for path in here.iterdir()] == ["facts"]


@pytest.mark.usefixtures("here")
def test_a_mapping_that_is_no_mapping():
    Path("mapping.yaml").write_text("just text\n", encoding="utf-8")
    refused(cogrow("facts", "check", "mapping.yaml"), 3, "mapping.yaml", "should be a mapping")


@pytest.mark.parametrize("command", ["earn", "simulate", "demo", "import"])
def test_a_file_where_the_results_should_go(facts, here, command):
    (here / "taken").write_text("mine", encoding="utf-8")
    arguments = {
        "earn": ["earn", APPAREL, "--facts", facts, "--period", "2025Q2"],
        "simulate": ["simulate", "--lines", 1_000],
        "demo": ["demo", "--lines", 20_000],
        "import": ["facts", "import", facts],
    }[command]
    refused(cogrow(*arguments, "--out", "taken"), 2, "'--out'", "'taken' is a file")
    refused(cogrow(*arguments, "--out", "taken/deep"), 6, "taken cannot be used: ")
    assert [(path.name, path.read_text(encoding="utf-8")) for path in here.iterdir()] == [
        ("taken", "mine")
    ]


def test_too_little_memory_is_said_and_leaves_the_results_as_they_were(facts, here):
    before = here / "out" / APPAREL / "2025Q2.parquet"
    before.parent.mkdir(parents=True)
    before.write_bytes(b"before")
    rest = ("--facts", facts, "--period", "2025Q2", "--out", "out", "--threads", 1)
    refused(cogrow("earn", APPAREL, *rest, "--memory", "5MB"), 6, "The memory limit is too small")
    assert before.read_bytes() == b"before"
    assert [path for path in here.rglob("*") if path.is_file()] == [before]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("size", ["lots", "0", "0MB", "-1", "2", "2 G", "1e3MB", "MB", ""])
def test_a_memory_limit_that_is_no_size(size):
    said = cogrow("test", APPAREL, f"--memory={size}")
    refused(said, 2, "'--memory'", f"{size!r} is not an amount of memory; write one like 500MB")


@pytest.mark.parametrize("size", ["500MB", "0.5GB", "1.5 GiB", "900000kb"])
def test_a_memory_limit_that_is_a_size(size):
    assert cogrow("test", "sports-new-merchant-ladder", "--memory", size).code == 0


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lang", "fr", "programs"], "'fr' is not one of 'zh', 'en'."),
        (["earn"], "Missing argument 'PROGRAMS...'"),
        (["simulate"], "Missing option '--out'"),
        (["ern"], "No such command 'ern'"),
        (["earn", APPAREL, "--fact", "x"], "No such option '--fact'"),
        (["earn", APPAREL, "--threads", "0"], "0 is not in the range 1<=x<=256"),
        (["earn", APPAREL, "--spill", "nowhere"], "'nowhere' does not exist"),
        (["simulate", "--out", "m", "--lines", "10"], "10 is not in the range"),
        (["simulate", "--out", "m", "--start", "2025-02-30"], "does not match the format"),
    ],
)
def test_a_command_line_that_cannot_be_read(arguments, said):
    refused(cogrow(*arguments), 2, said)


@pytest.mark.usefixtures("here")
def test_a_time_that_runs_backward_cannot_be_simulated():
    days = ("--start", "2025-01-01", "--end", "2024-01-01")
    refused(cogrow("simulate", "--out", "m", *days), 3, "2025-01-01", "2024-01-01")


def test_a_folder_that_holds_something_else_is_not_overwritten(facts, here):
    mine = here / "mine" / "letter.txt"
    mine.parent.mkdir()
    mine.write_text("dear", encoding="utf-8")
    refused(cogrow("simulate", "--out", "mine", "--lines", 1_000), 3, "mine holds something other")
    refused(cogrow("facts", "import", facts, "--out", "mine"), 3, "mine exists")
    assert [path for path in here.rglob("*") if path.is_file()] == [mine]


def without_privileges() -> None:
    """Give up, in a child about to run cogrow, root's right to open what it may not."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if libc.prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
                raise OSError(ctypes.get_errno(), "prctl")


@pytest.mark.skipif(os.name != "posix", reason="permissions as Unix has them")
def test_what_may_not_be_read_or_written_is_said(facts, here):
    (here / "secret.yaml").write_text("program: x\n", encoding="utf-8")
    (here / "secret.yaml").chmod(0)
    said = process("check", "secret.yaml", preexec_fn=without_privileges)
    refused(said, 2, "permission denied. (secret.yaml)")
    closed = here / "closed"
    closed.mkdir()
    closed.chmod(0o500)
    for out in ("closed", "closed/deep"):
        said = process(
            "earn", APPAREL, "--facts", facts, "--period", "2025Q2", "--out", out,
            preexec_fn=without_privileges,
        )  # fmt: skip
        refused(said, 6, "closed cannot be used: permission denied.")
    assert list(closed.iterdir()) == []


def test_a_reader_that_leaves_early_is_no_error_of_ours(here):
    import subprocess

    done = subprocess.run(
        f"{COGROW} check {APPAREL} | true", shell=True, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr


def test_faults_of_facts_go_to_standard_error_and_the_counts_to_standard_output(here):
    for name, text in {
        "merchants": "merchant_id,name,category,industry,joined_on\nm1,M,apparel,apparel,2020-01-01\n",
        "orders": "order_id,merchant_id,buyer_id,placed_at,currency\n"
        "o1,m1,b1,2025-05-01 10:00:00,CNY\no2,m9,b1,2025-05-01 10:00:00,CNY\n",
    }.items():
        (here / f"{name}.csv").write_text(text, encoding="utf-8")
    said = cogrow("facts", "check", ".")
    assert [line.split() for line in said.out.splitlines()] == [
        ["table", "read", "accepted", "of", "them", "repeated", "quarantined", "left", "out"],
        ["merchants", "1", "1", "0", "0", "0"],
        ["orders", "2", "1", "0", "1", "0"],
    ]
    refused(said, 0, "warning FCT", "`merchants` that does not exist; rows quarantined: 1.")
    assert said.err.splitlines()[1].endswith("order_id=o2, merchant_id=m9")
    (here / "merchants.csv").unlink()
    refused(cogrow("facts", "check", "."), 3, "error FCT", "There is no table `merchants`")
