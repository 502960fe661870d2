"""Every sentence a person reads is in the catalogs, in Chinese too, and compiled as it stands there."""

from __future__ import annotations

import ast
import io
import re
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tests.house.tree import ROOT, plant, python_files

LOCALES = "src/cogrow/locale"
#: As in `make messages`.
KEYWORDS = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "N_": None,
    "message": (1,),
    "Message": (1,),
}


WORD = re.compile(r"[^\W\d_]{2}")


def sentences(root: Path) -> set[str]:
    """Return every sentence marked for translation in the package."""
    found = extract_from_dir(root / "src" / "cogrow", keywords=KEYWORDS)
    return {m if isinstance(m, str) else m[0] for _, _, m, _, _ in found}


def test_no_sentence_is_marked_where_nobody_collects_it():
    """Inside an f-string a mark is not seen, and the sentence stays English."""
    inside = [
        f"{name}:{node.lineno}"
        for name, tree in python_files(ROOT, "src")
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if isinstance(part, ast.Call) and getattr(part.func, "id", "") in KEYWORDS
        if part.args and isinstance(part.args[0], ast.Constant)
    ]
    assert inside == []


def texts(entry: Message) -> list[str]:
    """Return what an entry translates to: one text, or one for each plural form, or nothing."""
    found = [entry.string] if isinstance(entry.string, str) else entry.string or []
    return [text for text in found if text]


def catalog(root: Path, language: str) -> Catalog:
    with (root / LOCALES / language / "LC_MESSAGES" / "cogrow.po").open("rb") as file:
        return read_po(file, locale=language)


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def complaints(root: Path) -> list[str]:
    found = []
    marked = sentences(root)
    for language in ("zh", "en"):
        entries = {
            (m.id if isinstance(m.id, str) else m.id[0]): m for m in catalog(root, language) if m.id
        }
        found += [f"{language}: not in the catalog: {s}" for s in sorted(marked - entries.keys())]
        found += [f"{language}: nobody says it: {s}" for s in sorted(entries.keys() - marked)]
        for sentence, entry in entries.items():
            if language == "zh" and (not texts(entry) or entry.fuzzy):
                found.append(f"zh: not translated: {sentence}")
            found += [
                f"{language}: fields differ: {sentence}"
                for text in texts(entry)
                if entry.python_format is False and fields(text) != fields(sentence)
            ]
    return found


def unmarkable(root: Path) -> list[str]:
    """Return the places where what is marked for translation is not a plain sentence."""
    return [
        f"{name}:{node.lineno}: N_ takes a sentence, not {ast.unparse(node.args[0])}"
        for name, tree in python_files(root, "src")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "N_"
        and not (isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str))
    ]


def unmarked(root: Path) -> list[str]:
    """Return the places where a door prints words that no catalog can have."""
    found = []
    for name, tree in python_files(root, "src"):
        for node in ast.walk(tree):
            called = getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""
            if not isinstance(node, ast.Call) or called not in {"say", "echo", "secho"}:
                continue
            said = [part for part in node.args if isinstance(part, (ast.Constant, ast.JoinedStr))]
            literal = [p for part in said for p in ast.walk(part) if isinstance(p, ast.Constant)]
            if any(isinstance(p.value, str) and WORD.search(p.value) for p in literal):
                found.append(f"{name}:{node.lineno}: say it with a Message: {ast.unparse(node)}")
    return found


def stale(root: Path) -> list[str]:
    """Return the languages whose compiled catalog is not what its source gives."""
    found = []
    for language in ("zh", "en"):
        compiled = io.BytesIO()
        write_mo(compiled, catalog(root, language))
        path = root / LOCALES / language / "LC_MESSAGES" / "cogrow.mo"
        if not path.exists() or path.read_bytes() != compiled.getvalue():
            found.append(language)
    return found


def test_only_plain_sentences_are_marked():
    assert unmarkable(ROOT) == []


def test_nothing_is_said_that_is_not_marked():
    assert unmarked(ROOT) == []


def test_every_sentence_is_translated():
    assert complaints(ROOT) == []


def test_the_compiled_catalogs_are_up_to_date():
    assert stale(ROOT) == []


def with_catalogs(root: Path, zh: dict[str, str]) -> Path:
    for language, texts in {"zh": zh, "en": dict.fromkeys(zh, "")}.items():
        made = Catalog(locale=language)
        for sentence, text in texts.items():
            made.add(sentence, text)
        folder = root / LOCALES / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        with (folder / "cogrow.po").open("wb") as po, (folder / "cogrow.mo").open("wb") as mo:
            write_po(po, made)
            write_mo(mo, made)
    return root


@pytest.mark.parametrize(
    ("zh", "expected"),
    [
        ({"Found {count}.": "找到 {count}。"}, []),
        ({"Found {count}.": ""}, ["zh: not translated: Found {count}."]),
        ({"Found {count}.": "找到 {number}。"}, ["zh: fields differ: Found {count}."]),
        ({}, ["zh: not in the catalog: Found {count}.", "en: not in the catalog: Found {count}."]),
        (
            {"Found {count}.": "找到 {count}。", "Gone.": "没了。"},
            ["zh: nobody says it: Gone.", "en: nobody says it: Gone."],
        ),
    ],
)
def test_a_gap_in_the_catalog_is_noticed(tmp_path, zh, expected):
    with_catalogs(tmp_path, zh)
    plant(tmp_path, {"src/cogrow/a.py": 'x = message(N_("Found {count}."), count=1)\n'})
    assert complaints(tmp_path) == expected


def test_a_catalog_not_compiled_is_noticed(tmp_path):
    with_catalogs(tmp_path, {"Yes.": "是。"})
    assert stale(tmp_path) == []
    po = tmp_path / LOCALES / "zh" / "LC_MESSAGES" / "cogrow.po"
    po.write_text(po.read_text(encoding="utf-8").replace("是", "对"), encoding="utf-8")
    assert stale(tmp_path) == ["zh"]


def test_a_sentence_put_together_is_noticed(tmp_path):
    plant(tmp_path, {"src/cogrow/a.py": 'N_("a" "b")\nN_(f"{x}")\nN_(x)\n'})
    assert [c.partition(": ")[0] for c in unmarkable(tmp_path)] == [
        "src/cogrow/a.py:2",
        "src/cogrow/a.py:3",
    ]


def test_words_said_without_a_message_are_noticed(tmp_path):
    plant(
        tmp_path,
        {
            "src/cogrow/a.py": 's.say(f"{x}: done")\ns.say(f"→ {x}")\nclick.echo("Done.")\ns.say(N_("a"))\n'
        },
    )
    assert [c.partition(": ")[0] for c in unmarked(tmp_path)] == [
        "src/cogrow/a.py:1",
        "src/cogrow/a.py:3",
    ]
