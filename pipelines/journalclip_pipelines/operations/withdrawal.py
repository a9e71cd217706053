"""Withdrawing and reinstating: an id resolved, the word stored, the fact announced, and what follows from it.

The word is stored before it is announced, and announced again when it is said again: a command that died in between is
repeated. Everything else (search, datasets, intake) reads the stored words by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from journalclip_pipelines.operations.repair import letters, replay
from journalclip_shared import names
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.bus import Bus, Record
from journalclip_shared.catalogue import Catalogue
from journalclip_shared.catalogue.resolve import Resolver, Thing
from journalclip_shared.errors import PermanentError
from journalclip_shared.events import Event, encode
from journalclip_shared.records.article import ExtractedArticle, ExtractedDelivery, Figure, FigurePart, Panel
from journalclip_shared.records.withdrawal import Picture, Proposal, Withdrawal, WithdrawalReason
from journalclip_shared.withdrawals import CODE, Withdrawals, Withdrawn, fact_of, write_withdrawal


@dataclass(frozen=True)
class Spoken:
    """A word that was said now or held already."""

    word: Withdrawal
    document: ArtifactRef
    new: bool
    again: int = 0  # deliveries that are read again since this was reinstated


@dataclass(frozen=True)
class Proposed:
    """A proposal; ``present`` is the target's id where it is here."""

    proposal: Proposal
    present: str


@dataclass(frozen=True)
class Steward:
    """Says words about the sources of one installation."""

    store: ArtifactStore
    bus: Bus
    engine: Engine

    def withdraw(
        self, asked: str, reason: WithdrawalReason, who: str, note: str = "", erase: bool = False
    ) -> list[Spoken]:
        """One word a thing that ``asked`` names. Raises `PermanentError` ``unknown-id``."""
        taken = Withdrawals(self.store).fresh()
        things = self.things(asked)
        return [self._withdraw(each, things, taken, reason, who, note, erase) for each in things]

    def reinstate(self, asked: str, who: str, note: str) -> list[Spoken]:
        """Raises `PermanentError` ``unknown-id``, ``not-withdrawn``."""
        taken = Withdrawals(self.store).fresh()
        held = [word for each in self._named(asked, taken) if (word := taken.by(each.scope, each.id)) is not None]
        if not held:
            remedy = "`journalclip withdraw --list` shows what is."
            raise PermanentError("not-withdrawn", f"{asked} is not withdrawn", remedy)
        return [self._reinstate(word, who, note) for word in held]

    def proposed(self) -> list[Proposed]:
        """What retraction notices give reason to withdraw, and that no word has been said on."""
        resolver, found = Resolver(self.engine), list[Proposed]()
        spoken = {word.subject for word in Withdrawals(self.store).documents()}
        for name in self.store.list_manifests("quarantine", names.proposal()):
            if (ref := self.store.find_manifest("quarantine", name)) is None:
                continue
            proposal = Proposal.model_validate_json(self.store.get(ref))
            present = [each.id for each in resolver.present(proposal.target)] if proposal.target else []
            if not spoken & {*present, proposal.target}:
                found.append(Proposed(proposal, present[0] if present else ""))
        return found

    def things(self, asked: str) -> list[Thing]:
        """Raises `PermanentError` ``unknown-id``."""
        found = Resolver(self.engine).present(asked)
        if not found:
            remedy = "Give an id, a DOI, a journal's name or a patient's pseudonym; `journalclip where NAME` finds ids."
            raise PermanentError("unknown-id", f"nothing here is called {asked}", remedy)
        return list(found)

    def _named(self, asked: str, taken: Withdrawn) -> list[Thing]:
        """As `things`; a subject that only the words know (its source was erased) is found as well."""
        said = [Thing(scope, subject) for scope, subject in taken.standing if subject == asked]
        return said or self.things(asked)

    def _withdraw(
        self,
        thing: Thing,
        together: Iterable[Thing],
        taken: Withdrawn,
        reason: WithdrawalReason,
        who: str,
        note: str,
        erase: bool,
    ) -> Spoken:
        held = taken.by(thing.scope, thing.id)
        if held is not None and (held.reason, held.erase) == (reason, held.erase or erase):
            document = self.store.put_manifest("quarantine", _name(held), held.canonical())
            return self._announced(held, document, new=False)
        word = Withdrawal(
            scope=thing.scope,
            subject=thing.id,
            sequence=1,
            action="withdraw",
            reason=reason,
            note=note,
            who=who,
            time=_now(),
            erase=erase or (held is not None and held.erase),
            articles=(thing.within,) if thing.scope in ("figure", "pair") else (),
            deliveries=self._deliveries(thing, {each.id for each in together}, taken),
            parts=(thing.part,) if thing.scope == "pair" else (),
            pictures=self._pictures(thing),
        )
        said, document = write_withdrawal(self.store, word)
        return self._announced(said, document, new=True)

    def _reinstate(self, held: Withdrawal, who: str, note: str) -> Spoken:
        word = held.model_copy(
            update={"action": "reinstate", "reason": None, "note": note, "who": who, "time": _now(), "erase": False}
        )
        said, document = write_withdrawal(self.store, word)
        self._announced(said, document, new=True)
        return Spoken(said, document, True, self._read_again(said))

    def _announced(self, word: Withdrawal, document: ArtifactRef, new: bool) -> Spoken:
        self.bus.publish([Event(fact_of(word, document), "withdraw" if word.reason else "reinstate")])
        return Spoken(word, document, new)

    def _deliveries(self, thing: Thing, together: set[str], taken: Withdrawn) -> tuple[str, ...]:
        """Submissions in which nothing is left that may be used."""
        if thing.scope in ("figure", "pair"):
            return ()
        resolver = Resolver(self.engine)
        own = {thing.id} if thing.scope in ("article", "study") else set(resolver.members(thing.scope, thing.id))
        gone = own | together | {subject for scope, subject in taken.standing if scope in ("article", "study")}
        found = {submission for each in own for submission in resolver.submissions(each)}
        return tuple(sorted(each for each in found if gone.issuperset(set(resolver.children(each)) - {each})))

    def _pictures(self, thing: Thing) -> tuple[Picture, ...]:
        if thing.scope not in ("figure", "pair"):
            return ()
        found = dict(Resolver(self.engine).pictures(thing.within, thing.part))
        document = Catalogue(self.engine).newest(thing.within, "extraction")
        if document is not None and thing.within.startswith("art_"):
            found |= _drawn(ExtractedArticle.model_validate_json(self.store.get(document)), thing.part)
        return tuple(Picture(sha256=digest, phash=phash or None) for digest, phash in sorted(found.items()))

    def _read_again(self, word: Withdrawal) -> int:
        """Have read what was refused while the word held: dead letters, and deliveries of which it was left out."""
        keys = {*word.deliveries, word.subject}
        mine = {each.origin for each in letters(self.bus) if each.code == CODE and each.delivery.key in keys}
        done = len(replay(self.bus, codes=(CODE,), store=self.store, origins=mine)) if mine else 0
        if word.scope == "article":
            again = [record for name in self._without(word.subject) if (record := self._submission(name)) is not None]
            self.bus.publish_raw(again)
            done += len(again)
        return done

    def _without(self, article: str) -> list[str]:
        """Deliveries of which an article was left out."""
        found = []
        for name in self.store.list_manifests("figures", "delivered/"):
            if "/without-" in name and (ref := self.store.find_manifest("figures", name)) is not None:
                delivery = ExtractedDelivery.model_validate_json(self.store.get(ref))
                if any(each.startswith(article) for each in delivery.left_over):
                    found.append(delivery.delivery_id)
        return sorted(set(found))

    def _submission(self, delivery: str) -> Record | None:
        from journalclip_intake.articles import submission

        ref = self.store.find_manifest("articles", names.submitted(delivery))
        if ref is None:
            return None
        event = Event(submission(self.store.get(ref)), "reinstate")
        headers, body = encode(event)
        return Record(event.topic, event.key, headers, body)


def _name(word: Withdrawal) -> str:
    return f"{names.withdrawn(word.scope, word.subject)}{word.sequence:08d}"


def _drawn(article: ExtractedArticle, part: str) -> dict[str, str]:
    """The pictures of a figure with its panels and later parts, or of one panel."""
    found: dict[str, str] = {}
    for figure in article.figures:
        whole = figure.figure_id == part
        panels = tuple(panel for panel in figure.panels if whole or panel.panel_id == part)
        parts: tuple[Figure | FigurePart | Panel, ...] = (figure, *figure.continued, *panels) if whole else panels
        for each in parts:
            if each.image is not None:
                found[each.image.sha256] = each.phash or ""
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
