"""The curves of the reference: what each reward form pays as its metric grows, drawn as SVG."""

from __future__ import annotations

from pathlib import Path

from cogrow.cli.curves.svg import draw
from cogrow.cli.screen import Screen
from cogrow.cli.speech import Speech
from cogrow.operations.curve import curves_of
from cogrow.programs.parse import parse
from docs.reference.worked import FORMS, text

FOLDER = Path(__file__).parent / "curves"


def drawings() -> dict[str, str]:
    """Return the SVG of every form whose pay can be drawn, by the name of the form."""
    screen = Screen(Speech("en", str), as_json=False)
    found = {}
    for name, worked in FORMS.items():
        ungated = text(worked, name).replace("gates: [1 = 1]\n", "")
        program = parse(ungated.encode(), f"{name}.yaml").program
        if program is None:
            raise ValueError(f"the example of {name} is no program")
        (curves,) = curves_of([program], [])
        if curves:
            found[name] = draw(screen, program, curves)
    return found


def redraw() -> None:
    """Write every drawing where the pages find it, and nothing else beside them."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.iterdir():
        path.unlink()
    for name, picture in drawings().items():
        (FOLDER / f"{name}.svg").write_text(picture, encoding="utf-8")
