"""Whatever a person reads is in the language asked for: ours, and click's own sentences too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from babel.messages.extract import extract_from_file

from cogrow.cli.commands import cli
from cogrow.cli.screen import Screen
from cogrow.cli.speech import OF_CLICK, OF_CLICK_COUNTED, language, speak
from cogrow.operations.choose import library
from tests.cli.door import cogrow, process

CHINESE = re.compile(r"[一-鿿]")

#: Sentences in click's source that cogrow cannot make it say: prompts, pagers, files opened by click,
#: groups that chain, deprecated commands, UUIDs and booleans as values, faults of our own declarations.
NEVER_SAID = re.compile(
    r"""deprecated|DeprecationWarning|UUID|boolean|pager|editor|prompt|progress|confirm|continue\?
    |Repeat\ for|two\ entered|Error:\ The|open\ file|unknown\ error|defined\ twice|executable
    |Could\ not\ (determine|open)|No\ options\ defined|same\ flag|Arguments\ take|iterable
    |Takes\ \{nargs\}|Argument\ \{name|start\ character|len_type|env\ var|dynamic|Choice\(
    |Positional\ arguments|version|\(y/n\)|\[y/N\]|Press\ any|Chain|chain|shell|Shell|^y$|^n$|: $
    """,
    re.VERBOSE,
)


@pytest.mark.parametrize(
    ("arguments", "environment", "chosen"),
    [
        (["programs"], {}, "en"),
        (["--lang", "zh", "programs"], {}, "zh"),
        (["--lang=zh", "programs"], {"LANG": "en_US.UTF-8"}, "zh"),
        (["--lang", "en"], {"COGROW_LANG": "zh", "LANG": "zh_CN.UTF-8"}, "en"),
        ([], {"COGROW_LANG": "zh"}, "zh"),
        ([], {"COGROW_LANG": "en", "LC_ALL": "zh_CN.UTF-8"}, "en"),
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "zh_TW"}, "zh"),
        ([], {"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ([], {"LANG": "de_DE.UTF-8"}, "en"),
        (["--lang", "fr"], {"LANG": "zh_CN.UTF-8"}, "zh"),
    ],
)
def test_the_language_is_what_is_asked_for_first(arguments, environment, chosen):
    assert language(arguments, environment) == chosen


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--lang", "zh", "programs"], {}),
        (["programs"], {"COGROW_LANG": "zh"}),
        (["programs"], {"LANG": "zh_CN.UTF-8"}),
    ],
)
def test_each_way_of_asking_is_heard(arguments, environment):
    said = process(*arguments, env={"PATH": "/usr/bin:/bin", **environment})
    assert said.err == ""
    heading, *rows = said.out.splitlines()
    assert heading.split() == ["激励计划", "方向", "名称"]
    assert any(row.endswith("服饰冲刺返佣") for row in rows)
    assert "Apparel" not in said.out


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, inside in command.commands.items():
            yield from commands(inside, *path, name)


EVERY_COMMAND = list(commands(cli))


def test_every_command_is_found():
    assert len(EVERY_COMMAND) == 63
    assert ("facts", "import") in EVERY_COMMAND


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=" ".join)
def test_the_help_of_every_command_is_translated(path):
    chinese, english = (cogrow("--lang", chosen, *path, "--help") for chosen in ("zh", "en"))
    assert (chinese.code, english.code) == (0, 0)
    assert not CHINESE.search(english.out)
    assert chinese.out.startswith("用法：")
    meanings = re.findall(r"^  \S.*?  +(\S.*)$", chinese.out, re.MULTILINE)
    assert len(meanings) >= 2
    assert [meaning for meaning in meanings if not CHINESE.search(meaning)] == []


def test_help_in_one_language_does_not_stay_for_the_next():
    first = cogrow("earn", "--help").out
    assert CHINESE.search(cogrow("--lang", "zh", "earn", "--help").out)
    assert cogrow("earn", "--help").out == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lang", "zh"], "用法：cogrow [选项] 命令 [参数]..."),
        (["--lang", "zh", "ern"], "错误：没有命令 'ern'。"),
        (["--lang", "zh", "earn"], "错误：缺少参数 'PROGRAMS...'"),
        (["--lang", "zh", "earn", "--help"], "[默认：1400MB]"),
        (["--lang", "zh", "simulate", "--out", "m", "--lines", "10"], "10 不在范围"),
        (["--lang", "zh", "test", "x", "--memory", "lots"], "'lots' 不是内存大小；请写成 500MB"),
        (["--lang", "zh", "check", "nothing"], "没有名为 nothing 的文件，自带的激励计划中也没有。"),
        (["--lang", "zh", "--version"], "cogrow，版本 "),
    ],
)
def test_what_goes_wrong_is_said_in_the_language_asked_for(arguments, said):
    done = cogrow(*arguments)
    assert said in (done.out + done.err).replace("用法： ", "用法：").replace("默认： ", "默认：")


def test_a_hint_follows_its_sentence_as_the_language_has_it():
    name = "apparel-sprint-rebte"
    assert f"called {name}. Did you mean apparel-sprint-rebate?\n" in cogrow("check", name).err
    assert (
        "计划中也没有。是否想写 apparel-sprint-rebate？\n"
        in cogrow("--lang", "zh", "check", name).err
    )


def test_all_that_click_may_say_is_in_our_catalogs():
    ours: set[Any] = {*OF_CLICK, *OF_CLICK_COUNTED}
    click_says = set()
    for module in ("core", "decorators", "exceptions", "formatting", "parser", "types"):
        path = Path(click.__file__).with_name(f"{module}.py")
        click_says |= {found[1] for found in extract_from_file("python", path)}
    missing = {
        sentence
        for sentence in click_says - ours
        if not NEVER_SAID.search(sentence if isinstance(sentence, str) else sentence[0])
    }
    assert missing == set()
    assert ours - click_says == {"[OPTIONS]", "COMMAND [ARGS]..."}


def test_names_and_numbers_line_up_under_chinese_headings():
    from rich.cells import cell_len

    out = cogrow("--lang", "zh", "programs").out.splitlines()
    starts = {cell_len(line[: line.rindex("  ") + 2]) for line in out}
    assert len(starts) == 1


def test_a_table_is_as_wide_in_every_line_whatever_the_script(capsys):
    from rich.cells import cell_len

    screen = Screen(speak("zh"), as_json=False)
    screen.table(["商家", "net_sales", "应得"], [["华衣", "1,000.00", "5.00"], ["M2", "7.50", "-"]])
    lines = capsys.readouterr().out.splitlines()
    assert {cell_len(line) for line in lines} == {23}
    assert lines[1:] == ["  华衣   1,000.00  5.00", "  M2         7.50     -"]


def test_the_worked_examples_of_the_library_read_in_both_languages():
    name = "apparel-sprint-rebate"
    assert (
        f"✓ {name}: 每季度最多 20 万元 → 200,000.00 CNY\n"
        in cogrow("--lang", "zh", "test", name).out
    )
    assert f"✓ {name}: at most 200,000 a quarter → " in cogrow("--lang", "en", "test", name).out


def test_one_text_of_an_author_is_for_every_reader(tmp_path):
    shipped = library()["sports-new-merchant-ladder"].read_text(encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(
        shipped.replace(
            "it: {zh: 两项奖励合计封顶, en: the cap holds both parts together}", "it: capped"
        ),
        encoding="utf-8",
    )
    for chosen in ("zh", "en"):
        assert ": capped → 5,000.00 CNY\n" in cogrow("--lang", chosen, "test", own).out
