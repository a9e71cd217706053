"""One of several: "two cavernomas: the larger in the pons, the other in the vermis" is two findings.

A plural opens one finding. What is said of its first member goes to that finding; every further member gets a finding
of its own, with what the text said of all of them.
"""

from __future__ import annotations

import re
from typing import Final

from journalclip_structuring.reports.chunks import Chunk
from journalclip_structuring.reports.diagnoses import Diagnoses
from journalclip_structuring.reports.entity import GLOBAL, Entity
from journalclip_structuring.reports.lexicon import Mention
from journalclip_structuring.reports.state import State

# Behind the word for a member its own attributes follow, not a noun ("the other hemisphere").
_ATTRIBUTES: Final = re.compile(
    r"\s*(?:[,(:]|\d|of\s+\d|(?:is|was|are|lies|lie|sits|in|at|on|within|near|adjacent|measur\w+|located|shows?|showing|has|which|along"
    r"|over|involv\w+|abut\w+|aris\w+|centred|centered|being|posterior|anterior)\b|位于|见于|在|直径|大小|约|为)",
    re.IGNORECASE,
)


MORE: Final = re.compile(
    r"another(?: one)?|a (?:second|third|further)(?: one)?|另一枚|另一个|另一处|另一灶", re.IGNORECASE
)


class Members(Diagnoses):
    """Gives each named member of a plural a finding of its own."""

    def _member(self, mention: Mention, chunk: Chunk, state: State) -> bool:
        """Is the phrase a member of the plural that was named last? Then what follows is said of it."""
        kind = mention.get("member")
        last = [each for each in reversed(state.main or self.discourse.last) if each.term not in GLOBAL]
        whole = next((each for each in last if _several(each)), None)
        if kind == "like" and whole is None:  # "a metastasis in the pons ... the one in the vermis"
            whole = next((each for each in last if not each.negated and each.placed), None)
        elif kind == "like":
            kind = "one"
        if whole is None and MORE.fullmatch(mention.text):  # "a focus in the left ... and another in the right ..."
            whole = next((each for each in last if not each.negated and each.placed), None)
        if kind is None or whole is None or not _ATTRIBUTES.match(self.text[mention.end :]):
            return False
        if whole.common is None:
            whole.common = dict(whole.on) if kind != "like" else {}
        if kind == "first" or (kind == "one" and not whole.members):
            whole.members += 1
            state.group = state.main = [whole]
        else:
            new = self._open(mention, whole.term, state, False, False)
            new.certainty, new.seen, new.on = whole.certainty, whole.seen, dict(whole.common)
            new.common, new.members, new.count = whole.common, 1, "1"
            state.group = state.main = [new]
        for attribute in state.waiting:
            if isinstance(attribute, Mention) and attribute.get("size") and attribute.start >= chunk.start:
                self._apply(state.group[0], attribute)  # "a 12 mm one in the pons"
        state.read = True
        state.waiting = []
        state.deny_end = None
        state.touched.append(state.main)
        return True


def _several(entity: Entity) -> bool:
    word = entity.text.lower()
    plural = word.endswith(("s", "ae", "i")) and not word.endswith(("sis", "ss", "us"))
    counted = entity.count not in {None, "1"} or plural or bool(entity.members)
    return counted and not entity.negated and entity.term not in GLOBAL
