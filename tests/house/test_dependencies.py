"""What the package imports is what it declares, and what it declares is locked, by hash, for any index."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.house.tree import ROOT, plant, python_files

#: Declared, though no module imports them by name.
NEEDED_UNSEEN = {
    "tzdata": "zoneinfo reads it where the machine has no zones of its own",
}
NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def names(requirements: list[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", m.group()).lower() for r in requirements if (m := NAME.match(r))}


def declared(root: Path) -> set[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return names(project["dependencies"])


def optional(root: Path) -> set[str]:
    """Return what comes with an extra; a module imports it where it is needed, and says what is missing."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return names([one for extra in project["optional-dependencies"].values() for one in extra])


def imported(root: Path) -> set[str]:
    """Return the distributions the package imports, wherever in a module it does."""
    modules: set[str] = set()
    for _, tree in python_files(root, "src"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.partition(".")[0])
    outside = modules - sys.stdlib_module_names - {"cogrow"}
    owners = packages_distributions()
    return names([owner for module in outside for owner in owners.get(module, [module])])


def unlocked(root: Path) -> list[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = declared(root) | names(project["dependency-groups"]["dev"])
    pins: dict[str, list[str]] = {}
    text = (root / "requirements.lock").read_text(encoding="utf-8")
    for pin in text.replace("\\\n", " ").splitlines():
        pins.setdefault(next(iter(names([pin])), pin), []).append(pin)
    return [
        *(f"{name}: not in the lock" for name in sorted(wanted - pins.keys())),
        *(
            f"{name}: not pinned by version and hash"
            for name, found in pins.items()
            if not all("==" in pin and "--hash=sha256:" in pin for pin in found)
        ),
        *(["the lock names a place on the network"] if "://" in text else []),
    ]


def test_every_import_is_declared():
    assert imported(ROOT) - declared(ROOT) - optional(ROOT) == set()


def test_every_declared_dependency_is_used():
    assert declared(ROOT) - imported(ROOT) - NEEDED_UNSEEN.keys() == set()


def test_the_lock_holds_everything():
    assert unlocked(ROOT) == []


def test_an_undeclared_import_and_a_loose_lock_are_noticed(tmp_path):
    plant(
        tmp_path,
        {
            "src/cogrow/a.py": "import os\ndef f():\n    import hypothesis.strategies, yaml\n",
            "pyproject.toml": '[project]\ndependencies = ["PyYAML>=6"]\n'
            '[dependency-groups]\ndev = ["mypy>=1"]\n',
            "requirements.lock": "pyyaml==6.0.3\n--index https://example.org\n",
        },
    )
    assert imported(tmp_path) - declared(tmp_path) == {"hypothesis"}
    assert unlocked(tmp_path) == [
        "mypy: not in the lock",
        "pyyaml: not pinned by version and hash",
        "--index https://example.org: not pinned by version and hash",
        "the lock names a place on the network",
    ]
