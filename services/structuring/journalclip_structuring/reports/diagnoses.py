"""A mention of a finding: something new, a diagnosis for what was seen, or the same finding again?"""

from __future__ import annotations

import re

from journalclip_structuring.reports.assertions import Assertions
from journalclip_structuring.reports.chunks import Chunk, Place, places
from journalclip_structuring.reports.discourse import names_disease
from journalclip_structuring.reports.entity import ALTERNATIVES, APPOSED, ASSOCIATED, GLOBAL, STRICTER, Entity, refines
from journalclip_structuring.reports.lexicon import Mention
from journalclip_structuring.reports.patterns import (
    ADVISES,
    AFTER_SURGERY,
    ALONE,
    ANOTHER,
    AS_A,
    BARRIER,
    BESIDE,
    BLED_INTO,
    COMPONENT,
    CONTAINS,
    DEFINITE,
    ELSE,
    FRESH,
    INTERNAL,
    IS_A,
    JOIN,
    LABEL,
    MEASURED,
    MENTIONED,
    OF_SIGNAL,
    OPERATED,
    OPERATED_ON,
    OR_ELSE,
    OUTSIDE,
    QUALIFIED,
    RECURS,
    SHORT,
    THE,
    THIS_IS,
    TOLD_OF,
    UNDERLYING,
    WITHIN,
)
from journalclip_structuring.reports.state import Attribute, State, following

# A word for a mass of no named kind.
_KIND = re.compile(r"mass|tumou?r|lesion|neoplas|growth|malignan", re.IGNORECASE)
# What an adjective makes of a lesion, by its first letters.
_KINDS = {
    "calci": "calcification", "cysti": "cyst", "hemor": "hemorrhage", "haemo": "hemorrhage", "ische": "infarct",
    "ischa": "infarct", "demye": "demyelinating plaque", "metas": "metastasis", "lacun": "lacunar infarct",
    "neopl": "mass", "gliot": "gliosis", "contu": "contusion",
}  # fmt: skip


def _improves(entity: Entity, term: str) -> bool:
    """Is ``term`` what the finding is, rather than something else that it could be, too?"""
    return entity.term == term or (entity.can_be(term) and not _differs(entity, term))


def _differs(entity: Entity, term: str) -> bool:
    """Is ``term`` a second diagnosis for a finding that already has one?"""
    other = bool(entity.seen) and term != entity.term and (refines(entity.seen, term) or entity.seen == term)
    return other and (entity.term, term) not in STRICTER


def _alternative(entity: Entity, term: str) -> bool:
    """Two doubtful diagnoses of one kind, the second without a place of its own, are given for one thing."""
    kinds = (ALTERNATIVES, frozenset({"infarct", "demyelinating plaque", "white matter lesion", "lacunar infarct"}))
    return entity.certainty != "certain" and entity.term != term and any({entity.term, term} <= kind for kind in kinds)


def _plural(mention: Mention) -> bool:
    word = mention.text.lower()
    return word.endswith("s") and not word.endswith(("sis", "ss", "us"))


def _names_it(mention: Mention) -> bool:
    return bool(mention.get("finding") or mention.get("normal") or mention.get("enhancement") == "none")


class Diagnoses(Assertions):
    """Opens findings and finds those that are spoken of again."""

    def _finding(self, mention: Mention, chunk: Chunk, state: State) -> None:
        term = mention.get("finding") or mention.get("sign") or ""
        sign = mention.get("finding") is None
        denied = state.deny_end is not None and not self._definite(mention, state)
        state.read = True
        kind = QUALIFIED.search(self.text[chunk.start : mention.start]) if term == "lesion" else None
        term = _KINDS[kind.group("kind").lower()[:5]] if kind else term
        denied = denied or mention.get("denied") is not None or self._denied_purpose(mention, chunk, state)
        if (denied and sign) or term == "-":
            state.waiting = []
            return
        if term == "lesion" and any(each.end == mention.start and _names_it(each) for each in chunk.mentions):
            return  # the tail of a compound: 梗死 + 病灶, 未见异常强化 + 灶
        if not denied and term in {"cyst", "lesion"} and self._outside(mention, chunk):
            state.waiting = []
            return
        if OPERATED.search(self.text[state.start : mention.start]):
            state.waiting = []
            return
        if ADVISES.search(self.text[state.start : mention.start]):
            state.waiting = []
            return
        if term == "lesion" and (numbered := self._numbered(mention, chunk)) and state.group and state.opened:
            for each in state.group:
                each.place(numbered.site, numbered.side)
            return  # "oedema around lesion 1"
        if AFTER_SURGERY.match(self.text[mention.end :]) or OPERATED_ON.match(self.text[mention.end :]):
            return  # what was operated on; where it lay is where the rest of the sentence speaks of
        if denied_again := self._recurs(mention, term, state):
            state.waiting, state.last_finding = [], mention
            denied_again.term, denied_again.text = term, mention.text
            denied_again.start, denied_again.end = mention.start, mention.end
            return
        if denied:  # what a place of an earlier chunk is said to be is not said of what is denied
            state.waiting = [each for each in state.waiting if not self._told_of(each, chunk)]
        if denied:  # the place that its name implies is not said ("no pituitary adenoma")
            state.waiting = [each for each in state.waiting if each.start != mention.start]
        beyond = following(mention.end, chunk)
        named = beyond is not None and beyond.get("finding") not in {None, "lesion"}
        gap = self.text[mention.end : beyond.start] if beyond is not None else ""
        if term == "lesion" and beyond is not None and beyond.get("finding") and not gap.strip():
            return  # "an altered signal intensity lesion"
        if term == "lesion" and named and CONTAINS.fullmatch(gap):
            return  # "a focus of haemorrhage"
        if not denied and self._lies_in(mention, term, chunk, state):
            return
        last_finding = state.last_finding
        joined = self._joined(mention, state)
        linked = not denied and (state.linked or self._hedged_after(mention, chunk) or (joined and state.linked))
        linked = linked and not self._mentioned(mention, term) and not self._bled_into(mention, term, chunk)
        if term in ASSOCIATED and INTERNAL.search(self.text[chunk.start : mention.start]) and not state.opened:
            linked = False
        linked = linked or (
            not denied and (self._apposed(mention, term, chunk, state) or self._is_a(mention, chunk, state))
        )
        if state.chosen is not None and not denied and term not in ASSOCIATED:
            linked = True  # "the former is an infarct, the latter a cavernoma"
        part = not denied and COMPONENT.search(self.text[mention.start : mention.end + 20]) is not None
        linked = linked and not part
        place = self._place_of(mention, chunk, state)
        entities: list[Entity] | None = None
        if not denied:
            entities = self._diagnose(mention, term, chunk, state, linked, joined, place)
        if entities is None and not denied and not part:
            entities = self._refer(mention, term, chunk, state, place)
        apart = not denied and GLOBAL & {term, *(each.term for each in state.group)}
        listed = joined and not apart and (denied or (last_finding is not None and last_finding.start >= chunk.start))
        if entities is None:
            new = self._open(mention, term, state, denied, sign)
            entities = [*state.group, new] if listed and state.group and state.group[0].negated == denied else [new]
            if joined and not denied and new.certainty == "certain" and self._either(mention, state):
                for each in entities:
                    each.certainty = "possible"
            new.joined = chunk.lead not in {"", ":", "("} or joined
            new.beside = chunk.lead in BESIDE and not new.around
            targets = [new]
            if part and place == (None, None) and (host := (state.main or self.discourse.last)[-1:]):
                new.place(host[0].site, host[0].side)
        else:
            targets = entities
        for each in targets:
            for attribute in state.waiting:
                self._apply(each, attribute)
        if state.change:
            for each in targets:
                each.change = each.change or state.change
            state.change = None
        state.waiting = []
        state.group = entities
        if not denied:
            state.main = entities
            state.touched.append(entities)
        state.around = None
        state.last_finding = mention

    def _numbered(self, mention: Mention, chunk: Chunk) -> Entity | None:
        """The finding that was numbered before, where the words only say where something lies."""
        number = re.match(r"\s*#?(\d{1,2})\b(?!\s*(?:mm|cm|[x×:]))", self.text[mention.end :])
        near = re.search(
            r"\b(?:around|in|within|near|adjacent to|of|surrounding)\s+$", self.text[chunk.start : mention.start]
        )
        if number is None or near is None:
            return None
        named = [each for each in self.discourse.entities if each.label.strip(" #") == number.group(1)]
        return named[0] if named else None

    def _told_of(self, attribute: Attribute, chunk: Chunk) -> bool:
        """Is it a place of which an earlier chunk says something ("extra-axial spaces are wide, no collection")?"""
        if not isinstance(attribute, Place) or attribute.end > chunk.start:
            return False
        return TOLD_OF.match(self.text[attribute.end : chunk.start]) is not None

    def _recurs(self, mention: Mention, term: str, state: State) -> Entity | None:
        """Is it the tumour whose recurrence is spoken of ("no recurrence of the meningioma")? Then they are one."""
        last = state.last_finding
        if (
            last is None
            or self.language != "en"
            or term in GLOBAL
            or not re.search("recurr|residu|regrow", last.text, re.I)
        ):
            return None
        own = next((each for each in reversed(state.opened) if each.start == last.start), None)
        return own if own is not None and RECURS.fullmatch(self.text[last.end : mention.start]) else None

    def _outside(self, mention: Mention, chunk: Chunk) -> bool:
        """Does it lie in a place outside the brain ("a cyst in the left maxillary sinus")?"""
        others = [each for each in chunk.mentions if each.get("finding") and each is not mention]
        start = max((each.end for each in others if each.end <= mention.start), default=chunk.start)
        end = min((each.start for each in others if each.start >= mention.end), default=chunk.end)
        said = [each for each in places(self.text, chunk.mentions) if start <= each.start < end]
        within = any(each.site not in {None, "-"} for each in said)
        return not within and OUTSIDE.search(self.text[start:end]) is not None

    def _apposed(self, mention: Mention, term: str, chunk: Chunk, state: State) -> bool:
        """Does the diagnosis end the sentence beside what was seen ("extra-axial lesion, 2 cm, typical meningioma")?"""
        said = self.text[chunk.start : mention.start] + self.text[mention.end : state.end]
        group = state.group or (self.discourse.last if chunk.lead == ":" and state.place() == (None, None) else [])
        seen = bool(group) and all((each.generic or each.term == "cyst") and not each.negated for each in group)
        named = (
            term in APPOSED
            or mention.text.lower().endswith("oma")
            or (chunk.lead == ":" and term not in GLOBAL | {"lesion", "mass"})
        )
        return seen and named and chunk.lead in {",", ")", ":", "-", "–"} and bool(ALONE.fullmatch(said))

    def _bled_into(self, mention: Mention, term: str, chunk: Chunk) -> bool:
        """Is the diagnosis what it bled into ("a bleed into a cavernous malformation")?"""
        beyond = following(mention.end, chunk)
        return term == "hemorrhage" and beyond is not None and BLED_INTO.match(self.text[mention.end :]) is not None

    def _lies_in(self, mention: Mention, term: str, chunk: Chunk, state: State) -> bool:
        """Is it where the chunk's finding lies ("foci within the mass")? Then it gives its place, and is no finding."""
        if not state.group or not any(each.start >= chunk.start for each in state.opened):
            return False
        hosts = [each for each in self.discourse.entities if not each.negated and each not in state.opened]
        hosts = [each for each in hosts if each.term == term or refines(term, each.term)]
        if not hosts or not WITHIN.search(self.text[chunk.start : mention.start]) or self.language != "en":
            return False
        for each in state.group:
            each.place(hosts[-1].site, hosts[-1].side)
        return True

    def _mentioned(self, mention: Mention, term: str) -> bool:
        """Does a part of speech only name what was found before ("a lesion masked by the blood")?"""
        before = self.text[max(0, mention.start - 20) : mention.start]
        known = any(each.term == term and not each.negated for each in self.discourse.entities)
        return known and self.language == "en" and MENTIONED.search(before) is not None

    def _is_a(self, mention: Mention, chunk: Chunk, state: State) -> bool:
        """Is what the sentence spoke of said to be this ("the lesion in the pons is a cavernoma")?"""
        if self.language == "en" and THIS_IS.fullmatch(self.text[state.start : mention.start]) and not state.opened:
            return any(each.generic and not each.negated for each in self.discourse.last)
        generic = bool(state.group) and all(each.generic and not each.negated for each in state.group)
        return generic and self.language == "en" and bool(IS_A.search(self.text[chunk.start : mention.start]))

    def _place_of(self, mention: Mention, chunk: Chunk, state: State) -> tuple[str | None, str | None]:
        """Site and side that the chunk gives the finding, before or behind it."""
        before = state.place()
        if before != (None, None):
            return before
        following_finding = following(mention.end, chunk)
        end = following_finding.start if following_finding else chunk.end
        behind = [
            each for each in places(self.text, chunk.mentions) if mention.end <= each.start < end and each.site != "-"
        ]
        return (behind[0].site, behind[0].side) if behind and behind[0].site else (None, None)

    def _either(self, mention: Mention, state: State) -> bool:
        last = state.last_finding
        return last is not None and bool(re.search(r"\bor\b|或", self.text[last.end : mention.start]))

    def _definite(self, mention: Mention, state: State) -> bool:
        gap = re.split(r"\b(?:or|nor|and)\b|,", self.text[state.deny_end : mention.start])[-1]
        return self.language == "en" and bool(DEFINITE.search(" " + gap))

    def _joined(self, mention: Mention, state: State) -> bool:
        last = state.last_finding
        if last is None:
            return False
        gap = self.text[last.end : mention.start]
        return (
            len(gap) < 40
            and bool(re.search(r"\b(?:and|or|nor|vs|versus)\b|[,/、及和与或]", gap))
            and bool(JOIN[self.language].fullmatch(gap))
            and not (self.language == "en" and BARRIER["en"].search(gap.replace(",", "")))
        )

    def _diagnose(
        self,
        mention: Mention,
        term: str,
        chunk: Chunk,
        state: State,
        linked: bool,
        joined: bool,
        place: tuple[str | None, str | None],
    ) -> list[Entity] | None:
        """The findings that this diagnosis is given for; None where it is given for none."""
        last = state.last_finding
        versus = last is not None and bool(re.search(r"\b(?:vs|versus)\b", self.text[last.end : mention.start], re.I))
        pool = [*state.group, *state.main, *reversed(state.opened)]
        targets = [each for each in dict.fromkeys(pool) if not each.negated]
        apposed = self._apposed(mention, term, chunk, state)
        this = not state.opened and self._is_a(mention, chunk, state)
        told = place == (None, None) and bool(self.discourse.last) and all(each.generic for each in self.discourse.last)
        if not targets and linked and (apposed or told or not any(any(each.on) for each in state.binds())):
            targets = self.discourse.spoken_of(self.text[state.start : mention.start], _plural(mention))
            if not any(_improves(each, term) or _differs(each, term) for each in targets):
                vague = [each for each in self.discourse.entities if each.generic and not each.negated]
                targets = vague[-1:] or targets
            elif signs := [
                each for each in self.discourse.entities if each.term == term and each.sign and not each.negated
            ]:
                targets = signs[-1:]
            elif all(each.term in ASSOCIATED - {"cyst"} for each in targets):
                hosts = [each for each in self.discourse.entities if each.generic and not each.negated]
                targets = [each for each in hosts[-1:] if _improves(each, term)] or targets
        if (
            not state.linked and not apposed and not this
        ):  # a hedge behind it alone: "an underlying malformation cannot be excluded" is another thing
            targets = [
                each
                for each in targets
                if each.generic or each.seen or _alternative(each, term) or each.term in {term, "cyst"}
            ]
            if UNDERLYING.search(self.text[chunk.start : mention.start]):
                targets = []
        if UNDERLYING.search(self.text[max(chunk.start, mention.start - 24) : mention.start]):
            targets = [each for each in targets if each.generic]
        if not (linked or (joined and any(each.seen for each in targets))):
            return None
        fitting = [each for each in targets if each.fits(*place)]
        better = [] if versus else [each for each in fitting if _improves(each, term)]
        if better:
            same = [each for each in better if each.term == better[0].term or (each.generic and better[0].generic)]
            twins = [
                o for o in self.discourse.entities if not o.negated and any(o.start == each.start for each in same)
            ]
            same += [each for each in twins if not any(each is other for other in same)]
            for each in same:
                if each.term == term and chunk.lead == "(":
                    continue  # the same by another name: "epidermoid cyst (cholesteatoma)"
                if each.term == term and each.seen and each.text.lower() != mention.text.lower():
                    continue  # another diagnosis that has the same code
                if each.term != term or (each.generic and not _KIND.search(mention.text)):
                    each.seen = each.seen or each.term
                each.term, each.start, each.end, each.text = term, mention.start, mention.end, mention.text
                each.sign, each.certainty = False, state.hedge or "certain"
            return same
        second = [each for each in fitting if _differs(each, term) or _alternative(each, term)]
        if second and place == (None, None):
            copy = second[0].clone(term, mention.start, mention.end, mention.text)
            if not state.hedge and second[0].certainty == "certain" and self._either(mention, state):
                second[0].certainty = "possible"
            copy.certainty = state.hedge or second[0].certainty
            self.discourse.add(copy)
            state.opened.append(copy)
            return [*second, copy]
        signs = [each for each in targets if each.sign and each.term != term and each.term in GLOBAL]
        if signs and term in GLOBAL:
            for each in signs:
                each.term, each.sign, each.certainty = term, False, state.hedge or "certain"
            return signs
        return None

    def _refer(
        self, mention: Mention, term: str, chunk: Chunk, state: State, place: tuple[str | None, str | None]
    ) -> list[Entity] | None:
        """The findings that the words speak of again ("the mass", "该病灶"); None for something new."""
        before = self.text[max(chunk.start, mention.start - 60) : mention.start]
        candidates = state.main or self.discourse.last
        known = [
            each
            for each in candidates
            if not each.negated
            and (each.term == term or refines(term, each.term) or (each.generic and term == "lesion"))
            and each.fits(*place)
        ]
        if not known and THE.search(before):
            every = [each for each in reversed(self.discourse.entities) if each.term == term and each.fits(*place)]
            known = [each for each in every if not each.negated][:1]
        label = LABEL.match(self.text[mention.end :])
        known = [each for each in known if not label or each.label == label.group()]
        disease = bool(state.main) and names_disease(state.main[-1].text)
        told = OF_SIGNAL.search(mention.text) is not None or disease
        beside = chunk.lead in BESIDE and told and place == (None, None)
        if term == "lesion" and known and state.main and beside and self.language == "en":
            return known[-1:]
        if term == "lesion" and known and state.main and AS_A.search(before):
            return known[-1:]
        if known and self._mentioned(mention, term) and known[0].term == term:
            return known[:1]
        if not known or ANOTHER.search(before):
            return None
        if self.language == "zh":
            if re.search(r"(?:该|此|上述)$|同样|亦|仍", before):
                return known[-1:]
            plain = mention.get("anaphor") is not None and not state.waiting and not state.around
            if plain and place == (None, None) and not re.search("多发|个|枚|新", before):
                return known[-1:]
            bare = mention.get("anaphor") is not None and not re.search(
                "见|有|示|发现|多发|个|枚", self.text[chunk.start : mention.start]
            )
            same_sign = state.main and known[-1].sign and known[-1].term == term
            shown = bool(state.binds())
            bare = bare and not (place[1] and known[-1].side and known[-1].side != place[1])
            return known if (bare and not shown) or same_sign else None
        if THE.search(before) or (
            before.strip() == "" and mention.text.lower() == known[-1].text.lower() and state.start == chunk.start
        ):
            many = mention.text.endswith("s") or re.search(r"both|these|all|those", before, re.I)
            return known if many else known[-1:]
        if (
            term == "lesion"
            and state.main
            and re.search(r"\b(?:it|they|which)\s+(?:has|have|shows?|contains?|demonstrates?)\b", before, re.I)
        ):
            return known[-1:]
        if state.main and known[-1].term == term and known[-1].sign:
            return known[-1:]
        if state.main and known[-1].term == term and state.linked:
            return known[-1:]
        return None

    def _open(self, mention: Mention, term: str, state: State, denied: bool, sign: bool) -> Entity:
        new = Entity(
            term,
            mention.start,
            mention.end,
            mention.text,
            negated=denied,
            sign=sign,
            sentence=state.number,
            section=state.section,
            certainty="certain" if denied else state.hedge or "certain",
        )
        label = LABEL.match(self.text[mention.end :])
        new.label = label.group() if label else ""
        new.fresh = FRESH.search(self.text[max(0, mention.start - 40) : mention.start]) is not None
        new.around = state.around == "around" or (state.around == "associated" and not denied)
        told = any(any(each.on.values()) for each in state.binds())
        if not denied and state.linked and told and term != "lesion":
            new.seen = "lesion"
        if not denied:
            self._named_alone(new, mention, state)
        self.discourse.add(new)
        state.opened.append(new)
        if state.chosen is not None:
            state.hosts[id(new)] = state.chosen
        return new

    def _named_alone(self, new: Entity, mention: Mention, state: State) -> None:
        """Does the sentence name this finding, and nothing beside it but its size and place?"""
        term, english = new.term, self.language == "en"
        said = MEASURED.sub("", self.text[state.start : mention.start] + "|" + self.text[mention.end : state.end])
        new.alone = term not in GLOBAL | {"lesion"} and bool(ALONE.fullmatch(said))
        for each in state.places():
            said = said.replace(self.text[each.start : each.end], "")
        sure = term in APPOSED | {"hemorrhage"} or mention.text.lower().endswith("oma")
        short = sure and english and SHORT.fullmatch(said) is not None and not ELSE.search(said)
        new.alone = new.alone or (sure and (short or bool(ALONE.fullmatch(said))))
        if english and not new.alone and OR_ELSE.fullmatch(said):
            new.alone, new.certainty = term not in GLOBAL | {"lesion"}, "possible"
