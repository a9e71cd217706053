"""A report read sentence by sentence, chunk by chunk, from left to right.

What a chunk says before a finding belongs to that finding, what it says after one to that one, unless it stands in the
next finding's own noun phrase. A denial reaches to the end of its list, a hedge to the end of its chunk. A diagnosis
given for something seen ("mass, likely a meningioma") is the same finding, under the diagnosis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from journalclip_structuring.reports.chunks import Binding, Chunk, Place, bindings, places, split, vague
from journalclip_structuring.reports.discourse import Discourse
from journalclip_structuring.reports.entity import ASSOCIATED, GLOBAL, STRICTER, Entity, refines
from journalclip_structuring.reports.language import Language
from journalclip_structuring.reports.lexicon import Mention, lexicon

# Between an attribute and a finding these end the finding's noun phrase.
_BARRIER: Final = {
    "en": re.compile(
        r"\b(?:in|on|of|at|with|within|without|to|from|by|for|along|over|near|is|are|was|were|has|have|had|shows?|showing|demonstrat\w+|reveals?|a|an|the|this"
        r"|there|which|that|measuring|measures|seen|noted|involving|no|and (?:a|an|the)|appears?|suggest\w*|consistent|compatible)\b|[,;:()]",
        re.IGNORECASE,
    ),
    "zh": re.compile(r"[,;:()。]|见|示|呈|为|有|提示|考虑|伴|符合"),
}
_JOIN: Final = {
    "en": re.compile(r"[\s,/&+]*(?:and/or|and|or|nor|vs\.?|versus|as well as)?[\s,/]*(?:[a-z-]+\s+){0,2}?\s*", re.IGNORECASE),
    "zh": re.compile(r"[\s,、/]*(?:及|和|与|或|、|并|以及|或者|、?以及|vs)?[\s、/]*[\u4e00-\u9fff]{0,4}?"),
}
_DEFINITE: Final = re.compile(r"\b(?:of|in|around|to|with|within|for|from|near|adjacent to|surrounding|about|by)\s+(?:the|this|that|these|those|known|previously|her|his|its)\b[^,;]*$", re.I)
_THE: Final = re.compile(r"(?:^|\W)(?:the|this|these|that|those|said|both|all|该|此|上述)\s*(?:[a-z]+\s+){0,1}$", re.I)
_ANOTHER: Final = re.compile(r"\b(?:another|second|third|further|additional|other|new|an?|two|three|multiple|several|few)\s+(?:[\w-]+\s+){0,4}$|(?:另|又|再)[\u4e00-\u9fff]{0,6}$", re.I)
_AFFIRMS: Final = {
    "en": re.compile(r"^\W*(?:and\s+|then\s+)?(?:there (?:is|are)|a|an|the|this|multiple|several|few|mild|moderate|severe|minimal|stable|unchanged|known|old|chronic|scattered|some|small|large|status|incidental|again|also|bilateral|left|right|acute|diffuse|generali[sz]ed|subtle|tiny)\b", re.I),
    "zh": re.compile(r"见|示|呈|为|有|提示|考虑|增|伴|另|余|符合"),
}
_SEEN: Final = re.compile(r"seen|visible|confirm|depict|apparent|appreciat|noted|detect|present|demonstrat|show|visuali[sz]ed|identified|可见|显示|示|见", re.I)
_EXAM_ZH: Final = re.compile(r"^\W*(?:颅脑|头颅|头部|脑部|脑|颅内|全脑|双侧大脑半球|大脑|头)?(?:脑实质内?)?(?:MRI?|磁共振|核磁共振|核磁)?(?:平扫|检查|成像|扫描|及|\+|增强|加|均|所见|实质|内)*\W*$", re.I)


_BESIDE: Final = frozenset({"with", "associated with", "and associated", "accompanied by", "伴", "伴有", "并", "并见", "合并", "同时伴", "并可见"})
_SHOWS: Final = re.compile(r"show(?:s|ing)|demonstrat(?:es|ing)|reveal(?:s|ing)")
_QUESTION: Final = re.compile(r"(?:is|are|was|were|does|do|did|can|could|any|has|have|rule out|r/o|question)\b.*\?$", re.IGNORECASE | re.DOTALL)
_BOTH_OF_THEM: Final = re.compile(
    r"both\s+(?:are|were|show|demonstrate|lesions|of|foci|have|appear|T1|T2|on|FLAIR|DWI|enhance)", re.IGNORECASE
)
_UNDERLYING: Final = re.compile(r"underlying|coexist|superimposed|additional|concomitant|associated|合并|伴", re.IGNORECASE)
_AFTER_SURGERY: Final = re.compile(r"^(?:部分|完全|全)?(?:切除|手术|介入|栓塞)?(?:术后|切除后)")


@dataclass
class State:
    """What holds within one sentence."""

    start: int
    number: int
    section: str
    group: list[Entity] = field(default_factory=list)  # what attributes now go to
    main: list[Entity] = field(default_factory=list)  # the sentence's last affirmed findings
    opened: list[Entity] = field(default_factory=list)
    waiting: list[Mention | Binding | Place] = field(default_factory=list)  # said before their finding
    deny_end: int | None = None
    sign_denied: bool = False
    hedge: str | None = None
    linked: bool = False
    around: str | None = None
    off: bool = False  # places named now are those of something pressed upon
    touched: list[list[Entity]] = field(default_factory=list)  # affirmed findings, in the order they were spoken of
    change: str | None = None
    read: bool = False
    lead: Binding | None = None  # sequences named without a signal: a signal that follows is theirs
    last_finding: Mention | None = None


class Reader:
    """Reads the sentences of one report in turn; `Discourse` holds what was found so far."""

    def __init__(self, text: str, language: Language) -> None:
        self.text, self.language = text, language
        self.lexicon = lexicon(language)
        self.discourse = Discourse()
        self.named: list[str] = []
        self.normal: set[str] = set()
        self.exam_normal = False
        self.compared = False

    def sentence(self, start: int, end: int, section: str) -> bool:
        """Read one; False where nothing of it was understood."""
        mentions = [
            Mention(each.start + start, each.end + start, each.text, each.codes)
            for each in self.lexicon.scan(self.text[start:end])
        ]
        if _QUESTION.match(self.text[start:end]):
            return True
        state = State(start, self.discourse.sentence_begins(), section)
        self.named += [name for each in mentions if (name := each.get("sequence")) and name != "-"]
        self.compared = self.compared or any(each.get("prior") == "word" or each.get("change") for each in mentions)
        chunks = split(self.text, mentions, start, end)
        for chunk in chunks:
            self._chunk(chunk, state)
        self._settle(state, start, end)
        return state.read

    # One chunk

    def _chunk(self, chunk: Chunk, state: State) -> None:
        self._enter(chunk, state)
        if self._normal(chunk, state) or self._technique(chunk, state):
            return
        bound = bindings(self.text, chunk, self.language)
        marks = [each for each in chunk.mentions if not each.get("ignore")]
        state.off = self._pressed(chunk)
        events: list[tuple[int, int, Mention | Binding | Place]] = [(each.at, 0, each) for each in bound]
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

    def _pressed(self, chunk: Chunk) -> bool:
        """Is the chunk about what a lesion presses upon, and about nothing else?"""
        return any(each.get("mass_effect") == "-" for each in chunk.mentions) and not any(
            each.get("finding") for each in chunk.mentions
        )

    def _enter(self, chunk: Chunk, state: State) -> None:
        """What of the last chunk still holds in this one?"""
        if state.main and state.group and all(each.negated for each in state.group):
            state.group = state.main
        if chunk.hard:
            state.deny_end = state.hedge = None
            state.linked = False
            if chunk.lead in {"余", "其余", "另", "另见", "另外", "此外", "另可见", "otherwise"}:
                state.group = []
            return
        listed = chunk.lead in {",", ""} and self._continues(chunk)
        if _SHOWS.fullmatch(chunk.lead) and state.last_finding is None:
            return  # "neither DWI nor FLAIR shows ...": the subject is denied, and so is what it shows
        if state.deny_end is not None and not listed and chunk.lead not in {"with", "伴", "伴有", "并", "associated with", "(", "that"}:
            state.deny_end = None
        if not listed:
            state.hedge, state.linked = None, chunk.lead in {":", "("} and not chunk.mentions[:1] == []
        told = any(isinstance(each, Binding) and (any(each.on.values()) or each.enhancement) for each in state.waiting)
        beside = chunk.lead in _BESIDE or any(each.get("around") or "before" in each.all("deny") for each in chunk.mentions)
        if told and not state.opened and beside and any(each.get("finding") for each in chunk.mentions):
            self._leftover(state, chunk.start, chunk.end)
            state.waiting = []
            state.group = state.main

    def _continues(self, chunk: Chunk) -> bool:
        """Is the chunk the next entry of a list ("no mass, haemorrhage or shift")?"""
        findings = [each for each in chunk.mentions if each.get("finding")]
        if not findings:
            return False
        lead = self.text[chunk.start : findings[0].start]
        if re.match(r"\s*(?:or|nor|and|及|和|与|或)\b", lead) and not re.match(r"\s*and\s+(?:a|an|the|there)\b", lead, re.I):
            return True
        if self.language == "zh":
            return not _AFFIRMS["zh"].search(self.text[chunk.start : chunk.end]) and not any(
                each.get("signal") or each.get("size") or each.get("hedge") for each in chunk.mentions
            )
        return not _AFFIRMS["en"].match(lead) and not re.search(r"\b(?:is|are|was|were|has|shows?)\b", lead)

    def _normal(self, chunk: Chunk, state: State) -> bool:
        """Does the chunk call something normal? What it is decides which sequences are."""
        words = [each for each in chunk.mentions if each.get("normal") or each.get("normal_exam")]
        if not words:
            return False
        if any(each.get("signal") or each.get("diffusion") or each.get("sequence_signal") or each.get("size") for each in chunk.mentions):
            return False
        if any((each.get("finding") or each.get("sign")) and not each.get("normal") for each in chunk.mentions):
            return False
        state.read = True
        whole = self.text[state.start : chunk.end]
        rest = re.search(r"otherwise|elsewhere|remaind|remaining|the rest|rest of|apart from|except|aside from|other than|余|其余|其它|其他|除|以外|之外", whole, re.I)
        waiting = [name for each in state.waiting if isinstance(each, Binding) for name in each.on]
        names = [name for each in chunk.mentions if (name := each.get("sequence"))] or waiting
        organs = any((each.get("site") or each.get("site_bilateral")) and not each.get("normal_exam") for each in chunk.mentions)
        organs = organs or any(isinstance(each, Place) and each.site for each in state.waiting)
        state.waiting = []
        strong = any(each.get("normal") == "normal" or each.get("normal_exam") for each in words)
        if rest or not strong:
            return True
        if any(each.get("normal_exam") for each in words) or (
            self.language == "zh" and not names and _EXAM_ZH.match(self.text[chunk.start : words[0].start])
        ):
            self.exam_normal = True
            self.normal.update(names)
        elif not organs:
            self.normal.update(name for name in names if name != "-")
            if not names and self.language == "en" and re.fullmatch(r"\W*(?:normal|unremarkable|within normal limits|no abnormality)\W*", self.text[chunk.start : chunk.end].strip(), re.I) and state.section == "impression":
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

    # Mentions

    def _mention(self, mention: Mention, chunk: Chunk, state: State) -> None:
        after = any((each.get("finding") or each.get("sign")) and each.start >= mention.end for each in chunk.mentions)
        self._denial(mention, chunk, state, after)
        self._hedge(mention, chunk, state, after)
        state.around = mention.get("around") or state.around
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

    def _denial(self, mention: Mention, chunk: Chunk, state: State, finding_after: bool) -> None:
        levels = mention.all("deny")
        if not levels or "not" in levels:
            return
        signs_after = any(
            each.start >= mention.end
            and (each.get("signal") or each.get("diffusion") or each.get("enhancement") or each.get("sequence_signal"))
            for each in chunk.mentions
        )
        if "before" in levels and (finding_after or signs_after or "after" not in levels):
            state.deny_end = mention.end
            state.read = True
        elif "sign" in levels:
            state.sign_denied = True
        elif "gone" in levels or "after" in levels:
            if "gone" in levels and finding_after and not state.last_finding:
                state.deny_end = mention.end
                return
            self._deny_back(mention, chunk, state)

    def _deny_back(self, mention: Mention, chunk: Chunk, state: State) -> None:
        """ "X is not seen": X is denied; where it was seen before, only what follows ("on T1") is."""
        named = [each for each in chunk.mentions if each.get("sequence")]
        after = [each for each in named if each.start >= mention.end]
        shown = any(each.get("signal") for each in chunk.mentions)
        sequences = [each.get("sequence") or "" for each in after or ([] if shown else named)]
        own = [each for each in state.opened if each.start >= chunk.start]
        targets = own or state.group or self.discourse.last
        known = not own and any(each.on or each.sentence < state.number or each.placed for each in targets)
        state.read = state.read or bool(targets)
        if known and sequences:
            for each in targets:
                each.not_on.update(sequences)
            return
        if known and "gone" not in mention.all("deny"):
            return
        for each in targets:
            each.negated, each.certainty = True, "certain"
            if "gone" in mention.all("deny"):
                each.change = "resolved"

    def _hedge(self, mention: Mention, chunk: Chunk, state: State, finding_after: bool) -> None:
        levels = mention.all("hedge")
        if not levels:
            return
        before = next((each for each in levels if each.endswith("before")), None)
        after = next((each for each in levels if each.endswith("after")), None)
        upcoming = finding_after or not after
        if before and upcoming:
            level = before.split()[0]
            if re.match(r"vs\.?$|versus", mention.text, re.I) and state.last_finding is not None:
                for each in state.group:
                    each.certainty = "possible"
            state.hedge = level if level != "certain" or state.hedge is None else state.hedge
            state.linked = not re.search(r"due to|secondary to|caused by|from", mention.text, re.I)
        elif after:
            own = [each for each in state.group if each.start >= chunk.start and not each.negated]
            own = own or [each for each in state.opened if each.start >= chunk.start and not each.negated]
            if not own and self._stands_alone(mention, chunk) and not self._goes_on(mention, chunk):
                own = state.group or self.discourse.last
            if re.match(r"\W*(?:the )?(?:latter|former)|\W*[前后]者", self.text[chunk.start : mention.start], re.I) and own:
                own = own[-1:] if re.search("latter|后者", self.text[chunk.start : mention.start], re.I) else own[:1]
            for each in own:
                if not each.negated:
                    each.certainty = after.split()[0]
            state.read = state.read or bool(own)

    def _stands_alone(self, mention: Mention, chunk: Chunk) -> bool:
        """Does a hedge without a finding in its chunk speak of the finding before ("..., possible")?"""
        said = self.text[chunk.start : mention.start]
        if self.language == "zh":
            return len(re.sub(r"\W|该|其|此|亦|也|均|病灶|前者|后者|两者|以", "", said)) == 0
        words = re.sub(r"\b(?:this|it|which|these|they|the|lesion|latter|former|and|finding|that|is|are|diagnosis)\b|\W", " ", said, flags=re.I)
        return not words.split()

    def _goes_on(self, mention: Mention, chunk: Chunk) -> bool:
        """Is something else hedged ("probably of vascular origin")?"""
        rest = self.text[mention.end : chunk.end]
        return len(re.sub(r"\W", "", rest)) > 3 if self.language == "zh" else len(re.sub(r"\W", " ", rest).split()) > 2

    def _place(self, place: Place, chunk: Chunk, state: State) -> None:
        if state.off:
            return
        if place.side == "midline" and re.search(r"cross\w*\s+(?:the\s+)?$", self.text[chunk.start : place.start], re.I):
            return
        if place.side == "bilateral" and place.site is None and _BOTH_OF_THEM.match(self.text[place.start :]):
            return
        self._give(place, place.start, place.end, chunk, state)

    def _attribute(self, mention: Mention, chunk: Chunk, state: State) -> None:
        if mention.get("size") and self._prior(mention, chunk):
            return
        self._give(mention, mention.start, mention.end, chunk, state)

    def _prior(self, size: Mention, chunk: Chunk) -> bool:
        """Is it the size at an earlier examination?"""
        for each in chunk.mentions:
            gap = self.text[each.end : size.start] if each.end <= size.start else self.text[size.end : each.start]
            if "before" in each.all("prior") and each.end <= size.start and len(gap.split()) <= 3 and len(gap) < 25 and " to " not in gap:
                return True
            if "after" in each.all("prior") and each.start >= size.end and len(gap.strip()) < 4:
                return True
        return False

    def _binding(self, binding: Binding, chunk: Chunk, state: State) -> None:
        near = state.deny_end is not None and not any(
            each.get("finding") and state.deny_end <= each.start < binding.at for each in chunk.mentions
        )
        finding_follows = self._next(binding.end, chunk)
        if state.sign_denied or (near and not (finding_follows and self._same_phrase(binding.end, finding_follows.start))):
            if not binding.bare:
                state.read = True
                if binding.enhancement and state.group and not state.sign_denied:
                    for each in state.group:
                        each.enhancement = each.enhancement or "none"
                state.sign_denied = False
                return
        if "" in binding.on and len(binding.on) == 1:
            signal = binding.on[""]
            led = self._led(state)
            if led is not None:
                binding.on = dict.fromkeys(led.on, signal)
                led.on = {} if led in state.waiting else led.on
                state.lead = None
            elif vague(self.text[binding.start : binding.end]):
                return
        if binding.bare:
            state.lead = binding
        self._give(binding, binding.start, binding.end, chunk, state)

    def _led(self, state: State) -> Binding | None:
        """The sequences that an earlier chunk named and gave no signal ("FLAIR: bright")."""
        bare = [each for each in state.waiting if isinstance(each, Binding) and each.bare and each.on]
        return bare[-1] if bare else state.lead

    def _give(self, attribute: Mention | Binding | Place, start: int, end: int, chunk: Chunk, state: State) -> None:
        """To the finding that it belongs to: the next one, or those read last."""
        following = self._next(start, chunk)
        own = any(each.start >= chunk.start for each in state.opened) or (
            state.last_finding is not None and state.last_finding.start >= chunk.start
        )
        forward = following is not None and (not own or self._same_phrase(end, following.start))
        if forward or not state.group:
            state.waiting.append(attribute)
        else:
            state.read = True
            for each in state.group:
                self._apply(each, attribute)

    def _next(self, at: int, chunk: Chunk) -> Mention | None:
        return next((each for each in chunk.mentions if each.start >= at and (each.get("finding") or each.get("sign"))), None)

    def _same_phrase(self, start: int, end: int) -> bool:
        return not _BARRIER[self.language].search(self.text[start:end])

    def _apply(self, entity: Entity, attribute: Mention | Binding | Place) -> None:
        if isinstance(attribute, Binding):
            for sequence, signal in attribute.on.items():
                if sequence:
                    entity.show(sequence, signal)
            entity.enhancement = entity.enhancement or (attribute.enhancement if attribute.enhancement != "some" else None)
            return
        if isinstance(attribute, Place):
            entity.place(attribute.site, attribute.side)
            return
        for kind in ("size", "count", "shape"):
            value = attribute.get(kind)
            if value and getattr(entity, kind) is None:
                setattr(entity, kind, value)
        effect = attribute.get("mass_effect")
        if effect and effect != "-":
            entity.mass_effect = entity.mass_effect or effect

    # Findings

    def _finding(self, mention: Mention, chunk: Chunk, state: State) -> None:
        term = mention.get("finding") or mention.get("sign") or ""
        sign = mention.get("finding") is None
        denied = state.deny_end is not None and not self._definite(mention, state)
        state.read = True
        denied = denied or mention.get("denied") is not None
        if (denied and sign) or term == "-":
            state.waiting = []
            return
        if term == "lesion" and any(each.end == mention.start and _names_it(each) for each in chunk.mentions):
            return  # the tail of a compound: 梗死 + 病灶, 未见异常强化 + 灶
        if _AFTER_SURGERY.match(self.text[mention.end :]):
            return  # what was operated on; where it lay is where the rest of the sentence speaks of
        joined = self._joined(mention, state)
        linked = not denied and (state.linked or self._hedged_after(mention, chunk) or (joined and state.linked))
        place = self._waiting_place(state)
        entities: list[Entity] | None = None
        if not denied:
            entities = self._diagnose(mention, term, chunk, state, linked, joined, place)
        if entities is None and not denied:
            entities = self._refer(mention, term, chunk, state, place)
        if entities is None:
            new = self._open(mention, term, state, denied, sign)
            entities = [*state.group, new] if joined and state.group and state.group[0].negated == denied else [new]
            new.joined = chunk.lead not in {"", ":", "("} or joined
            targets = [new]
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

    def _definite(self, mention: Mention, state: State) -> bool:
        gap = re.split(r"\b(?:or|nor|and)\b|,", self.text[state.deny_end : mention.start])[-1]
        return self.language == "en" and bool(_DEFINITE.search(" " + gap))

    def _joined(self, mention: Mention, state: State) -> bool:
        last = state.last_finding
        if last is None:
            return False
        gap = self.text[last.end : mention.start]
        return len(gap) < 40 and bool(re.search(r"\b(?:and|or|nor|vs|versus)\b|[,/、及和与或]", gap)) and bool(
            _JOIN[self.language].fullmatch(gap)
        ) and not (self.language == "en" and _BARRIER["en"].search(gap.replace(",", "")))

    def _hedged_after(self, mention: Mention, chunk: Chunk) -> bool:
        return any(
            each.start >= mention.end and any(value.endswith("after") for value in each.all("hedge"))
            for each in chunk.mentions
        )

    def _waiting_place(self, state: State) -> tuple[str | None, str | None]:
        found = [each for each in state.waiting if isinstance(each, Place)]
        coded = [each for each in found if each.site not in {None, "-"}] or found
        return (coded[0].site, coded[0].side) if coded else (None, None)

    def _diagnose(
        self, mention: Mention, term: str, chunk: Chunk, state: State, linked: bool, joined: bool,
        place: tuple[str | None, str | None],
    ) -> list[Entity] | None:  # fmt: skip
        """The findings that this diagnosis is given for; None where it is given for none."""
        last = state.last_finding
        versus = last is not None and bool(re.search(r"\b(?:vs|versus)\b", self.text[last.end : mention.start], re.I))
        pool = [*state.group, *state.main, *reversed(state.opened)]
        targets = [each for each in dict.fromkeys(pool) if not each.negated]
        if not targets and linked and not any(isinstance(each, Binding) and any(each.on) for each in state.waiting):
            targets = self.discourse.spoken_of(self.text[state.start : mention.start])
        if not state.linked:  # a hedge behind it alone: "an underlying malformation cannot be excluded" is another thing
            targets = [each for each in targets if each.generic or each.seen or each.term in {term, "cyst"}]
            if _UNDERLYING.search(self.text[chunk.start : mention.start]):
                targets = []
        if not (linked or (joined and any(each.seen for each in targets))):
            return None
        fitting = [each for each in targets if each.fits(*place)]
        better = [] if versus else [each for each in fitting if _improves(each, term)]
        if better:
            same = [each for each in better if each.term == better[0].term]
            for each in same:
                if each.term != term:
                    each.seen = each.term
                each.term, each.start, each.end, each.text = term, mention.start, mention.end, mention.text
                each.sign, each.certainty = False, state.hedge or "certain"
            return same
        second = [each for each in fitting if _differs(each, term)]
        if second and place == (None, None):
            copy = second[0].clone(term, mention.start, mention.end, mention.text)
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
            each for each in candidates
            if not each.negated and (each.term == term or refines(term, each.term) or (each.generic and term == "lesion"))
            and each.fits(*place)
        ]  # fmt: skip
        if not known or _ANOTHER.search(before):
            return None
        if self.language == "zh":
            bare = mention.get("anaphor") is not None and not re.search("见|有|示|发现|多发|个|枚", self.text[chunk.start : mention.start])
            same_sign = state.main and known[-1].sign and known[-1].term == term
            shown = any(isinstance(each, Binding) for each in state.waiting)
            bare = bare and not (place[1] and known[-1].side and known[-1].side != place[1])
            return known if (bare and not shown) or same_sign else None
        if _THE.search(before) or (before.strip() == "" and mention.text.lower() == known[-1].text.lower() and state.start == chunk.start):
            many = mention.text.endswith("s") or re.search(r"both|these|all|those", before, re.I)
            return known if many else known[-1:]
        if term == "lesion" and state.main and re.search(r"\b(?:it|they|which)\s+(?:has|have|shows?|contains?|demonstrates?)\b", before, re.I):
            return known[-1:]
        if state.main and known[-1].term == term and known[-1].sign:
            return known[-1:]
        if state.main and known[-1].term == term and state.linked:
            return known[-1:]
        return None

    def _open(self, mention: Mention, term: str, state: State, denied: bool, sign: bool) -> Entity:
        new = Entity(
            term, mention.start, mention.end, mention.text, negated=denied, sign=sign, sentence=state.number,
            certainty="certain" if denied else state.hedge or "certain",
        )  # fmt: skip
        new.around = state.around == "around" or (state.around == "associated" and not denied)
        told = any(isinstance(each, Binding) and any(each.on.values()) for each in state.waiting)
        if not denied and state.linked and told and term != "lesion":
            new.seen = "lesion"
        self.discourse.add(new)
        state.opened.append(new)
        return new

    # The end of a sentence

    def _settle(self, state: State, start: int, end: int) -> None:
        self._leftover(state, start, end)
        self._share_places(state)
        plain = [each for each in state.opened if each.term in GLOBAL and not each.negated]
        if any(not each.sign for each in plain) or len({each.term for each in plain}) > 1:
            kept = [each for each in plain if not each.sign] or [each for each in plain if each.term == "atrophy"]
            self.discourse.drop([each for each in plain if each.sign and each not in kept])
        self.discourse.sentence_ends(state.opened, state.touched, state.section)

    def _leftover(self, state: State, start: int, end: int) -> None:
        """Signals and sizes of a sentence without a finding belong to what was found last, or are a lesion."""
        if not state.waiting or state.deny_end is not None:
            return
        bound = [each for each in state.waiting if isinstance(each, Binding)]
        told = [each for each in bound if any(each.on.values()) or each.enhancement not in {None, "none"}]
        sized = [each for each in state.waiting if isinstance(each, Mention) and each.get("size")]
        if not told and not sized and not (bound and _SEEN.search(self.text[start:end])):
            return
        place = self._waiting_place(state)
        known = [each for each in self.discourse.last if not each.negated and each.fits(*place)]
        if not known and told and any(any(each.on) for each in told):
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

    def _share_places(self, state: State) -> None:
        """A finding without a place of its own may share that of the finding it stands beside."""
        lasting = [each for each in self.discourse.last if not each.negated and each.term not in GLOBAL]
        for n, each in enumerate(state.opened):
            if each.site or each.side or each.term in GLOBAL:
                continue
            beside = [other for other in state.opened[:n] if not other.negated and other.term not in GLOBAL]
            if each.around:
                host = (beside or lasting)[-1:]
            elif each.joined and not each.negated and each.term in ASSOCIATED:
                host = beside[-1:]
            else:
                host = [other for other in state.opened[n + 1 : n + 2] if other.joined and not other.negated and not each.negated and other.term not in GLOBAL and (other.site or other.side)]
            for other in host:
                each.place(other.site, other.side)


def _improves(entity: Entity, term: str) -> bool:
    """Is ``term`` what the finding is, rather than something else that it could be, too?"""
    return entity.term == term or (refines(entity.term, term) and not _differs(entity, term))


def _differs(entity: Entity, term: str) -> bool:
    """Is ``term`` a second diagnosis for a finding that already has one?"""
    other = bool(entity.seen) and term != entity.term and (refines(entity.seen, term) or entity.seen == term)
    return other and (entity.term, term) not in STRICTER


def _names_it(mention: Mention) -> bool:
    return bool(mention.get("finding") or mention.get("normal") or mention.get("enhancement") == "none")


def read_sentences(reader: Reader, spans: Iterable[tuple[int, int]], section: str) -> list[tuple[int, int]]:
    """Read them; those of which nothing was understood come back."""
    return [span for span in spans if not reader.sentence(*span, section)]


def unread_share(unread: Sequence[tuple[int, int]], total: int) -> float:
    return sum(end - start for start, end in unread) / total if total else 0.0
