"""What can go wrong, said so that a reader can mend it.

A `Message` is a sentence template with its values, translated only at the doors. An `Issue` is one
positioned complaint. Errors raised to the doors carry every issue found, never only the first.
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

Translate = Callable[[str], str]


def N_(msgid: str) -> str:
    """Mark `msgid` for translation and return it unchanged."""
    return msgid


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence in English with `{named}` fields, and the values that fill them.

    A value may itself be a Message; it is translated with the sentence around it.
    """

    msgid: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def render(self, translate: Translate = str) -> str:
        """Return the sentence in the language of `translate` (gettext-like), fields filled in."""
        values = {
            name: value.render(translate) if isinstance(value, Message) else value
            for name, value in self.params.items()
        }
        return translate(self.msgid).format_map(values)

    def __str__(self) -> str:
        return self.render()

    def __hash__(self) -> int:
        return hash((self.msgid, tuple(sorted((k, str(v)) for k, v in self.params.items()))))


def message(msgid: str, **params: Any) -> Message:
    """Return the Message of a template marked with `N_` and its values."""
    return Message(msgid, params)


class Severity(StrEnum):
    """How much an issue matters: an error stops the work, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file (line and column from 1; 0 where there is none) or in a table.

    `path` names the place inside the document: `reward.tiers[2].from`, or `order_lines.paid_minor`.
    """

    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return place or self.path


@dataclass(frozen=True, slots=True)
class Issue:
    """One complaint: a stable code, how grave, where, what is wrong, what would be right.

    `count` and `samples` speak of rows of facts: how many have the fault, and a few of them as
    column → text.
    """

    code: str
    what: Message
    where: Span = field(default_factory=Span)
    severity: Severity = Severity.ERROR
    hint: Message | None = None
    count: int | None = None
    samples: tuple[Mapping[str, str], ...] = ()

    def text(self, translate: Translate = str) -> str:
        """Return the complaint as one line: what, hint, place."""
        place = str(self.where)
        return joined(self.what, self.hint).render(translate) + (f" ({place})" if place else "")

    def as_json(self, translate: Translate = str) -> dict[str, Any]:
        """Return the issue as plain data for `--json`."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "what": self.what.render(translate),
            "hint": self.hint.render(translate) if self.hint else None,
            "file": self.where.file or None,
            "line": self.where.line or None,
            "column": self.where.column or None,
            "path": self.where.path or None,
            "count": self.count,
            "samples": [dict(row) for row in self.samples],
        }


def nearest(found: str, known: Iterable[str]) -> Message | None:
    """Return the hint "Did you mean …?" with the known name closest to `found`, or None."""
    close = difflib.get_close_matches(found, list(known), n=1, cutoff=0.6)
    return message(N_("Did you mean {name}?"), name=close[0]) if close else None


def joined(*sentences: Message | None) -> Message:
    """Return as one the sentences there are, of which there is one at least."""
    first, *more = [one for one in sentences if one is not None]
    for one in more:
        first = message(N_("{what} {hint}"), what=first, hint=one)
    return first


_SYSTEM = {
    errno.EACCES: N_("permission denied"),
    errno.EDQUOT: N_("the disk quota is used up"),
    errno.EEXIST: N_("something else of this name is there"),
    errno.EFBIG: N_("the file would be larger than allowed"),
    errno.EISDIR: N_("it is a folder"),
    errno.ENOENT: N_("it does not exist"),
    errno.ENOSPC: N_("the disk is full"),
    errno.ENOTDIR: N_("it is not a folder"),
    errno.EPERM: N_("permission denied"),
    errno.EROFS: N_("the disk can only be read"),
}


def system_problem(error: OSError) -> Message | str:
    """Return why the operating system refused: in our words where we have them, else in its own."""
    said = _SYSTEM.get(error.errno or 0)
    return Message(said) if said else (error.strerror or str(error))


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Let an error of the operating system name the file, where a library that wrote it did not."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


class CogrowError(Exception):
    """Anything cogrow refuses to do. Each class knows its exit code and its HTTP status.

    ```
    CogrowError
    ├── ProgramError       the author of a program can mend it
    ├── UsageError         whoever typed the command can mend it
    ├── DataError          facts or a mapping break their contract
    ├── NotFound           a program, merchant or period that is not there
    ├── LedgerError        the books refuse it: no money, no approval, a closed period, a used key
    ├── EngineError        the engine cannot do it: too little memory or disk
    │   └── Unsupported    an operation it lacks, and which engine has it
    └── InvariantBroken    our own fault; never caught inside
    ```
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, what: Message, issues: Iterable[Issue] = ()) -> None:
        self.what = what
        self.issues = tuple(issues)
        super().__init__(what, self.issues)

    def __str__(self) -> str:
        return "\n".join([self.what.render(), *(issue.text() for issue in self.issues)])


class ProgramError(CogrowError):
    """A program breaks the language; every issue has a file, a line and a column."""

    exit_code = 2
    http_status = 422


class UsageError(CogrowError):
    """The command is mistyped: a value that cannot be read, or a new file where one is there."""

    exit_code = 2
    http_status = 400


class DataError(CogrowError):
    """Facts break their contract; every issue names a table, a column, a count and sample rows."""

    exit_code = 3
    http_status = 422


class NotFound(CogrowError):
    """What was asked for by name does not exist."""

    exit_code = 4
    http_status = 404


class LedgerError(CogrowError):
    """The books refuse it: no money, no approval, a closed period, a key already used."""

    exit_code = 5
    http_status = 409


class EngineError(CogrowError):
    """The engine or the machine could not do it: memory, disk, permission, an operation it lacks."""

    exit_code = 6
    http_status = 502


class Unsupported(EngineError):
    """An engine lacks an operation; another has it."""

    def __init__(self, operation: Message, *, engine: str, alternative: str) -> None:
        what = N_("The engine {engine} does not support {operation}; use {alternative}.")
        super().__init__(message(what, engine=engine, operation=operation, alternative=alternative))


class InvariantBroken(CogrowError):
    """Something that cannot happen happened: a fault of cogrow, never of its user."""

    exit_code = 70
    http_status = 500
