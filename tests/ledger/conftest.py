"""Books on both databases. Nothing here skips: without PostgreSQL these tests fail."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from cogrow.ledger.store.database import Store, open_store
from tests.ledger.books import Books, quick_folder
from tests.ledger.server import Server, postgres

DIALECTS = ("sqlite", "postgresql")
_NUMBER = count()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Yield this process's PostgreSQL with a database `template_books` at the current schema."""
    with postgres() as running:
        open_store(running.fresh("template_books")).close()
        yield running


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file at the current schema, to be copied."""
    path = tmp_path_factory.mktemp("books") / "empty.db"
    open_store(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=DIALECTS)
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Yield the URL of new books, on each database in turn."""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("server")
        yield server.fresh(f"books{next(_NUMBER)}", "template_books")
        return
    with quick_folder() as folder:
        path = folder / "books.db"
        shutil.copy(request.getfixturevalue("empty_file"), path)
        yield f"sqlite:///{path}"


@contextmanager
def copy_of(empty_file: Path) -> Iterator[Books]:
    """Yield new books on SQLite, for a test that needs many of them."""
    with quick_folder() as folder:
        path = folder / "books.db"
        shutil.copy(empty_file, path)
        opened = open_store(f"sqlite:///{path}")
        yield Books(opened)
        opened.close()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Yield new books."""
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def books(store: Store) -> Books:
    """Return new books with people in them."""
    return Books(store)
