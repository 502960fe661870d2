"""What the earnings of runs are made from now, and whether earlier ones were made from less of the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cogrow.engines.batch.inputs import Inputs, Own, Reading, together
from cogrow.engines.batch.order import closed, key_of
from cogrow.engines.batch.terms import columns_hash, terms_hash
from cogrow.engines.scans.spans import Listed
from cogrow.programs.program import Program

if TYPE_CHECKING:
    from cogrow.engines.batch.prepare import Plans


@dataclass(frozen=True, slots=True)
class Origin:
    """What earnings are made from: the hash of their terms, what these read of facts, the hash of both, of
    the files with what is read, and of all they depend on; and the names of these files.
    """

    terms: str
    reading: str
    inputs: str
    files: str


@dataclass(frozen=True)
class Origins:
    """What runs are made from: each alone, and the positions of those that count for it, itself first."""

    inputs: Inputs
    owns: Sequence[Own]
    members: Sequence[Sequence[int]]

    @cached_property
    def made(self) -> list[Origin]:
        """Return, run by run, what its earnings are made from."""
        return [self._of(at) for at in range(len(self.owns))]

    def _of(self, at: int) -> Origin:
        own, members = self.owns[at], [self.owns[n] for n in self.members[at]]
        listed = list(dict.fromkeys(one for member in members for one in member.listed))
        place = {one: n for n, one in enumerate(listed)}
        by_run = [[place[one] for one in member.listed] for member in members]
        files = json.dumps({"files": listed, "runs": by_run}, separators=(",", ":"))
        inputs = together([member.hash for member in members])
        return Origin(own.terms, own.text, inputs, files)

    def before(self, at: int, said: Origin) -> list[list[Listed]] | None:
        """Return the files that earlier earnings of a run were made from, for itself and for each run it
        depends on; None where these were made from other terms, or the files are not what their hash says.
        """
        members = [self.owns[n] for n in self.members[at]]
        try:
            lines = json.loads(said.files)
            listed = [(str(table), str(digest)) for table, digest in lines["files"]]
            files = [[listed[n] for n in places] for places in lines["runs"]]
        except (ValueError, KeyError, IndexError, TypeError):
            return None
        if len(files) != len(members):
            return None
        pairs = zip(members, files, strict=True)
        if together([member.hash_of(own) for member, own in pairs]) != said.inputs:
            return None
        return files


def origins_of(
    plans: Plans,
    others: Sequence[Program],
    inputs: Inputs,
    said: Mapping[int, Origin],
    *,
    alone: bool = False,
) -> Origins:
    """Return what the earnings of each run are made from now: terms, files, what it depends on.

    The runs are `closed`. What each reads is taken from what earlier earnings of the same terms have
    `said`; only where there are none, its plan tells.
    """
    columns = columns_hash(inputs.layout.facts)
    owns: list[Own] = []
    for at, run in enumerate(plans.runs):
        terms = terms_hash(*run, columns)
        before, reading, text = said.get(at), None, ""
        if before is not None and before.terms == terms:
            text = before.reading
            reading = Reading.from_text(text)
        if reading is None:
            reading = Reading.of(plans[at], inputs.layout.facts.tables)
            text = reading.as_text()
        owns.append(Own(terms, reading, text, inputs.files(reading)))
    known = [*others, *(program for program, _ in plans.runs)]
    place = {key_of(run): at for at, run in enumerate(plans.runs)}
    members = [
        [place[key_of(one)] for one in closed([run], known, alone=alone)] for run in plans.runs
    ]
    return Origins(inputs, owns, members)
