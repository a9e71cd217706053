"""Sites, sides, sizes, signals: to which finding of its sentence does an attribute belong?"""

from __future__ import annotations

import re

from journalclip_structuring.reports.chunks import Binding, Chunk, Place, vague
from journalclip_structuring.reports.discourse import Discourse
from journalclip_structuring.reports.entity import GLOBAL, NEVER_ENHANCE, Entity
from journalclip_structuring.reports.language import Language
from journalclip_structuring.reports.lexicon import Mention
from journalclip_structuring.reports.patterns import AND_A, BARRIER, BOTH_OF_THEM, GROWS, OF_AN_ORGAN, OR, OR_SIGN, TOLD
from journalclip_structuring.reports.state import Attribute, State, following


class Attributes:
    """Gives the attributes of a chunk to findings."""

    def __init__(self, text: str, language: Language) -> None:
        self.text, self.language = text, language
        self.discourse = Discourse()

    def _place(self, place: Place, chunk: Chunk, state: State) -> None:
        if state.off or state.sign_denied:
            return
        if place.side == "midline" and re.search(
            r"cross\w*\s+(?:the\s+)?$", self.text[chunk.start : place.start], re.I
        ):
            return
        if self.language == "zh" and GROWS.match(self.text[max(0, place.start - 1) :]):
            return  # where it grows or is pushed to, not where it lies
        if place.side == "bilateral" and place.site is None and BOTH_OF_THEM.match(self.text[place.start :]):
            return
        self._give(place, place.start, place.end, chunk, state)

    def _attribute(self, mention: Mention, chunk: Chunk, state: State) -> None:
        if mention.get("size") and (
            self._prior(mention, chunk) or OF_AN_ORGAN.search(self.text[state.start : mention.start])
        ):
            return
        member = next((each for each in chunk.mentions if each.start >= mention.end), None)
        if mention.get("size") and member and member.get("member") and member.start <= mention.end + 1:
            state.waiting.append(mention)  # "a 12 mm one in the pons"
            return
        target = following(mention.end, chunk)
        counted = target is not None and self._same_phrase(mention.end, target.start)
        if (mention.get("count") or "multiple") != "multiple" and self.language == "en" and not counted:
            return
        self._give(mention, mention.start, mention.end, chunk, state)

    def _prior(self, size: Mention, chunk: Chunk) -> bool:
        """Is it the size at an earlier examination?"""
        for each in chunk.mentions:
            gap = self.text[each.end : size.start] if each.end <= size.start else self.text[size.end : each.start]
            if any(each.end <= other.start < size.start and other.get("size") for other in chunk.mentions):
                continue
            if (
                "before" in each.all("prior")
                and each.end <= size.start
                and len(gap.split()) <= 3
                and len(gap) < 25
                and " to " not in gap
                and not re.search(r"\b(?:an?|the)\b", gap)
            ):
                return True
            if "after" in each.all("prior") and each.start >= size.end and len(gap.strip()) < 4:
                return True
        return False

    def _binding(self, binding: Binding, chunk: Chunk, state: State) -> None:
        inside = chunk.lead == "(" and any(not each.negated for each in state.group)
        near = (
            state.deny_end is not None
            and not inside
            and not any(each.get("finding") and state.deny_end <= each.start < binding.at for each in chunk.mentions)
        )
        finding_follows = following(binding.end, chunk)
        phrase = finding_follows is not None and self._same_phrase(binding.end, finding_follows.start)
        if binding.bare and near and finding_follows is None and binding.start - (state.deny_end or 0) < 4:
            for each in state.group:  # "without a correlate on T2"
                each.not_on.update(binding.on)
            return
        if self._denied_too(binding, chunk):
            state.read = True
            return
        denied = bool(state.group) and all(each.negated for each in state.group)
        item = OR.match(self.text[chunk.start : binding.start]) or (chunk.lead == "," and state.deny_end is not None)
        if denied and not binding.bare and item:
            state.read = True  # "no haemorrhage or abnormal enhancement": the next thing that is denied
            return
        if (state.sign_denied or (near and not phrase)) and not binding.bare:
            state.read = True
            if binding.enhancement and not state.sign_denied:
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
            denials = bool(state.group) and all(each.negated for each in state.group)
            if denials and chunk.lead and self.text[binding.end : chunk.end].strip() == ":":
                state.waiting.append(binding)  # "..., DWI: infarct": it heads what follows
                state.group = []
                return
        self._give(binding, binding.at, binding.end, chunk, state)

    def _denied_too(self, binding: Binding, chunk: Chunk) -> bool:
        """Is it the second sign that one denial names ("no enhancement or restricted diffusion")?"""
        before = [each for each in chunk.mentions if each.end <= binding.at]
        said = self.text[before[-1].end : binding.at] if before else ""
        return bool(before) and before[-1].get("enhancement") == "none" and OR_SIGN.fullmatch(said) is not None

    def _led(self, state: State) -> Binding | None:
        """The sequences that an earlier chunk named and gave no signal ("FLAIR: bright")."""
        bare = [each for each in state.waiting if isinstance(each, Binding) and each.bare and each.on]
        return bare[-1] if bare else state.lead

    def _give(self, attribute: Attribute, start: int, end: int, chunk: Chunk, state: State) -> None:
        """To the finding that it belongs to: the next one, or those read last."""
        target = following(start, chunk)
        own = any(each.start >= chunk.start for each in state.opened) or (
            state.last_finding is not None and state.last_finding.start >= chunk.start
        )
        forward = target is not None and (not own or self._same_phrase(end, target.start))
        gap = self.text[end : target.start] if target else ""
        if chunk.lead in TOLD and state.group and not own and OR.match(gap):
            forward = False  # "with flow voids on T2 and surrounding gliosis"
        if chunk.lead == "," and state.group and not own and target and AND_A.search(gap):
            forward = False  # "a cleft, lateral to the putamen and a fresh infarct in the pons"
        if chunk.lead == ")" and state.group and not own and target and self._goes_back(end, target.start):
            forward = False  # "(dark on SWI) in the thalamus and ...": it goes on with what stood before the bracket
        enhances = isinstance(attribute, Binding) and attribute.enhancement not in {None, "none"}
        if enhances and state.group and not own and all(each.term in NEVER_ENHANCE for each in state.group):
            hosts = [each for each in state.opened if not each.negated and each.term not in NEVER_ENHANCE | GLOBAL]
            state.group = hosts[-1:] or state.group
        unshown = isinstance(attribute, Binding) and state.group and all(each.term in GLOBAL for each in state.group)
        if isinstance(attribute, Place) and target and not own and not state.group and AND_A.match(gap.lstrip()):
            return  # "a large right choroid plexus and a pineal cyst"
        if forward or not state.group or (unshown and not all(each.negated for each in state.group)):
            state.waiting.append(attribute)
        else:
            state.read = True
            self._split(attribute, state)
            for each in state.group:
                self._apply(each, attribute)

    def _goes_back(self, start: int, end: int) -> bool:
        gap = self.text[start:end]
        return not self._same_phrase(start, end) or bool(re.search(r"\band\b|[,及和]", gap))

    def _split(self, attribute: Attribute, state: State) -> None:
        """A second size after a second place is another finding: "in the pons (5 mm) and the vermis (8 mm)"."""
        last = state.group[-1]
        if isinstance(attribute, Mention) and attribute.get("size") and last.size and last.second:
            copy = last.clone(last.term, last.start, last.end, last.text)
            copy.site, copy.side, copy.size, copy.second = *last.second, None, None
            copy.site = None if copy.site == "-" else copy.site
            last.second = None
            self.discourse.add(copy)
            state.opened.append(copy)
            state.group = [*state.group, copy]

    def _same_phrase(self, start: int, end: int) -> bool:
        return not BARRIER[self.language].search(self.text[start:end])

    def _apply(self, entity: Entity, attribute: Attribute) -> None:
        if isinstance(attribute, Binding):
            unseen = attribute.enhancement == "none" and not entity.on  # it shows nowhere for not enhancing
            for sequence, signal in attribute.on.items():
                if sequence and not unseen:
                    entity.show(sequence, signal)
            entity.enhancement = entity.enhancement or (
                attribute.enhancement if attribute.enhancement != "some" else None
            )
            return
        if isinstance(attribute, Place):
            ahead = attribute.start < entity.start
            if not ahead and entity.ahead and attribute.side and entity.side is None:
                entity.side = attribute.side  # "periventricular mass in the left frontal lobe"
            entity.ahead = ahead and bool(attribute.site)
            words = self.text[attribute.start : attribute.end]
            entity.white = (
                entity.white
                or re.search(r"white matter|juxtacortical|subcortical|白质|皮层下|皮质下", words, re.I) is not None
            )
            entity.place(attribute.site, attribute.side)
            return
        for kind in ("size", "count", "shape"):
            value = attribute.get(kind)
            if value and getattr(entity, kind) is None:
                setattr(entity, kind, value)
        effect = attribute.get("mass_effect")
        if effect and effect != "-":
            entity.mass_effect = entity.mass_effect or effect
