"""The programs that ship, as the reference lists them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cogrow.operations.choose import library
from cogrow.programs.parse import parse_file
from cogrow.programs.program import Component, Program
from cogrow.strict_yaml import read

#: The folders of the library, in the order a reader meets them, and what stands there.
FOLDERS = {
    "": "Three to begin with",
    "apparel": "Apparel",
    "beauty": "Beauty",
    "sports": "Sports and outdoor",
    "published/china": "Published: China",
    "published/marketplaces": "Published: marketplaces elsewhere",
    "published/software": "Published: app stores and software",
    "published/suppliers": "Published: suppliers, car makers, co-op advertising",
}


def programs_by_folder() -> dict[str, list[tuple[Path, Program]]]:
    """Return the programs of each folder, by file. Raises ValueError for a folder without words."""
    root = library()["apparel-sprint-rebate"].parent
    found: dict[str, list[tuple[Path, Program]]] = {folder: [] for folder in FOLDERS}
    for path in library().values():
        folder = path.parent.relative_to(root).as_posix().removeprefix(".")
        program = parse_file(path).program
        if folder not in found or program is None:
            raise ValueError(f"no words for the folder of {path}, or it has an error")
        found[folder].append((path, program))
    return found


def source_of(path: Path) -> str:
    """Return where the terms of a program come from, as its file says."""
    document, _ = read(path.read_bytes(), path.name)
    data = document.data if document is not None else {}
    return str(data.get("source") or "") if isinstance(data, dict) else ""


def pays(program: Program) -> str:
    """Return the mechanism of a program in the words of the language."""
    parts = [_component(component) for component in program.components]
    clauses = {
        f"first {program.schedule.first_days} days": program.schedule.first_days,
        f"{program.schedule.festival} festival": program.schedule.festival,
        "attribution": program.attribution,
        "opt-in": program.enrollment == "opt_in",
        program.stacking.rule.replace("_", " ") if program.stacking else "": program.stacking,
        program.fund.exhausted.replace("_", "-") + " fund" if program.fund else "": program.fund,
        "versions by order": program.effective is not None and program.effective.by,
    }
    return "; ".join([" + ".join(parts), *(said for said, there in clauses.items() if there)])


def _component(component: Component) -> str:
    said = f"`{component.form.name}`"
    if component.per is not None:
        said += f" per {component.per.name.replace('_', ' ')}"
    return said + (" to date" if component.accumulate is not None else "")


def rows(found: Iterable[tuple[Path, Program]]) -> list[Sequence[str]]:
    """Return a row of the table for each program."""
    return [
        (f"`{program.id}`", program.title["en"], pays(program), source_of(path))
        for path, program in found
    ]
