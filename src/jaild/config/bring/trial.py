# SPDX-FileCopyrightText: The jaild authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""This module tries out what is to be written, and turns what fails into comments."""

from collections.abc import Iterable

from jaild.config import schema
from jaild.config.bring.jails import FIRST, Jails
from jaild.config.bring.model import NewFile, Outcome, Remark
from jaild.config.bring.stage import Stage
from jaild.config.bring.text import Draft, Fate, Piece
from jaild.config.interpolate import option_of, references
from jaild.config.layers import DEFAULT
from jaild.config.load import examine
from jaild.config.model import Examination
from jaild.config.schema import Scope
from jaild.core.errors import InvalidConfig

MAX_ROUNDS = 50

# A jail without one of these would look at other entries, or count others, than it is meant to.
_ESSENTIAL = frozenset(
    {"filter", "failregex", "ignoreregex", "prefregex", "journalmatch", "enabled"}
)
_BANNING = frozenset({"banaction", "banaction_allports", "action"})


class Trial:
    """The jail files, changed until jaild takes them."""

    def __init__(
        self, stage: Stage, drafts: list[Draft], copies: Iterable[NewFile], jails: Jails
    ) -> None:
        self.remarks: list[Remark] = []
        self._jails = jails
        self._copies = frozenset(file.path for file in copies)
        self._stage = stage
        self._drafts = drafts
        self._left: set[str] = set()
        used = (
            name for draft in drafts for piece in draft.pieces for name in references(piece.text)
        )
        self._doubtful = _BANNING | ({option_of(name) for name in used} - {*schema.of(Scope.JAIL)})

    def run(self) -> Examination:
        """Turn what has mistakes into comments, and return what is left to say."""
        for _ in range(MAX_ROUNDS):
            found = self._examine()
            if not self._mend(found):
                break
        return found

    def notes(self, found: Examination) -> list[Remark]:
        """Return the notes on what is to be written, with their place in fail2ban's files."""
        return [
            Remark(
                Outcome.MAPPED if piece.option in _BANNING else Outcome.NOTED,
                draft.origin,
                piece.line,
                _named(piece),
                note.text,
            )
            for note in found.notes
            for draft, piece in self._at(note.path, note.line)
        ]

    def rest(self, found: Examination) -> list[Remark]:
        """Return the mistakes that cannot be mended here: the administrator's older ones."""
        return [
            Remark(
                Outcome.REFUSED,
                self._stage.real(error.path),
                error.line,
                "",
                self._sentence(error),
            )
            for error in found.mistakes
        ]

    def files(self) -> list[NewFile]:
        """Return the files as they have become."""
        return [
            NewFile(draft.path, draft.content().encode())
            for draft in self._drafts
            if not draft.is_empty()
        ]

    def _examine(self) -> Examination:
        for draft in self._drafts:
            self._stage.put(NewFile(draft.path, draft.content().encode()))
        return examine(self._stage.tree)

    def _mend(self, found: Examination) -> bool:
        """Return whether something was changed."""
        # All places are looked up before the first change moves the lines below it.
        faults = [
            (draft, piece, self._sentence(error))
            for error in found.mistakes
            for draft, piece in self._at(error.path, error.line)
        ]
        changed = False
        for draft, piece, why in faults:
            if piece.option:
                done = self._refuse(draft, piece, why)
            elif found.config:
                done = self._leave_out(piece.section, why)
            else:
                done = self._strike(piece.section, why)
            changed = done or changed
        broken = found.config.broken if found.config and not changed else ()
        for jail in broken:
            if self._is_new(jail.error.path):
                changed = self._leave_out(jail.name, self._sentence(jail.error)) or changed
        return changed

    def _is_new(self, path: str) -> bool:
        """Return whether a mistake is not one that stood there before."""
        ours = {*self._copies, *(draft.path for draft in self._drafts)}
        relative = self._stage.relative(path)
        return not relative or relative in ours

    def _at(self, path: str, line: int) -> Iterable[tuple[Draft, Piece]]:
        relative = self._stage.relative(path)
        for draft in self._drafts:
            piece = draft.piece_at(line) if line and draft.path == relative else None
            if piece:
                yield draft, piece

    def _refuse(self, draft: Draft, piece: Piece, why: str) -> bool:
        if piece.fate is Fate.REFUSED:
            return False
        if piece.section not in (DEFAULT, *self._left) and self._is_essential(piece):
            return self._leave_out(piece.section, why)
        self._comment(draft, piece, why)
        if piece.section == DEFAULT and piece.option in _BANNING:
            for name in self._jails.enabled:
                if not self._jails.bans(name):
                    self._leave_out(name, why)
        return True

    def _is_essential(self, piece: Piece) -> bool:
        """Return whether the jail would be another one without this option."""
        if piece.option in _ESSENTIAL:
            return True
        # The usual action bans: it must not stand in for one that only tells, or lets in.
        return piece.option in self._doubtful and not self._jails.bans(piece.section)

    def _leave_out(self, section: str, why: str) -> bool:
        """Do not let a jail run, wherever it is enabled."""
        self._left.add(section)
        changed = False
        for draft in self._drafts:
            for piece in draft.assignments(section):
                if piece.option == "enabled" and piece.fate is Fate.STAYS and piece.line:
                    self._comment(draft, piece, why)
                    changed = True
        return changed or self._disable(section, why)

    def _disable(self, section: str, why: str) -> bool:
        """Write that a jail does not run; if that does not help either, write nothing of it."""
        draft = next((one for one in self._drafts if one.path == FIRST), None)
        if not draft:
            draft = Draft(FIRST)
            self._drafts.append(draft)
        if not any(piece.option == "enabled" for piece in draft.assignments(section)):
            draft.add(section, "enabled", "false", why=why)
            self.remarks.append(Remark(Outcome.REFUSED, "", 0, f"jail {section}", why))
            return True
        return self._strike(section, why)

    def _strike(self, section: str, why: str) -> bool:
        """Write nothing of a section, not even its header."""
        changed = False
        for draft in self._drafts:
            for piece in draft.pieces:
                if piece.section == section and piece.fate is Fate.STAYS:
                    changed = True
                    self._comment(draft, piece, "" if piece.option else why)
        return changed

    def _comment(self, draft: Draft, piece: Piece, why: str) -> None:
        piece.refuse(why)
        if piece.line and why:
            self.remarks.append(
                Remark(Outcome.REFUSED, draft.origin, piece.line, _named(piece), why)
            )

    def _sentence(self, error: InvalidConfig) -> str:
        hint = f" ({error.hint})" if error.hint else ""
        return self._stage.real(error.message + hint)


def _named(piece: Piece) -> str:
    if not piece.option:
        return f"[{piece.section}]"
    return f"[{piece.section}] {piece.option} = {' '.join(piece.text.split())}"
