"""Files of one program id are its versions: which days each holds, and what none may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from cogrow.errors import N_, Issue, Message, Severity, message
from cogrow.period import Every, Period
from cogrow.programs.program import Effective, Program
from cogrow.strict_yaml import Document, Path, dotted

#: How much of a version's hash `restates` must give.
SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Written:
    """A program without errors and the document it was read from."""

    program: Program
    document: Document


def holds(program: Program, period: Period) -> bool:
    """Tell whether a version has a say in the period: it holds on its first day or, where a date of
    each order chooses the version, on any day of it.
    """
    days = program.effective
    if days is None:
        return True
    if days.end is not None and days.end <= max(days.start, period.start):
        return False
    return days.start < period.end if days.by else days.start <= period.start


def first_day(program: Program) -> date:
    """Return the day from which the version holds; the program's first where it does not say."""
    return program.effective.start if program.effective is not None else program.schedule.start


def restated(program: Program, others: Sequence[Program]) -> Program | None:
    """Return the one of the `others` whose days the program takes over; None where it names none."""
    name = program.effective.restates if program.effective is not None else ""
    found = [other for other in others if other.version.startswith(name)]
    return found[0] if len(name) >= SHORTEST and len(found) == 1 else None


def arrange(written: Sequence[Written]) -> tuple[list[Program], list[list[Issue]]]:
    """Return the programs, each knowing until when it holds, and the issues of each, in their order."""
    arranger = _Arranger(written)
    groups: dict[str, list[int]] = {}
    for n, one in enumerate(written):
        groups.setdefault(one.program.id, []).append(n)
    for group in groups.values():
        arranger.arrange(group)
    return arranger.programs, arranger.issues


class _Arranger:
    """Works on programs by their position, so that two equal files stay two."""

    def __init__(self, written: Sequence[Written]) -> None:
        self.programs = [one.program for one in written]
        self.documents = [one.document for one in written]
        self.issues: list[list[Issue]] = [[] for _ in written]

    def arrange(self, group: Sequence[int]) -> None:
        """Say which days each version of one program holds, or what is wrong with it."""
        if len(group) == 1:
            if self._days(group[0]).restates:
                self._complain_unknown(group[0], group, Severity.WARNING)
            return
        sound = sorted(self._distinct(group), key=lambda n: first_day(self.programs[n]))
        for n in sound[1:]:
            self._compare(sound[0], n)
        plain = self._in_a_row([n for n in sound if not self._days(n).restates])
        self._take_over(sound, plain, [n for n in sound if self._days(n).restates])

    def _days(self, n: int) -> Effective:
        return self.programs[n].effective or Effective(self.programs[n].schedule.start)

    def _end(self, n: int, end: date | None) -> None:
        self.programs[n] = replace(self.programs[n], effective=replace(self._days(n), end=end))

    def _complain(
        self,
        n: int,
        code: str,
        path: Path,
        what: Message,
        hint: Message | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        self.issues[n].append(Issue(code, what, self.documents[n].place(path), severity, hint))

    def _distinct(self, group: Sequence[int]) -> list[int]:
        """Return what can be a version, complaining of files that repeat one or say no days."""
        dated = any(self.programs[n].effective is not None for n in group)
        found: dict[str, int] = {}
        for n in group:
            program = self.programs[n]
            same = group[0] if not dated and n != group[0] else found.get(program.version)
            if same is not None:
                what = N_("The program `{name}` is also in {other}.")
                said = message(what, name=program.id, other=self.programs[same].file)
                hint = N_(
                    "Versions of one program say from when each holds: `effective: {{from: …}}`."
                )
                self._complain(n, "PRG035", ("program",), said, message(hint))
            elif dated and program.effective is None:
                what = N_(
                    "Other files hold versions of `{name}`; this one does not say from when it holds."
                )
                hint = N_("From its first day: `effective: {{from: {day}}}`.")
                said = message(what, name=program.id)
                day = message(hint, day=str(program.schedule.start))
                self._complain(n, "PRG070", ("program",), said, day)
            else:
                found[program.version] = n
        return list(found.values())

    def _compare(self, first: int, n: int) -> None:
        """Complain of what versions of one program must have in common."""
        known = _fixed(self.programs[first])
        for path, found in _fixed(self.programs[n]).items():
            if found != known.get(path, found):
                what = N_("`{key}` is {found}, but {known} in {other}; no version may change it.")
                hint = N_(
                    "Earnings before and after would not be of one kind; make it a new program."
                )
                said = message(
                    what,
                    key=dotted(path),
                    found=found or "-",
                    known=known[path] or "-",
                    other=self.programs[first].file,
                )
                self._complain(n, "PRG075", path, said, message(hint))

    def _in_a_row(self, plain: Sequence[int]) -> list[int]:
        """Let each version end where the next begins; return those with days of their own."""
        row: list[int] = []
        for n in plain:
            start = self._days(n).start
            if row and self._days(row[-1]).start == start:
                before = self.programs[row[-1]]
                what = N_("Version {version} in {other} also holds from {day} on.")
                said = message(what, version=before.version, other=before.file, day=str(start))
                hint = message(
                    N_("To take over its days, name it: `restates: {version}`."),
                    version=before.version,
                )
                self._complain(n, "PRG071", ("effective", "from"), said, hint)
                continue
            if row:
                self._end(row[-1], start)
            row.append(n)
        return row

    def _take_over(self, group: Sequence[int], plain: list[int], restating: list[int]) -> None:
        """Give each version that restates another the days of it from its own first day on."""
        named = {n: self._named(n, group) for n in restating}
        placed, waiting = set(plain), list(restating)
        while ready := [n for n in waiting if named[n] in placed]:
            n, before = ready[0], named[ready[0]]
            if before is not None:
                self._cut(n, before)
            waiting.remove(n)
            placed.add(n)
        for n in waiting:
            before = named[n]
            if before is None or not self.issues[before]:
                self._complain_unknown(n, group, Severity.ERROR)

    def _named(self, n: int, group: Sequence[int]) -> int | None:
        others = [other for other in group if other != n]
        found = restated(self.programs[n], [self.programs[other] for other in others])
        return next((o for o in others if self.programs[o] is found), None)

    def _cut(self, n: int, before: int) -> None:
        days, theirs = self._days(n), self._days(before)
        if theirs.start <= days.start and (theirs.end is None or days.start < theirs.end):
            self._end(n, theirs.end)
            self._end(before, days.start)
            return
        what = N_("It restates version {version}, which does not hold on {day}.")
        said = message(what, version=self.programs[before].version, day=str(days.start))
        hint = message(N_("It holds from {start} on."), start=str(theirs.start))
        if theirs.end is not None:
            until = N_("It holds from {start} up to but not including {end}.")
            hint = message(until, start=str(theirs.start), end=str(theirs.end))
        self._complain(n, "PRG074", ("effective", "from"), said, hint)

    def _complain_unknown(self, n: int, group: Sequence[int], severity: Severity) -> None:
        what = N_("`restates` is {found}, which names no version among these files.")
        said = message(what, found=repr(self._days(n).restates))
        others = ", ".join(self.programs[other].version for other in group if other != n)
        hint = message(N_("Give the file of that version too."))
        if others:
            hint = message(N_("Give a version, or its first 8 digits: {known}."), known=others)
        self._complain(n, "PRG073", ("effective", "restates"), said, hint, severity)


def _fixed(program: Program) -> Mapping[Path, str]:
    """Return what all versions of a program have in common, by the path of its key."""
    schedule = program.schedule
    found: dict[Path, str] = {
        ("currency",): program.currency,
        ("period", "from"): str(schedule.start),
        ("period", "every"): schedule.every.value,
        ("period", "festival"): schedule.festival,
        ("period", "timezone"): str(schedule.zone),
        ("effective", "by"): program.effective.by if program.effective is not None else "",
    }
    if schedule.every is Every.ONCE:
        found["period", "until"] = str(schedule.end)
    return found
