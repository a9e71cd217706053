"""Denials and hedges: which findings do they reach?"""

from __future__ import annotations

import re

from journalclip_structuring.reports.attributes import Attributes
from journalclip_structuring.reports.chunks import Binding, Chunk
from journalclip_structuring.reports.lexicon import Mention
from journalclip_structuring.reports.patterns import AFFIRMS, ANAPHORIC, ANSWERED, CAUSE, OR_ITEM, PURPOSE
from journalclip_structuring.reports.state import State


def _negative(mention: Mention) -> bool:
    """Is it a phrase that holds its own denial ("no enhancement", "without mass effect")?"""
    told = mention.get("enhancement") == "none" or mention.get("mass_effect") == "none" or mention.get("normal")
    return bool(told) and re.match(r"(?:no|without|nor)\b|未见|未发现|无", mention.text, re.IGNORECASE) is not None


class Assertions(Attributes):
    """Applies the denials and hedges of a chunk."""

    def _denial(self, mention: Mention, chunk: Chunk, state: State, finding_after: bool) -> None:
        levels = mention.all("deny")
        if not levels or "not" in levels:
            return
        signs_after = any(
            each.start >= mention.end
            and (each.get("signal") or each.get("diffusion") or each.get("enhancement") or each.get("sequence_signal"))
            for each in chunk.mentions
        )
        if "before" in levels and not finding_after and self._answers(mention, chunk):
            self._deny_back(mention, chunk, state)
        elif "before" in levels and (finding_after or signs_after or "after" not in levels):
            state.deny_end = mention.end
            state.read = True
        elif "sign" in levels:
            hedge = next((each for each in chunk.mentions if each.start >= mention.end), None)
            before = hedge is not None and any(value.endswith("before") for value in hedge.all("hedge"))
            if hedge is not None and before and not self.text[mention.end : hedge.start].strip():
                state.deny_end = hedge.end  # "not typical of a metastasis"
                return
            state.sign_denied = True
        elif "after" in levels and self._heads(mention, chunk, state):
            state.deny_end = mention.end
        elif "gone" in levels or "after" in levels:
            if "gone" in levels and finding_after and not state.last_finding:
                state.deny_end = mention.end
                return
            self._deny_back(mention, chunk, state)

    def _denies_more(self, mention: Mention, chunk: Chunk, state: State) -> None:
        """A phrase with a denial in it may begin a list ("no mass effect or midline shift")."""
        if not _negative(mention) or state.deny_end is not None:
            return
        beyond = next((each for each in chunk.mentions if each.start >= mention.end and each.get("finding")), None)
        if beyond is None:
            return
        said = self.text[mention.end : beyond.start]
        if self.language == "zh":
            state.deny_end = mention.end if re.fullmatch(r"[及和或与、]", said) else None
        elif OR_ITEM.fullmatch(said) and not AFFIRMS["en"].match(re.sub(r"^\W*(?:or|nor|and)\b", "", said)):
            state.deny_end = mention.end

    def _answers(self, mention: Mention, chunk: Chunk) -> bool:
        """Is the denial all that is said behind a colon or a dash ("Hydrocephalus: no.", "出血:无")?"""
        said = self.text[chunk.start : mention.start] + self.text[mention.end : chunk.end]
        return chunk.lead in {":", "-", "–", "—"} and ANSWERED.fullmatch(said) is not None

    def _heads(self, mention: Mention, chunk: Chunk, state: State) -> bool:
        """Does the denial head a list ("Not demonstrated: infarct, haemorrhage")?"""
        before = self.text[state.start : mention.start].strip()
        return not before and not state.opened and self.text[mention.end : chunk.end].strip() == ":"

    def _deny_back(self, mention: Mention, chunk: Chunk, state: State) -> None:
        """ "X is not seen": X is denied; where it was seen before, only what follows ("on T1") is."""
        named = [each for each in chunk.mentions if each.get("sequence")]
        after = [each for each in named if each.start >= mention.end]
        shown = any(each.get("signal") for each in chunk.mentions)
        sequences = [each.get("sequence") or "" for each in after or ([] if shown else named)]
        own = [each for each in state.opened if each.start >= chunk.start]
        said = [each for each in state.binds() if not each.bare and chunk.start <= each.at < mention.start]
        if said and not own and not after:  # "the restricted diffusion is no longer present"
            state.waiting = [each for each in state.waiting if each not in said]
            state.read = True
            return
        targets = own or state.group or self.discourse.last
        known = not own and any(each.on or each.sentence < state.number or each.placed for each in targets)
        if not own and self._of_another(mention, chunk, state):
            return
        state.read = state.read or bool(targets)
        if not targets:  # signals are waiting for their finding: "not seen on T1" takes T1 away from them
            state.waiting = [
                each
                for each in state.waiting
                if not (isinstance(each, Binding) and each.bare and each.start >= chunk.start)
            ]
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

    def _of_another(self, mention: Mention, chunk: Chunk, state: State) -> bool:
        """Is something gone that no vocabulary knows ("the ventriculitis has resolved")? Then no finding is."""
        if "gone" not in mention.all("deny") or self.language != "en" or state.opened:
            return False
        said = self.text[state.start : mention.start]
        return chunk.start == state.start and bool(said.strip()) and ANAPHORIC.fullmatch(said) is None

    def _hedge(self, mention: Mention, chunk: Chunk, state: State, finding_after: bool) -> None:
        levels = mention.all("hedge")
        met = state.last_finding is not None and state.last_finding.start >= (state.deny_end or 0)
        told = met and finding_after and any(each.endswith("before") for each in levels)
        if told and re.search(r"\b(?:and|but)\s+$", self.text[chunk.start : mention.start], re.IGNORECASE):
            state.deny_end = None  # "argues against abscess and in favour of a metastasis"
        if not levels or (state.deny_end or -1) >= mention.end or self._denied_purpose(mention, chunk, state):
            return
        before = next((each for each in levels if each.endswith("before")), None)
        after = next((each for each in levels if each.endswith("after")), None)
        opened = any(each.start >= chunk.start for each in state.opened)
        if mention.text == ">" and not (finding_after and opened):
            return  # "> 20 microbleeds"
        if not finding_after and before and chunk.start == state.start and self._names_unknown(mention, chunk):
            return  # "Probable amyloid angiopathy."
        if before and after and finding_after and mention.text.lower().endswith(("over", "than", "to", ">")):
            for each in state.group:  # "glioblastoma is favoured over lymphoma"
                each.certainty = each.certainty if each.negated else after.split()[0]
        if after and not before and finding_after and not opened:
            before = after  # "noted in the pons is possible 4 mm ..."
        upcoming = finding_after or not after
        if before and upcoming:
            level = before.split()[0]
            if re.match(r"vs\.?$|versus", mention.text, re.I) and state.last_finding is not None:
                for each in state.group:
                    each.certainty = "possible"
            state.hedged_at = mention.end
            state.hedge = level if level != "certain" or state.hedge is None else state.hedge
            state.linked = not re.search(r"due to|secondary to|caused by|arising from", mention.text, re.I)
        elif after:
            own = [each for each in state.group if each.start >= chunk.start and not each.negated]
            own = own or [each for each in state.opened if each.start >= chunk.start and not each.negated]
            own += [
                each
                for each in state.opened
                if each.start >= chunk.start and each.term == "hemorrhage" and not each.negated and each not in own
            ]  # "haemorrhage into an adenoma cannot be excluded"
            if not own and self._stands_alone(mention, chunk) and not self._goes_on(mention, chunk):
                own = state.group or self.discourse.last
            if (
                re.match(r"\W*(?:the )?(?:latter|former)|\W*[前后]者", self.text[chunk.start : mention.start], re.I)
                and own
            ):
                own = own[-1:] if re.search("latter|后者", self.text[chunk.start : mention.start], re.I) else own[:1]
            for each in own:
                if not each.negated:
                    each.certainty = after.split()[0]
            state.read = state.read or bool(own)

    def _denied_purpose(self, mention: Mention, chunk: Chunk, state: State) -> bool:
        """Is it what the denied thing would have said ("no abnormal signal to suggest ischaemia")?"""
        if self.language != "en" or not PURPOSE.search(self.text[chunk.start : mention.end]):
            return False
        for each in chunk.mentions:
            if each.end <= mention.start and _negative(each):
                state.deny_end = each.end
        return state.deny_end is not None

    def _names_unknown(self, mention: Mention, chunk: Chunk) -> bool:
        """Does the sentence begin with the hedge, and name a diagnosis that no vocabulary knows?"""
        before, rest = self.text[chunk.start : mention.start], self.text[mention.end : chunk.end]
        name = re.match(r"\s+(?!in\b|of\b|on\b|at\b|to\b|and\b)[\w-]*[A-Za-z]{3,}", rest)
        return not before.strip() and self.language == "en" and name is not None and CAUSE.match(rest.strip()) is None

    def _hedged_after(self, mention: Mention, chunk: Chunk) -> bool:
        return any(
            each.start >= mention.end and any(value.endswith("after") for value in each.all("hedge"))
            for each in chunk.mentions
        )

    def _stands_alone(self, mention: Mention, chunk: Chunk) -> bool:
        """Does a hedge without a finding in its chunk speak of the finding before ("..., possible")?"""
        said = self.text[chunk.start : mention.start]
        for each in chunk.mentions:
            if each.get("size") and each.end <= mention.start:
                said = said.replace(each.text, "")
        if self.language == "zh":
            return len(re.sub(r"\W|该|其|此|亦|也|均|病灶|前者|后者|两者|以|大小|约|直径|长径|范围|为", "", said)) == 0
        words = re.sub(
            r"\b(?:this|it|which|these|they|the|lesion|latter|former|and|finding|that|is|are|diagnosis)\b|\W",
            " ",
            said,
            flags=re.I,
        )
        return not words.split()

    def _goes_on(self, mention: Mention, chunk: Chunk) -> bool:
        """Is something else hedged ("probably of vascular origin")?"""
        rest = self.text[mention.end : chunk.end]
        if self.language == "zh":
            return bool(re.sub(r"\W|可能|诊断|性|请|结合|临床|建议|随访|复查|进一步|检查", "", rest))
        words = re.sub(r"\W", " ", rest).split()
        return len(words) > 2 or (bool(words) and CAUSE.match(words[0]) is not None)
