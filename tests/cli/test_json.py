"""With --json a command says one document on standard output and nothing else, and means what it says."""

from __future__ import annotations

import json

import pytest

from cogrow.operations.choose import library
from tests.cli.door import Said, cogrow

APPAREL, LADDER = "apparel-sprint-rebate", "sports-new-merchant-ladder"


def alone(said: Said, code: int = 0) -> Said:
    """Return what was said, of which standard output was all."""
    assert (said.code, said.err) == (code, "")
    return said


def test_check():
    found = alone(cogrow("check", APPAREL, LADDER, "--json")).json
    assert [(one["program"], one["issues"]) for one in found] == [(APPAREL, []), (LADDER, [])]


def test_check_of_a_broken_program_is_a_document_too(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("program: broken\n", encoding="utf-8")
    said = cogrow("check", broken, "--json")
    (found,) = said.json
    assert (said.code, said.err, found["program"]) == (2, "", None)
    assert {"PRG001"} == {issue["code"] for issue in found["issues"]}
    assert {str(broken)} == {issue["file"] for issue in found["issues"]}


def test_test():
    found = alone(cogrow("test", LADDER, "--json")).json
    assert [one["passed"] for one in found] == [True] * 3
    assert [one["pays"] for one in found] == [one["paid"] for one in found]


def test_programs():
    found = alone(cogrow("programs", "--json")).json
    assert [one["program"] for one in found] == list(library())
    assert {APPAREL, "beauty-new-product-rebate", LADDER} < {one["program"] for one in found}
    assert all(one["title"].keys() == {"zh", "en"} for one in found)


def test_earn_and_explain(facts, tmp_path):
    import pyarrow.parquet as pq

    out, rest = tmp_path / "out", ("--facts", facts, "--period", "2025Q2", "--json")
    (found,) = alone(cogrow("earn", APPAREL, *rest, "--out", out)).json["earnings"]
    written = pq.read_table(found["path"])
    assert (found["program"], found["period"]) == (APPAREL, "2025Q2")
    assert found["amount_minor"] == sum(written.column("amount_minor").to_pylist()) > 0
    best = found["top"][0]
    why = alone(
        cogrow("explain", APPAREL, best["merchant_id"], *rest, "--rows", "--earnings", out)
    ).json
    assert why["earnings"][0]["amount_minor"] == best["amount_minor"]
    assert why["steps"][-1]["amount_minor"] == best["amount_minor"]
    assert {one["table"] for one in why["rows"]} >= {"order_lines"}


@pytest.mark.parametrize("program", [APPAREL, "beauty-new-product-rebate", LADDER])
def test_explain_adds_up_to_what_was_earned(facts, tmp_path, program):
    rest = ("--facts", facts, "--period", "2025Q2", "--json")
    (found,) = alone(cogrow("earn", program, *rest, "--out", tmp_path)).json["earnings"]
    for best in found["top"][:1]:
        why = alone(cogrow("explain", program, best["merchant_id"], *rest, "--rows")).json
        assert why["steps"][-1]["amount_minor"] == best["amount_minor"]


@pytest.mark.parametrize("verb", ["check", "import"])
def test_facts(facts, tmp_path, verb):
    to = ["--out", tmp_path / "canonical"] if verb == "import" else []
    found = alone(cogrow("facts", verb, facts, *to, "--json")).json
    assert found["ok"] is True
    assert found["tables"]["order_lines"]["read"] == 20_000


def test_simulate(tmp_path):
    found = alone(cogrow("simulate", "--out", tmp_path / "m", "--lines", 1_000, "--json")).json
    assert found["rows"]["order_lines"] == 1_000
    assert found["folder"] == str(tmp_path / "m")
    few = ("--lines", 1_000, "--merchants", 7, "--json")
    found = alone(cogrow("simulate", "--out", tmp_path / "m", *few)).json
    assert found["rows"]["merchants"] == 7


def test_demo(tmp_path):
    found = alone(cogrow("demo", "--out", tmp_path / "demo", "--lines", 20_000, "--json")).json
    assert len(found["earnings"]) == 6
    assert found["explanation"]["steps"]
    money = found["ledger"]
    as_bob = ("--books", money["books"], "--as", "bob", "--json")
    assert alone(cogrow("ledger", "audit", *as_bob)).json["faults"] == []
    told = [step["command"] for step in money["steps"]]
    assert told[0] == "fund top-up"
    assert {"payout reconcile", "payout resend", "wallet convert"} < set(told)
    july, august, october = money["statements"]
    back = -sum(line["amount"] for line in august["lines"])
    assert back > 0, "refunds arrived after the merchant was paid"
    assert sum(july["closing"].values()) == 0
    assert {"kind": "settle", "place": "clawback", "amount": back}.items() <= max(
        october["lines"], key=lambda line: line["place"] == "clawback"
    ).items()
    derived = august["lines"][0]["derivation"]
    assert derived["steps"][-1]["amount_minor"] == sum(p["amount"] for p in derived["parts"])
    assert july["lines"][0]["derivation"]["superseded"]
    states = sorted(json.loads((tmp_path / "demo" / "ledger" / "rail.json").read_text()).values())
    assert states == ["failed", "paid", "paid", "paid", "paid"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "nothing"),
        ("test", "nothing"),
        ("earn", "nothing"),
        ("explain", "nothing", "M1"),
        ("facts", "check", "nothing"),
        ("facts", "import", "nothing", "--out", "canonical"),
    ],
)
def test_a_failure_is_a_document_that_names_its_exit_code(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = cogrow(*arguments, "--json")
    assert said.code != 0
    assert said.err == ""
    assert said.json["exit_code"] == said.code
    assert said.json["error"]
    assert said.json["issues"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explain", "trial"), "MERCHANT"),
        (("simulate", "--lines", "5"), "--lines"),
        (("earn", "trial", "--engine", "flink"), "--engine"),
        (("earn",), "PROGRAMS"),
        (("earnn",), "earnn"),
    ],
)
def test_a_mistake_on_the_command_line_is_a_document_too(arguments, said):
    found = alone(cogrow(*arguments, "--json"), code=2).json
    assert found["exit_code"] == 2
    assert said in found["error"]
    other = alone(cogrow("--lang", "zh", *arguments, "--json"), code=2).json["error"]
    assert other != found["error"]
