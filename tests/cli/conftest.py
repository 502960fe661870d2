"""A small marketplace to run commands on, and a language that no test leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.door import cogrow


@pytest.fixture(autouse=True)
def language_of_this_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "en")


@pytest.fixture(scope="session")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the sealed facts of a simulated marketplace; tests only read it."""
    folder = tmp_path_factory.mktemp("market") / "facts"
    said = cogrow("simulate", "--out", folder, "--lines", 20_000)
    assert said.code == 0, said.err
    return folder
