"""A report read sentence by sentence, chunk by chunk, from left to right.

What a chunk says before a finding belongs to that finding, what it says after one to that one, unless it stands in the
next finding's own noun phrase. A denial reaches to the end of its list, a hedge to the end of its chunk. A diagnosis
given for something seen ("mass, likely a meningioma") is the same finding, under the diagnosis.
"""

from __future__ import annotations

import re

from journalclip_structuring.reports.chunks import Binding, Chunk, Place, bindings, places, split
from journalclip_structuring.reports.entity import ASSOCIATED, GLOBAL, Entity
from journalclip_structuring.reports.language import Language
from journalclip_structuring.reports.lexicon import Mention, lexicon
from journalclip_structuring.reports.members import Members
from journalclip_structuring.reports.patterns import (
    A_THING,
    AFFIRMS,
    BESIDE,
    CHOSEN,
    COMPARED,
    DIFFERENTIAL,
    ENTRY,
    EVERY,
    EVOLVED,
    EXAM_ZH,
    EXCEPTED,
    HEADS_LIST,
    ITEM,
    KNOWN,
    LOCATED,
    NOT_AN_ITEM,
    NOT_CHANGED,
    OF_BEFORE,
    OF_THE_MASS,
    OTHERS,
    OUTSIDE,
    OWN_SIGNAL,
    QUESTION,
    RESPECTIVELY,
    SEEN,
    SHOWS,
    SOME_OF,
    TWO_SIZES,
)
from journalclip_structuring.reports.state import Attribute, State


class Reader(Members):
    """Reads the sentences of one report in turn; `Discourse` holds what was found so far."""

    def __init__(self, text: str, language: Language) -> None:
        super().__init__(text, language)
        self.lexicon = lexicon(language)
        self.named: list[str] = []
        self.normal: set[str] = set()
        self.exam_normal = False
        self.compared = False
        self.listing: Mention | None = None  # the plural above a list: "Lesions:"

    def sentence(self, start: int, end: int, section: str) -> bool:
        """Read one; False where nothing of it was understood."""
        mentions = [
            Mention(each.start + start, each.end + start, each.text, each.codes)
            for each in self.lexicon.scan(self.text[start:end])
        ]
        if QUESTION.match(self.text[start:end]):
            return True
        if NOT_CHANGED.search(self.text[start:end]):  # "neither the one nor the other has grown" denies neither
            mentions = [each for each in mentions if each.text.lower() not in {"neither", "nor"}]
        state = State(start, end, self.discourse.sentence_begins(), section)
        if self._lists(mentions, start, end):
            return True
        state.entry = self.listing if ENTRY.search(self.text[:start]) else None
        self.listing = state.entry
        self.named += [name for each in mentions if (name := each.get("sequence")) and name != "-"]
        self.compared = self.compared or any(each.get("prior") == "word" or each.get("change") for each in mentions)
        chunks = split(self.text, mentions, start, end)
        for chunk in chunks:
            self._chunk(chunk, state)
        self._settle(state, start, end)
        return state.read

    def _lists(self, mentions: list[Mention], start: int, end: int) -> bool:
        """Does the sentence only head a list of places ("Lesions:")?"""
        named = [each for each in mentions if each.get("finding")]
        alone = len(mentions) == 1 and len(named) == 1 and named[0].text.lower().endswith(("s", "i", "ae"))
        if alone and HEADS_LIST.fullmatch(self.text[start:end]) and ENTRY.search(_line_after(self.text, end)):
            self.listing = named[0]
            return True
        return False

    def _chunk(self, chunk: Chunk, state: State) -> None:
        self._enter(chunk, state)
        if self._normal(chunk, state) or self._technique(chunk, state):
            return
        bound = bindings(self.text, chunk, self.language)
        marks = [each for each in chunk.mentions if not each.get("ignore")]
        state.off = self._pressed(chunk)
        events: list[tuple[int, int, Attribute]] = [(each.at, 0, each) for each in bound]
        events += [(each.start, 1, each) for each in places(self.text, marks)]
        events += [(each.start, 2, each) for each in marks]
        for _, _, event in sorted(events, key=lambda event: (event[0], event[1])):
            if isinstance(event, Binding):
                self._binding(event, chunk, state)
            elif isinstance(event, Place):
                self._place(event, chunk, state)
            else:
                self._mention(event, chunk, state)
        state.sign_denied = False
        state.chosen = None

    def _pressed(self, chunk: Chunk) -> bool:
        """Is the chunk about what a lesion presses upon, and about nothing else?"""
        return any(each.get("mass_effect") == "-" for each in chunk.mentions) and not any(
            each.get("finding") for each in chunk.mentions
        )

    def _enter(self, chunk: Chunk, state: State) -> None:
        """What of the last chunk still holds in this one?"""
        explains = state.hedged_at is not None and not self.text[state.hedged_at : chunk.start].strip()
        if state.main and state.group and all(each.negated for each in state.group):
            state.group = state.main
        hosts = [each for each in state.main if not _beside(each)] or [
            each for each in state.opened if not _beside(each)
        ]
        around = state.group and all(each.beside or (chunk.lead == ":" and each.around) for each in state.group)
        if chunk.lead in {",", ":"} and hosts and around:
            state.group = [each for each in hosts if not each.negated][-1:] or state.group
        if chunk.hard:
            state.deny_end = state.hedge = None
            state.linked = False
            if state.group and all(each.negated for each in state.group):
                state.group = []  # "no infarct, although a subtle signal in the medulla ..."
            if chunk.lead in {"余", "其余", "另", "另见", "另外", "此外", "另可见", "otherwise"}:
                state.group = []
            return
        listed = chunk.lead in {",", "", "/"} and self._continues(chunk)
        if SHOWS.fullmatch(chunk.lead) and state.last_finding is None:
            return  # "neither DWI nor FLAIR shows ...": the subject is denied, and so is what it shows
        unmet = state.last_finding is None or state.last_finding.start < (state.deny_end or 0)
        if state.deny_end is not None and unmet:
            heads = chunk.lead == ":" and self.text[state.deny_end : chunk.start].strip() == ":"
            if heads or chunk.lead in {"(", ")"}:
                return  # "not seen: infarct", "no (enhancing) plaques"
        if (
            state.deny_end is not None
            and not listed
            and chunk.lead not in {"with", "伴", "伴有", "并", "associated with", "(", "that"}
        ):
            state.deny_end = None
        if chunk.lead == ":" and state.hedge and DIFFERENTIAL.search(self.text[state.start : chunk.start]):
            state.linked = True
        elif not listed:
            state.hedge, state.linked = None, chunk.lead in {":", "("} and bool(chunk.mentions)
        told = any(isinstance(each, Binding) and (any(each.on.values()) or each.enhancement) for each in state.waiting)
        beside = chunk.lead in BESIDE or any(
            each.get("around") or "before" in each.all("deny") for each in chunk.mentions
        )
        named = next((each.get("finding") for each in chunk.mentions if each.get("finding")), None)
        beside = beside or named in GLOBAL or OF_BEFORE.match(self.text[state.start : state.end]) is not None
        if told and not state.opened and beside and named and not explains:
            self._leftover(state, chunk.start, chunk.end)
            state.waiting = []
            state.group = state.main

    def _continues(self, chunk: Chunk) -> bool:
        """Is the chunk the next entry of a list ("no mass, haemorrhage or shift")?"""
        findings = [each for each in chunk.mentions if each.get("finding")]
        said = self.text[chunk.start : chunk.end]
        if not findings:
            told = any(each.get(kind) for each in chunk.mentions for kind in NOT_AN_ITEM)
            bare = self.language == "en" and chunk.lead == "," and ITEM.fullmatch(said) is not None and not told
            return bare and not AFFIRMS["en"].match(said) and not re.search(r"\b(?:is|are|was|were|has|shows?)\b", said)
        lead = self.text[chunk.start : findings[0].start]
        first = findings[0].start
        shown = any(each.start < first and (each.get("signal") or each.get("size")) for each in chunk.mentions)
        if shown and self.language == "en" and not re.search(r"\b(?:or|nor)\b", said):
            return False  # "no mass, hyperintense infarct in the pons"
        hedged = any(
            each.end <= first and any(v.endswith("before") for v in each.all("hedge")) for each in chunk.mentions
        )
        if hedged and not re.match(r"\s*(?:or|nor|及|和|与|或)", lead):
            return False  # "without restricted diffusion, probably a cyst"
        if re.match(r"\s*(?:or|nor|and|及|和|与|或)\b", lead) and not re.match(
            r"\s*and\s+(?:a|an|the|there)\b", lead, re.I
        ):
            return True
        if self.language == "zh":
            return not AFFIRMS["zh"].search(self.text[chunk.start : chunk.end]) and not any(
                any(each.get(kind) for kind in ("signal", "size", "hedge", "site", "side")) for each in chunk.mentions
            )
        return not AFFIRMS["en"].match(lead) and not re.search(r"\b(?:is|are|was|were|has|shows?)\b", lead)

    def _normal(self, chunk: Chunk, state: State) -> bool:
        """Does the chunk call something normal? What it is decides which sequences are."""
        words = [each for each in chunk.mentions if each.get("normal") or each.get("normal_exam")]
        if not words:
            return False
        if COMPARED.search(self.text[chunk.start : words[0].start]):
            return False
        if any(
            each.get("signal") or each.get("diffusion") or each.get("sequence_signal") or each.get("size")
            for each in chunk.mentions
        ):
            return False
        if any((each.get("finding") or each.get("sign")) and not each.get("normal") for each in chunk.mentions):
            return False
        state.read = True
        whole = self.text[state.start : state.end]
        rest = OTHERS.search(self.text[state.start : chunk.end]) or EXCEPTED.search(whole)
        waiting = [name for each in state.waiting if isinstance(each, Binding) for name in each.on]
        names = [name for each in chunk.mentions if (name := each.get("sequence"))] or waiting
        organs = any(
            (each.get("site") or each.get("site_bilateral")) and not each.get("normal_exam") for each in chunk.mentions
        )
        organs = organs or any(isinstance(each, Place) and each.site for each in state.waiting)
        told = any(isinstance(each, Binding) and any(each.on.values()) for each in state.waiting)
        state.waiting = [each for each in state.waiting if told and each.start < chunk.start]
        strong = any(each.get("normal") == "normal" or each.get("normal_exam") for each in words)
        if rest or not strong:
            return True
        if any(each.get("normal_exam") for each in words) or (
            self.language == "zh" and not names and EXAM_ZH.match(self.text[chunk.start : words[0].start])
        ):
            self.exam_normal = True
            self.normal.update(names)
        elif not organs:
            self.normal.update(name for name in names if name != "-")
            if (
                not names
                and self.language == "en"
                and re.fullmatch(
                    r"\W*(?:normal|unremarkable|within normal limits|no abnormality)\W*",
                    self.text[chunk.start : chunk.end].strip(),
                    re.I,
                )
                and state.section == "impression"
            ):
                self.exam_normal = True
        return True

    def _technique(self, chunk: Chunk, state: State) -> bool:
        kinds = {kind for each in chunk.mentions for kind, _ in each.codes}
        if "sequence" not in kinds or "technique" not in kinds:
            return False
        if kinds & {"finding", "sign", "signal", "diffusion", "sequence_signal", "enhancement"}:
            return False
        state.read = True
        return True

    def _mention(self, mention: Mention, chunk: Chunk, state: State) -> None:
        if self._member(mention, chunk, state):
            return
        self._choose(mention, state)
        if mention.get("anaphor") and state.group and OF_THE_MASS.fullmatch(mention.text):
            hosts = [each for each in state.opened if not each.negated and not _beside(each)]
            hosts = [each for each in hosts if each.term not in (ASSOCIATED - {"cyst"}) | GLOBAL]
            state.group = hosts[-1:] or state.group
        self._denies_more(mention, chunk, state)
        after = any((each.get("finding") or each.get("sign")) and each.start >= mention.end for each in chunk.mentions)
        self._denial(mention, chunk, state, after)
        self._hedge(mention, chunk, state, after)
        state.around = mention.get("around") or state.around
        if mention.get("around") == "around" and not after:
            for each in state.group:
                each.around = each.around or (each.term == "edema" and not each.placed)  # "Oedema: around it"
        if mention.get("mass_effect") == "-" and re.match(r"effac|compress|herniat|受压", mention.text, re.I):
            state.off = True
        change = mention.get("change")
        if change:
            if state.group and not after:
                for each in state.group:
                    each.change = each.change or change
            else:
                state.change = change
        if any(mention.get(kind) for kind in ("size", "count", "shape", "mass_effect")):
            self._attribute(mention, chunk, state)
        if mention.get("finding") or mention.get("sign"):
            self._finding(mention, chunk, state)

    def _evolved(self, beside: list[Entity], entity: Entity) -> bool:
        """Is it what the finding before has become?"""
        return bool(beside) and EVOLVED.search(self.text[beside[-1].end : entity.start]) is not None

    def _respectively(self, state: State) -> None:
        """ "In the pons and the left thalamus, 6 and 11 mm respectively": two findings."""
        said = self.text[state.start : state.end]
        for each in [each for each in state.opened if not each.negated and not each.members]:
            if each.second is None or each.second[0] == "-" or each.term in GLOBAL:
                continue
            if not (RESPECTIVELY.search(said) or each.count == "2"):
                continue
            copy = each.clone(each.term, each.start, each.end, each.text)
            copy.site, copy.side = each.second
            each.second = copy.second = None
            sizes = TWO_SIZES.search(said)
            told = [size for mention in self.lexicon.scan(said) if (size := mention.get("size"))]
            if sizes:
                unit = "cm" if sizes.group("unit") in {"cm", "厘米"} else "mm"
                each.size, copy.size = (f"{float(sizes.group(n)):g}{unit}" for n in ("a", "b"))
            elif len(told) == 2:
                each.size, copy.size = told
            self.discourse.add(copy)
            state.opened.append(copy)
            state.touched = [[copy, *group] if each in group else group for group in state.touched]

    def _choose(self, mention: Mention, state: State) -> None:
        """ "The former", "the latter": the last finding but one, or the last, of the sentences before."""
        which = CHOSEN.fullmatch(mention.text)
        if which is None:
            return
        known = [
            each
            for each in self.discourse.entities
            if not each.negated and each.term not in GLOBAL and not each.around and each.sentence < state.number
        ]
        if len(known) > 1:
            state.chosen = known[-2] if which.group("first") else known[-1]
            state.group = state.main = [state.chosen]
            state.read = True

    def _settle(self, state: State, start: int, end: int) -> None:
        if state.entry is not None and state.last_finding is None and state.waiting:
            place = next((each for each in state.waiting if isinstance(each, Place)), None)
            if place is not None:
                shown = Mention(place.start, place.end, self.text[place.start : place.end], ())
                new = self._open(shown, state.entry.get("finding") or "lesion", state, False, False)
                for attribute in state.waiting:
                    self._apply(new, attribute)
                state.waiting, state.read, state.main = [], True, [new]
                state.touched.append([new])
        self._leftover(state, start, end)
        self._own_signals(state)
        self._respectively(state)
        self._share_places(state)
        plain = [each for each in state.opened if each.term in GLOBAL and not each.negated]
        if any(not each.sign for each in plain) or len({each.term for each in plain}) > 1:
            kept = [each for each in plain if not each.sign] or [each for each in plain if each.term == "atrophy"]
            self.discourse.drop([each for each in plain if each.sign and each not in kept])
        self.discourse.sentence_ends(state.opened, state.touched, state.section)

    def _leftover(self, state: State, start: int, end: int) -> None:
        """Signals and sizes of a sentence without a finding belong to what was found last, or are a lesion."""
        if not state.waiting:
            return
        bound = [each for each in state.waiting if isinstance(each, Binding)]
        told = [each for each in bound if any(each.on.values()) or each.enhancement not in {None, "none"}]
        sized = [each for each in state.waiting if isinstance(each, Mention) and _tells(each)]
        if state.deny_end is not None and not told:
            return
        located = LOCATED.match(self.text[start:end]) is not None
        if not told and not sized and not located and not (bound and SEEN.search(self.text[start:end])):
            return
        place, said = state.place(), self.text[start:end]
        every = self.discourse.spoken_of("", plural=True) if EVERY.match(self.text[start:end]) else []
        known = [each for each in every or self.discourse.last if not each.negated and each.fits(*place)]
        if not known and SOME_OF.match(self.text[start:end]):  # "two of these enhance (left frontal, right pons)"
            known = [each for each in self.discourse.last if not each.negated]
            state.waiting = [each for each in state.waiting if not isinstance(each, Place)]
        if OUTSIDE.search(self.text[start:end]) and all(each.site in {None, "-"} for each in state.places()):
            state.read = True
            return
        enhancing = any(each.enhancement not in {None, "none"} for each in told)
        enhancing = enhancing and (place[0] not in {None, "-"} or (bool(sized) and A_THING.match(said) is not None))
        enhancing = enhancing and KNOWN.match(self.text[start:end]) is None
        thing = A_THING.match(self.text[start:end]) is not None
        measured = bool(sized) and place[0] not in {None, "-"} and thing
        if not known and sized and measured and not told:
            mention = Mention(sized[0].start, sized[0].end, self.text[sized[0].start : sized[0].end], ())
            known = [self._open(mention, "lesion", state, False, False)]
            known[0].implicit = True
        if not known and (
            enhancing or any(any(each.on) and {*each.on.values()} - {None, "isointense"} for each in told)
        ):
            first = told[0]
            mention = Mention(first.start, first.end, self.text[first.start : first.end], ())
            known = [self._open(mention, "lesion", state, False, False)]
            known[0].implicit = True
        for each in known:
            for attribute in state.waiting:
                self._apply(each, attribute)
        state.main = state.main or known
        if known:
            state.touched.append(known)
        state.read = state.read or bool(known)

    def _own_signals(self, state: State) -> None:
        """What is called hyperintense ("white matter hyperintensities on FLAIR") is so where it is seen."""
        for each in state.opened:
            signal = OWN_SIGNAL.search(each.text)
            if signal and not each.negated:
                own = "hyperintense" if signal.group().lower() == "hyper" else "hypointense"
                each.on = {name: value or (own if name != "T1CE" else None) for name, value in each.on.items()}

    def _share_places(self, state: State) -> None:
        """A finding without a place of its own may share that of the finding it stands beside."""
        lasting = [each for each in self.discourse.last if not each.negated and each.term not in GLOBAL]
        for n, each in enumerate(state.opened):
            if each.site and not each.side and not each.negated:  # the side of what lies at the same place
                same = [o.side for o in state.opened[:n] if o.site == each.site and o.side and not o.negated]
                each.side = same[-1] if same and each.joined else None
            if each.site or each.side or each.term in GLOBAL:
                continue
            beside = [other for other in state.opened[:n] if not other.negated and other.term not in GLOBAL]
            if each.around:
                chosen = state.hosts.get(id(each))
                host = [chosen] if chosen else (beside or lasting)[-1:]
            elif not each.negated and (self._evolved(beside, each) or _stands_beside(each, state.opened, n)):
                host = beside[-1:]
            else:
                host = [
                    other
                    for other in state.opened[n + 1 : n + 2]
                    if other.joined
                    and not other.negated
                    and not each.negated
                    and other.term not in GLOBAL
                    and (other.site or other.side)
                ]
            for other in host:
                each.place(*(other.nearest or (other.site, other.side)))


def _line_after(text: str, at: int) -> str:
    """The next line up to its first letter: a list's mark, or nothing."""
    line = re.compile(r"\s*\n[^\S\n]*(?:\(?\d{1,2}\s*[.)、]|[-•*·])?[ \t]*").match(text, at)
    return "\n" + line.group().strip() if line and line.group().strip() else ""


def _stands_beside(entity: Entity, opened: list[Entity], n: int) -> bool:
    return entity.joined and entity.term in ASSOCIATED and not _surrounded(opened, n)


def _surrounded(opened: list[Entity], n: int) -> bool:
    """Is the first of a sentence's findings followed by what surrounds it ("malacia with surrounding gliosis")?"""
    return n == 0 and any(each.around and not each.negated for each in opened[1:2])


def _beside(entity: Entity) -> bool:
    return entity.beside or entity.around


def _tells(mention: Mention) -> bool:
    """Is it worth a sentence of its own: a size, a shape, a mass effect?"""
    return bool(mention.get("size") or mention.get("shape") or mention.get("mass_effect") not in {None, "-"})
