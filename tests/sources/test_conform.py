"""Conforming as a whole: what stops it leaves everything as it was, and what it writes is whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cogrow.embedded import Limits
from cogrow.errors import DataError, EngineError, InvariantBroken
from cogrow.sources import seal, writing
from cogrow.sources.conform import check, conform
from cogrow.sources.opening import open_facts
from cogrow.sources.report import TableReport
from tests.sources.market import LIMITS, csv_folder, market, parquet_folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def truncated(folder: Path) -> Path:
    parquet_folder(folder, market())
    path = folder / "orders.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    return folder


def test_a_truncated_parquet_file_stops(tmp_path: Path) -> None:
    report = check(truncated(tmp_path / "in"), LIMITS)
    told = [issue.text() for issue in report.errors]
    assert [issue.code for issue in report.errors] == ["FCT003"]
    assert "orders.parquet cannot be read: as Parquet it is broken or cut short" in told[0]
    assert "merchants" in report.tables


def test_a_parquet_file_broken_inside_stops(tmp_path: Path) -> None:
    """What shows only while rows are read is told like what shows on opening."""
    parquet_folder(tmp_path / "in", market())
    path = tmp_path / "in" / "orders.parquet"
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xff" * 196
    path.write_bytes(content)
    assert [(issue.code, issue.where.path) for issue in check(tmp_path / "in", LIMITS).errors] == [
        ("FCT003", "orders")
    ]


def test_text_that_calls_itself_parquet_stops(tmp_path: Path) -> None:
    csv_folder(tmp_path / "in", market())
    (tmp_path / "in" / "orders.csv").rename(tmp_path / "in" / "orders.parquet")
    assert [issue.code for issue in check(tmp_path / "in", LIMITS).errors] == ["FCT003"]


def test_errors_leave_what_was_there_untouched(tmp_path: Path) -> None:
    conform(csv_folder(tmp_path / "in", market()), tmp_path / "out", LIMITS)
    before = contents(tmp_path)
    bad = truncated(tmp_path / "bad")
    with pytest.raises(DataError) as error:
        conform(bad, tmp_path / "out", LIMITS)
    assert [issue.code for issue in error.value.issues] == ["FCT003"]
    shutil.rmtree(bad)
    assert contents(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_new_facts_replace_old_ones_whole(tmp_path: Path) -> None:
    facts = market()
    facts["orders"].append(facts["orders"][0] | {"currency": "USD"})
    conform(csv_folder(tmp_path / "in", facts), tmp_path / "out", LIMITS)
    assert (tmp_path / "out" / "quarantine").is_dir()
    conform(csv_folder(tmp_path / "in", market()), tmp_path / "out", LIMITS)
    assert not (tmp_path / "out" / "quarantine").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_what_is_no_facts_is_not_overwritten(tmp_path: Path) -> None:
    source = csv_folder(tmp_path / "in", market())
    mine = tmp_path / "mine"
    mine.mkdir()
    conform(source, mine, LIMITS)  # an empty folder is as good as none
    shutil.rmtree(mine)
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", encoding="utf-8")
    for out in (mine, mine / "thesis.txt"):
        with pytest.raises(DataError, match="it is not overwritten"):
            conform(source, out, LIMITS)
    assert contents(mine) == {"thesis.txt": b"years of work"}


def test_facts_are_not_written_over_their_own_source(tmp_path: Path) -> None:
    conform(csv_folder(tmp_path / "in", market()), tmp_path / "out", LIMITS)
    csv_folder(tmp_path / "out" / "raw", market())
    for source in (tmp_path / "out", tmp_path / "out" / "raw"):
        with pytest.raises(DataError, match="cannot also be where they are written"):
            conform(source, tmp_path / "out", LIMITS)


def test_a_killed_run_leaves_nothing_half_written(tmp_path: Path) -> None:
    """Killed at many moments, the folder holds the old facts or the new ones, whole and sealed."""
    source = csv_folder(tmp_path / "in", market())
    out = tmp_path / "out"
    first = conform(source, out, LIMITS)
    old = contents(out)
    facts = market()
    facts["orders"].append(facts["orders"][0] | {"order_id": "o6"})
    csv_folder(tmp_path / "in", facts)
    program = (
        "import sys; from pathlib import Path; from cogrow.embedded import Limits;"
        "from cogrow.sources.conform import conform;"
        "say = lambda *told: print(*told, flush=True);"
        "conform(Path(sys.argv[1]), Path(sys.argv[2]), Limits(threads=1), say)"
    )
    kills = 0
    for lines in range(0, 26, 4):
        run = subprocess.Popen(
            [sys.executable, "-c", program, str(source), str(out)],
            stdout=subprocess.PIPE,
            env=os.environ,
        )
        assert run.stdout is not None
        for _ in range(lines):
            run.stdout.readline()
        time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        kills += run.wait() == -signal.SIGKILL
        run.stdout.close()
        found = seal.read(out)
        assert found is not None
        if found.tables["orders"].rows == first.tables["orders"].written:
            assert contents(out) == old
    assert kills >= 3
    assert conform(source, out, LIMITS).tables["orders"].written == 6


def test_a_failed_move_brings_the_old_facts_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = csv_folder(tmp_path / "in", market()), tmp_path / "out"
    conform(source, out, LIMITS)
    before = contents(tmp_path)
    rename = Path.rename

    def fail(path: Path, to: Path) -> Path:
        if path.name == "facts" and path.parent.name.startswith(".out.partial-"):
            raise OSError("no space left")
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no space left"):
        conform(source, out, LIMITS)
    assert contents(tmp_path) == before


def test_sealed_facts_are_used_where_they_are(tmp_path: Path) -> None:
    source = csv_folder(tmp_path / "in", market())
    facts, report = open_facts(source, tmp_path / "work" / "facts", LIMITS)
    assert report is not None and report.tables["orders"].written == 5
    assert facts.folder == str(tmp_path / "work" / "facts")
    again, report = open_facts(tmp_path / "work" / "facts", tmp_path / "other", LIMITS)
    assert report is None
    assert again == facts
    assert not (tmp_path / "other").exists()


def test_sealed_facts_that_changed_are_refused(tmp_path: Path) -> None:
    conform(csv_folder(tmp_path / "in", market()), tmp_path / "out", LIMITS)
    (tmp_path / "out" / "orders" / "2025-04.parquet").unlink()
    with pytest.raises(DataError) as error:
        open_facts(tmp_path / "out", tmp_path / "work", LIMITS)
    assert [issue.code for issue in error.value.issues] == ["FCT030"]


def test_progress_ends_where_it_says(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    source = csv_folder(tmp_path / "in", market())
    conform(source, tmp_path / "out", LIMITS, lambda *step: told.append(step))
    assert {label for label, _, _ in told} == {"Reading facts", "Checking facts", "Writing facts"}
    assert all(0 <= done <= total for _, done, total in told)
    for label in ("Checking facts", "Writing facts"):
        steps = [(done, total) for told_label, done, total in told if told_label == label]
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]


def test_checking_writes_nothing(tmp_path: Path) -> None:
    source = csv_folder(tmp_path / "in", market())
    before = contents(tmp_path)
    spill = tmp_path / "spill"
    spill.mkdir()
    report = check(source, Limits(memory="400MB", spill=spill))
    assert report.errors == ()
    assert contents(tmp_path) == before
    assert list(spill.iterdir()) == []


def test_too_little_memory_is_told(tmp_path: Path) -> None:
    facts = market()
    facts["orders"] = [
        facts["orders"][0] | {"order_id": f"o{n}", "buyer_id": f"{n:0200}"} for n in range(20_000)
    ]
    source = csv_folder(tmp_path / "in", facts)
    with pytest.raises(EngineError, match="memory"):
        conform(source, tmp_path / "out", Limits(memory="3MB", threads=1))
    assert not (tmp_path / "out").exists()


def test_counts_that_do_not_add_up_are_our_fault() -> None:
    with pytest.raises(InvariantBroken):
        TableReport(read=3, accepted=1, repeated=0, quarantined=1, left_out=0)
    with pytest.raises(InvariantBroken):
        TableReport(read=1, accepted=1, repeated=2, quarantined=0, left_out=0)
    with pytest.raises(InvariantBroken):
        TableReport(read=1, accepted=1, repeated=0, quarantined=0, left_out=-1)


def test_rows_lost_while_writing_are_our_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = writing.sorted_rows
    monkeypatch.setattr(
        writing, "sorted_rows", lambda *given: f"SELECT * FROM ({written(*given)}) LIMIT 1"
    )
    with pytest.raises(InvariantBroken, match="rows were written, not"):
        conform(csv_folder(tmp_path / "in", market()), tmp_path / "out", LIMITS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["merchants.csv", "merchants.parquet"], "FCT019"),
        (["merchants/a.csv", "merchants/b.parquet"], "FCT003"),
        ([], "FCT001"),
    ],
)
def test_folders_that_say_two_things_or_nothing(
    names: list[str], code: str, tmp_path: Path
) -> None:
    facts = {"merchants": market()["merchants"]}
    (tmp_path / "in").mkdir()
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        write = parquet_folder if name.endswith("parquet") else csv_folder
        made = write(tmp_path / "made", facts) / f"merchants.{name.rpartition('.')[2]}"
        made.rename(path)
    assert code in [issue.code for issue in check(tmp_path / "in", LIMITS).errors]


def test_hidden_files_and_the_quarantine_are_no_tables(tmp_path: Path) -> None:
    source = csv_folder(tmp_path / "in", market())
    for name in (".hidden.csv", "_draft.csv", "notes.md", "quarantine/orders.csv"):
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("x,y\n1,2\n", encoding="utf-8")
    assert check(source, LIMITS).issues == ()


def test_a_table_of_no_rows_is_written_with_its_columns(tmp_path: Path) -> None:
    source = csv_folder(tmp_path / "in", market())
    head = (source / "refunds.csv").read_text(encoding="utf-8").splitlines()[0]
    (source / "refunds.csv").write_text(head + "\n", encoding="utf-8")
    report = conform(source, tmp_path / "out", LIMITS)
    assert report.issues == ()
    assert pq.read_table(tmp_path / "out" / "refunds" / "refunds.parquet").num_rows == 0
