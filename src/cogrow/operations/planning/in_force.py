"""Which versions of a program are in force before a change and after it, and what refuses the change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from cogrow.engines.batch.order import Run, with_calendar
from cogrow.errors import N_, Issue, NotFound, ProgramError, Severity, Span, message
from cogrow.facts import FactFiles
from cogrow.operations.choose import program_files, say_which
from cogrow.period import Period, parse_period
from cogrow.programs.parse import Parsed, parse_file, together
from cogrow.programs.program import Effective, Program
from cogrow.programs.versions import first_day, holds, restated


@dataclass(frozen=True, slots=True)
class Change:
    """A new version and those in force: `parsed` and `theirs` as they were read.

    `before` are the versions in force, `after` these with the new one among them; it is empty where
    the new one cannot be put among them, and `refusals` say why. `beside` are the programs in force
    that it, or one of them, is stacked with; `lacking` the ids of those that are not there.
    """

    parsed: Parsed
    theirs: tuple[Parsed, ...]
    new: Program
    before: tuple[Program, ...]
    after: tuple[Program, ...]
    beside: tuple[Program, ...]
    lacking: tuple[str, ...]
    refusals: tuple[Issue, ...]

    def on(self, facts: FactFiles) -> Change:
        """Return the change with festivals where the facts have them."""

        def dated(programs: Iterable[Program]) -> tuple[Program, ...]:
            return tuple(with_calendar(program, facts) for program in programs)

        (new,) = dated([self.new])
        sides = dated(self.before), dated(self.after), dated(self.beside)
        return replace(self, new=new, before=sides[0], after=sides[1], beside=sides[2])

    def holds_in(self, period: Period) -> bool:
        """Tell whether the new version would hold in the period."""
        return bool(self.after) and holds(self.new, period)

    def supposes(self, period: Period) -> bool:
        """Tell whether the new version is compared in a period it would not hold in; one that does not
        say from when it holds would hold in all of them.
        """
        return self.new.effective is not None and not self.holds_in(period)

    def world(self, periods: Iterable[Period]) -> tuple[Program, ...]:
        """Return the versions after the change; where the new one does not hold in one of the periods,
        as if it held in all of them, and on every day that follows.
        """
        compared = list(periods)
        if all(map(self.holds_in, compared)):
            return self.after
        begin = min(period.start for period in compared)
        kept = [_until(one, begin) for one in self.before if first_day(one) < begin]
        return (*kept, replace(self.new, effective=Effective(begin)))

    def periods(self, names: Sequence[str], as_of: date) -> list[Period]:
        """Return the periods to compare: those named; else those the new version restates and that are
        over on the day `as_of`; else the only one. Raises UsageError, NotFound.
        """
        known = self.new.schedule.periods()
        named = {period.name: period for period in known}
        if names:
            found = (named.get(name) or self.new.period(parse_period(name)) for name in names)
            return list(dict.fromkeys(found))
        if self.after and restated(self.new, self.before) is not None:
            taken = [one for one in known if holds(self.new, one) and one.end <= as_of]
            if taken:
                return taken
        if len(known) == 1:
            return known
        raise say_which(self.new, known)

    def replaced(self, periods: Sequence[Period]) -> Program:
        """Return the version that the new one is compared with: the one it restates, else the one in
        force. Raises NotFound where there is none in a period, ProgramError for several.
        """
        found = {}
        for period in periods:
            old = runs_in(self.before, [period])
            if not old:
                what = N_("No version of program {name} is in force in {period}.")
                raise NotFound(message(what, name=self.new.id, period=str(period)))
            found[old[-1][0].version] = old[-1][0]
        named = restated(self.new, self.before)
        if named is None and len(found) > 1:
            what = N_(
                "These periods belong to several versions, {known}; compare them one at a time."
            )
            raise ProgramError(message(what, known=", ".join(sorted(found))))
        known = named or next(iter(found.values()))
        if known.currency != self.new.currency:
            what = N_("Amounts in {before} and in {after} cannot be compared.")
            said = message(what, before=known.currency, after=self.new.currency)
            raise ProgramError(said, self.refusals)
        return known

    def undeclared(self, known: Program, as_of: date) -> list[Issue]:
        """Return the issue that the new version changes periods that are over on the day `as_of`, where
        it does not say so.
        """
        new, document = self.new, self.parsed.document
        if new.effective is None or document is None or restated(new, [known]) is not None:
            return []
        over = [p for p in new.schedule.periods() if p.end <= as_of and holds(new, p)]
        if not over:
            return []
        what = N_("It would change periods that are over, {periods}, without saying so.")
        hint = N_(
            "Declare it, `effective: {{from: {day}, restates: {version}}}`, or begin after the last."
        )
        said = message(what, periods=", ".join(map(str, over)))
        more = message(hint, day=str(new.effective.start), version=known.version)
        return [Issue("PRG076", said, document.place(("effective", "from")), hint=more)]


def runs_in(programs: Iterable[Program], periods: Sequence[Period]) -> list[Run]:
    """Return the periods that each of the programs has a say in, by period."""
    every = list(programs)
    return [
        (program, own)
        for period in periods
        for program in every
        if holds(program, period)
        for own in program.schedule.periods()
        if (own.start, own.end) == (period.start, period.end)
    ]


def _until(program: Program, end: date) -> Program:
    days = program.effective or Effective(program.schedule.start)
    return replace(program, effective=replace(days, end=min(days.end or end, end)))


def read_change(old: str, new: str) -> Change:
    """Return the change of the program in the file `new`, whose versions in force are among `old`.

    Raises ProgramError for programs with errors, NotFound where no other version is there.
    """
    files = program_files([new])
    if len(files) != 1:
        raise ProgramError(message(N_("{name} holds several programs; name one."), name=new))
    parsed = parse_file(files[0])
    mine = parsed.program
    if mine is None:
        raise _broken([parsed])
    read = [parse_file(path) for path in program_files([old])]
    theirs = [
        one
        for one in read
        if _id(one) == mine.id and (one.program is None or one.program.version != mine.version)
    ]
    if not theirs:
        nothing = N_("There is no other version of program {name} in {place}.")
        raise NotFound(message(nothing, name=mine.id, place=old))
    before = _arranged(theirs)
    stacked = dict.fromkeys(
        name
        for one in (*before, mine)
        if one.stacking is not None
        for name in one.stacking.programs
        if name != mine.id
    )
    beside = _arranged([one for one in read if _id(one) in stacked])
    lacking = tuple(name for name in stacked if name not in {one.id for one in beside})
    change = Change(parsed, tuple(theirs), mine, before, (), beside, lacking, ())
    if mine.effective is None:
        what = message(N_("It does not say from when it holds, so it would change every period."))
        hint = message(
            N_("Make it a version: `effective: {{from: …}}`, in the program before too.")
        )
        place = Span(parsed.file, 1, 1, "effective")
        draft = Issue("PRG077", what, place, Severity.WARNING, hint)
        return replace(change, refusals=(draft,))
    then = together([*theirs, parsed])
    refusals = tuple(i for one in then for i in one.issues if i.severity is Severity.ERROR)
    arranged = then[-1].program
    if refusals or arranged is None:
        return replace(change, refusals=refusals)
    after = sorted((one.program for one in then if one.program is not None), key=first_day)
    return replace(change, new=arranged, after=tuple(after))


def _arranged(parsed: Iterable[Parsed]) -> tuple[Program, ...]:
    """Return the programs, each version with its days, oldest first. Raises ProgramError."""
    found = together(parsed)
    if any(one.wrong for one in found):
        raise _broken(found)
    return tuple(sorted((one.program for one in found if one.program is not None), key=first_day))


def _broken(parsed: Iterable[Parsed]) -> ProgramError:
    what = message(N_("The program has issues; nothing was computed."))
    return ProgramError(what, [issue for one in parsed for issue in one.issues])


def _id(parsed: Parsed) -> str | None:
    data = parsed.document.data if parsed.document is not None else None
    return str(data.get("program")) if isinstance(data, dict) else None
