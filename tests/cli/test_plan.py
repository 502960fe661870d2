"""`cogrow plan` says what a change would do: in words, as one document, in Chinese; and what is wrong."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.door import Said, cogrow

TERMS = """\
program: trial
title: {{zh: 季度返佣, en: Quarterly rebate}}
direction: commission
currency: CNY
period: {{from: 2025-01-01, until: 2026-01-01, every: quarter, timezone: Asia/Shanghai}}
effective: {{from: {first}}}
qualifying: {{order_lines: all, dated_by: placed_at}}
reward: {{rate: {{pays_on: net_sales, rate: {rate}}}}}
limits: {{per_merchant: 100 CNY}}
examples: [{{it: pays, given: {{net_sales: 100}}, pays: {pays}}}]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, first, rate in (("old", "2025-01-01", 1), ("new", "2025-07-01", 2)):
        text = TERMS.format(first=first, rate=f"{rate}%", pays=rate)
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def plan(facts: Path, *arguments: object, lang: str = "en") -> Said:
    rest = ("--facts", facts, "--period", "2025Q2", "--as-of", "2025-06-15")
    return cogrow("--lang", lang, "plan", *arguments, *rest)


@pytest.mark.usefixtures("here")
def test_in_words(facts):
    said = plan(facts, "old.yaml", "new.yaml", "--out", "change.parquet")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "Quarterly rebate  ·  2025Q2  ·  CNY"
    assert lines[1].startswith("before: trial @ ")
    assert lines[1].endswith(" (old.yaml)")
    assert lines[3] == "The new version does not hold in 2025Q2; it is compared as if it did."
    for word in ("total cost", "largest gains", "change of a merchant", "terms"):
        assert any(line.strip().startswith(word) for line in lines), word
    assert "largest losses" not in said.out
    cells = next(line.split() for line in lines if line.startswith("  reward.rate.rate"))
    assert cells == ["reward.rate.rate", "1%", "2%"]
    assert lines[-1] == "→ change.parquet"
    assert "\x1b" not in said.out


@pytest.mark.usefixtures("here")
def test_as_one_document_that_agrees_with_the_table(facts):
    said = plan(facts, "old.yaml", "new.yaml", "--out", "change.parquet", "--json")
    assert (said.code, said.err) == (0, "")
    found, rows = said.json, pq.read_table("change.parquet").to_pylist()
    assert found["before_minor"] == sum(row["before_minor"] for row in rows) > 0
    assert found["after_minor"] == sum(row["after_minor"] for row in rows)
    assert found["change_minor"] == found["more_minor"] == sum(row["change_minor"] for row in rows)
    assert found["gaining"] == sum(row["change_minor"] > 0 for row in rows)
    assert found["gaining"] + found["unchanged"] == len(rows)
    assert sum(one["merchants"] for one in found["distribution"]) == len(rows)
    assert sum(one["change_minor"] for one in found["distribution"]) == found["change_minor"]
    # 1 % and 2 % with a cap of 100.00: nobody's earning more than doubles or passes the cap.
    assert {row["after_minor"] <= 2 * row["before_minor"] + 1 for row in rows} == {True}
    assert {row["reason_after"] for row in rows} >= {"paid", "capped"}
    best = found["largest_gains"][0]
    assert best["change_minor"] == max(row["change_minor"] for row in rows)
    assert found["terms"][-1] == {"path": "reward.rate.rate", "before": "1%", "after": "2%"}
    assert [(one["period"], one["supposed"]) for one in found["periods"]] == [("2025Q2", True)]
    assert found["funds"] == {"before": None, "after": None}
    assert (found["issues_new"], found["issues_gone"], found["issues"]) == ([], [], [])


@pytest.mark.usefixtures("here")
def test_in_chinese(facts):
    said = plan(facts, "old.yaml", "new.yaml", lang="zh")
    assert said.code == 0
    assert said.out.splitlines()[0] == "季度返佣  ·  2025Q2  ·  CNY"
    for word in ("改前", "改后", "总成本", "增加最多", "条款", "新版本在 2025Q2 并不生效"):
        assert word in said.out, word


def test_against_what_is_in_force(facts, here):
    folder = here / "in-force"
    folder.mkdir()
    (here / "old.yaml").rename(folder / "old.yaml")
    said = plan(facts, "new.yaml", "--in-force", "in-force")
    assert said.code == 0, said.err
    assert "(in-force/old.yaml)" in said.out.splitlines()[1]


def test_what_is_paid_beside_it_and_from_which_fund(facts, here):
    more = "stacking: {best_of: [trial, other]}\nfund: {id: purse, amount: 100 CNY, per: period}\n"
    for name in ("old", "new"):
        with (here / f"{name}.yaml").open("a", encoding="utf-8") as file:
            file.write(more)
    other = (
        (here / "old.yaml").read_text(encoding="utf-8").replace("program: trial", "program: other")
    )
    (here / "in-force").mkdir()
    (here / "old.yaml").rename(here / "in-force" / "old.yaml")
    (here / "in-force" / "other.yaml").write_text(other.replace("purse", "other-purse"), "utf-8")
    said = plan(facts, "new.yaml", "--in-force", "in-force")
    assert said.code == 0, said.err
    found = plan(facts, "new.yaml", "--in-force", "in-force", "--json").json
    shown = {line.split("  ")[1]: line.split() for line in said.out.splitlines() if "  " in line}
    (beside,) = found["stacked_with"]
    # Both paid the same and the first of the two kept it; now it pays more, and still keeps it.
    assert beside == {"program": "other", "before_minor": 0, "after_minor": 0}
    assert shown["other"] == ["other", "0.00", "0.00", "0.00"]
    for side in ("before", "after"):
        use = found["funds"][side]
        assert use["liability_minor"] == found[f"{side}_minor"] > 10_000 == use["available_minor"]
        owed = f"{use['liability_minor'] / 100:,.2f}"
        short = f"{use['short_minor'] / 100:,.2f}"
        line = shown[f"purse · {side}"]
        assert (line[:5], line[6]) == (["purse", "·", side, "100.00", owed], short)
    alone = plan(facts, "in-force/old.yaml", "new.yaml")
    assert "Compared alone: it is stacked with other, which is not in force here." in alone.out


def test_a_change_of_what_is_over_is_shown_and_refused(facts, here):
    new = here / "new.yaml"
    new.write_text(new.read_text(encoding="utf-8").replace("2025-07-01", "2025-04-01"), "utf-8")
    rest = ("--facts", facts, "--period", "2025Q2", "--as-of", "2025-07-01")
    said = cogrow("plan", "old.yaml", "new.yaml", *rest)
    assert said.code == 2
    assert "total cost" in said.out
    assert said.err.startswith("error PRG076 It would change periods that are over, 2025Q2, ")
    assert "restates: " in said.err
    assert said.err.rstrip().endswith("(new.yaml:6:19)")
    document = cogrow("plan", "old.yaml", "new.yaml", *rest, "--json")
    assert (document.code, document.err) == (2, "")
    assert [issue["code"] for issue in document.json["issues_new"]] == ["PRG076"]
    version = document.json["before"]["version"]
    text = new.read_text(encoding="utf-8")
    new.write_text(text.replace("04-01}", f"04-01, restates: {version}}}"), "utf-8")
    said = cogrow("plan", "old.yaml", "new.yaml", *rest[:2], *rest[4:])
    assert (said.code, said.err) == (0, "")
    assert "Restates 2025Q2, which is over: " in said.out


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["new.yaml"], 2, "Name two programs, OLD and NEW, or NEW alone with --in-force."),
        (["old.yaml", "new.yaml", "--in-force", "."], 2, "Name two programs, OLD and NEW, or NEW"),
        (["old.yaml", "new.yaml", "new.yaml"], 2, "Name two programs, OLD and NEW, or NEW"),
        ([], 2, "Missing argument '[OLD] NEW'"),
        (["nothing", "new.yaml"], 4, "called nothing."),
        (["old.yaml", "lost.yaml"], 2, "cannot be read: it does not exist. (lost.yaml)"),
        (
            ["new.yaml", "--in-force", "new.yaml"],
            4,
            "no other version of program trial in new.yaml",
        ),
        (["old.yaml", "new.yaml", "--period", "2026Q1"], 4, "has no period 2026Q1"),
        (["old.yaml", "new.yaml", "--period", "soon"], 2, "'soon' is not a period."),
        (["old.yaml", "new.yaml", "--as-of", "soon"], 2, "does not match the format"),
        (["old.yaml", "new.yaml", "--out", "."], 2, "is a directory"),
    ],
)
def test_a_mistake_is_a_sentence(facts, arguments, code, said):
    found = cogrow("plan", *arguments, "--facts", facts)
    assert found.code == code
    assert said in found.err
    assert "Traceback" not in found.err
    assert found.out == ""


def test_a_draft_without_days_is_not_said_to_hold_in_no_period(here, facts):
    for name in ("old.yaml", "new.yaml"):
        text = (here / name).read_text(encoding="utf-8")
        undated = "".join(
            line for line in text.splitlines(True) if not line.startswith("effective")
        )
        (here / name).write_text(undated, encoding="utf-8")
    said = plan(facts, "old.yaml", "new.yaml")
    assert said.code == 0
    assert "so it would change every period" in said.err
    assert "does not hold" not in said.out
