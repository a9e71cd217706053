"""Pseudo reports in Chinese: the same studies and blocks, Chinese sentences and word order.

The place is written before its finding. Sizes and counts take Chinese measure words. A hedge applies to a whole
sentence, never to one noun.
"""

from __future__ import annotations

from collections.abc import Sequence

from journalclip_shared.records.report import SequenceName
from journalclip_structuring.pseudo.write import Writer, templates
from journalclip_structuring.report_rendering import chinese_words
from journalclip_structuring.study import StudyFinding


class ChineseWriter(Writer):
    """A `Writer` whose reports are in Chinese."""

    sentences = "report_zh"
    words = "words_zh"

    def _say(self, slot: str, **values: str) -> str:
        said = self._rng.choice(templates(self.sentences)[slot][self._split]).format_map(values)
        for lead in ("于见", "内见", "："):
            said = said.removeprefix(lead) if said.startswith(lead) else said
        return said

    def _names(self, sequences: Sequence[SequenceName]) -> str:
        names = [self._rng.choice(templates(self.words)["sequence"][sequence]) for sequence in sequences]
        self._rng.shuffle(names)
        return names[0] if len(names) == 1 else "、".join(names[:-1]) + self._rng.choice("及、") + names[-1]

    def _noun_phrase(self, finding: StudyFinding, signal: str | None, said: set[str]) -> str:
        """``多发类圆形高信号胶质瘤，大小约12mm×8mm``"""
        words = []
        if finding.count:
            words.append(self._word("count", "single" if finding.count == "1" else finding.count))
        if finding.shape and "shape" in said:
            words.append(chinese_words()["shape"][finding.shape])
        if signal:
            words.append(self._word("signal_adj", signal))
        words.append(self._denied(finding))
        if finding.size and "size" in said:
            words.append(f"，大小约{self._size(finding.size)}")
        return "".join(words)

    def _shape(self, finding: StudyFinding) -> str:
        return f"{self._it()}呈{chinese_words()['shape'][finding.shape or '']}。"

    def _place(self, finding: StudyFinding) -> str:
        if finding.site is None:
            return ""
        side = self._word("side", finding.laterality) if finding.laterality else ""
        return side + chinese_words()["site"][finding.site]

    def _size(self, size: str) -> str:
        values, unit = size[:-2], size[-2:]
        return self._rng.choice(("×", "x", " × ")).join(value + unit for value in values.split("x"))

    def _denied(self, finding: StudyFinding) -> str:
        return chinese_words()["finding"][finding.term]
