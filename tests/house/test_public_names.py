"""What a package shows is listed, sorted, and there; the glossary's rejected words are not in it."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from tests.house.tree import ROOT, committed, plant, python_files

#: Of the glossary's "do not use" words those with no second, innocent meaning in this code.
REJECTED = {
    "achievement": "attainment",
    "cashback": "match or earning",
    "chargeback": "clawback",
    "customer": "buyer",
    "disbursement": "payout",
    "insurance": "cover",
    "kpi": "metric",
    "milestone": "step",
    "partner": "merchant",
    "promotion": "program",
    "quota": "target",
    "scheme": "program",
    "seller": "merchant",
    "shop": "merchant",
    "slab": "tier",
    "subsidy": "match",
    "uplift": "growth",
    "vendor": "merchant",
}
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def words(name: str) -> set[str]:
    """Return the words of an identifier, small and in the singular."""
    found = {word.lower() for word in WORD.findall(name)}
    return found | {word.removesuffix("s") for word in found}


def named(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every name a module gives: functions, classes, arguments, variables, attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr


def keys(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Yield every key of a YAML document, with its line."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key.start_mark.line + 1, str(key.value)
            yield from keys(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from keys(item)


def rejected_words(root: Path) -> list[str]:
    places = [(n, line, w) for n, tree in python_files(root, "src") for line, w in named(tree)]
    for path in committed(root):
        name = path.relative_to(root)
        if path.suffix in {".yaml", ".yml"} and name.parts[0] in {"src", "examples"}:
            node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
            places += [(name, line, key) for line, key in keys(node)]
    return [
        f"{name}:{line}: {word}: say {' or '.join(REJECTED[w] for w in sorted(bad))}"
        for name, line, word in places
        if (bad := words(word) & REJECTED.keys())
    ]


def unsorted_names(root: Path) -> list[str]:
    found = []
    for name, tree in python_files(root, "src"):
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names = ast.literal_eval(node.value)
                if list(names) != sorted(set(names)):
                    found.append(f"{name}:{node.lineno}: __all__ is not sorted")
    return found


def test_the_words_of_the_glossary_are_used():
    assert rejected_words(ROOT) == []


def test_public_names_are_sorted():
    assert unsorted_names(ROOT) == []


def test_public_names_are_there():
    for init in sorted((ROOT / "src" / "cogrow").rglob("__init__.py")):
        package = ".".join(init.parent.relative_to(ROOT / "src").parts)
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            assert getattr(module, name, None) is not None, f"{package}.{name}"


def test_rejected_words_are_noticed(tmp_path):
    plant(
        tmp_path,
        {
            "src/cogrow/a.py": "def pay(sellers, merchant): ...\nclass KPITable: ...\nworkshop = 1\n",
            "src/cogrow/b.yaml": "program: x\nreward:\n  - {uplift: 1%}\n",
        },
    )
    assert rejected_words(tmp_path) == [
        "src/cogrow/a.py:2: KPITable: say metric",
        "src/cogrow/a.py:1: sellers: say merchant",
        "src/cogrow/b.yaml:3: uplift: say growth",
    ]


def test_unsorted_names_are_noticed(tmp_path):
    plant(tmp_path, {"src/cogrow/__init__.py": "__all__ = ['b', 'a']\n"})
    assert unsorted_names(tmp_path) == ["src/cogrow/__init__.py:1: __all__ is not sorted"]
