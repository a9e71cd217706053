"""From a study to a report: sentences from templates, words from the vocabularies, in an order of its own.

What holds: the text says everything the study says and nothing else about findings, so that the study is the one right
reading of it. `Writer.arrange` returns the findings in the order of their first mention, since that is the order in
which a reader (and a model) meets them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from random import Random
from typing import Literal

from journalclip_shared.records.report import SequenceName, Signal
from journalclip_structuring.pseudo.draw import GLOBAL_FINDINGS
from journalclip_structuring.study import Study, StudyFinding, spell
from journalclip_structuring.vocabulary import vocabulary

Split = Literal["train", "held_out"]
# What is said of some sequences at once: a signal, that they show it, or (of DWI and ADC) that diffusion is restricted.
Group = tuple[str | None, tuple[SequenceName, ...]]


@cache
def templates(name: str) -> dict[str, dict[str, list[str]]]:
    """A template file's tables."""
    path = resources.files("journalclip_structuring") / "templates" / f"{name}.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return {table: value for table, value in content.items() if isinstance(value, dict)}


class Writer:
    """Writes one report; all choices come from ``rng``, sentence templates from ``split`` alone."""

    sentences = "report"  # the templates of sentences, and of the words in them
    words = "words"

    def __init__(self, rng: Random, split: Split = "train") -> None:
        self._rng = rng
        self._split = split

    def write(self, study: Study) -> tuple[str, Study]:
        """The report, and the study with its findings in the report's order."""
        present = [finding for finding in study.findings if not finding.negated]
        denied = [finding for finding in study.findings if finding.negated]
        blocks = [([finding], self._present(finding)) for finding in present] + self._denials(denied)
        self._rng.shuffle(blocks)
        calm = self._calm(study)
        loose = [[self._say("normal", **self._on(calm))]] if calm else []
        loose += [[self._say("filler", n=str(self._rng.randint(2, 80)))] for _ in range(self._few())]
        texts = [" ".join(sentences) for _, sentences in blocks]
        for sentences in loose:
            texts.insert(self._rng.randint(0, len(texts)), " ".join(sentences))
        ordered = tuple(finding for findings, _ in blocks for finding in findings)
        head = [self._say("technique", on=self._names(study.sequences))]
        joint = self._rng.choice((" ", " ", " ", "\n"))
        normal = tuple(sequence for sequence in study.sequences if sequence in calm)
        return joint.join(head + texts), Study(sequences=study.sequences, normal=normal, findings=ordered)

    def _few(self) -> int:
        return self._rng.choice((0, 0, 1, 1, 2, 3))

    def _say(self, slot: str, **values: str) -> str:
        pool = templates(self.sentences)[slot]
        sentence = self._rng.choice(pool[self._split]).format_map(values)
        sentence = re.sub(r"\s+", " ", sentence).strip().replace(" .", ".").replace(" ,", ",").replace("..", ".")
        sentence = sentence.lstrip(",: ")  # of a place that there was none of
        return sentence[0].upper() + sentence[1:] if self._rng.random() < 0.95 else sentence

    def _word(self, table: str, term: str) -> str:
        return self._rng.choice(templates(self.words)[table][term])

    def _synonym(self, name: str, term: str) -> str:
        return self._rng.choice(vocabulary(name).terms[term])

    def _names(self, sequences: Sequence[SequenceName]) -> str:
        names = [self._synonym("report_sequence", sequence) for sequence in sequences]
        self._rng.shuffle(names)
        if self._rng.random() < 0.2:
            return ", ".join(names)
        return "/".join(names) if len(names) == 2 and self._rng.random() < 0.2 else spell(names)

    def _on(self, sequences: Sequence[SequenceName]) -> dict[str, str]:
        one = len(sequences) == 1 and self._rng.random() < 0.5
        return {"on": self._names(sequences), "show": "shows" if one else "show", "be": "is" if one else "are"}

    def _present(self, finding: StudyFinding) -> list[str]:
        rng, groups = self._rng, self._groups(finding)
        in_intro = {key for key in ("shape", "size") if rng.random() < 0.5}
        signal: str | None = None
        lead: tuple[SequenceName, ...] = ()
        if groups and rng.random() < 0.6 and finding.certainty == "certain" and groups[0][0] != "restricted":
            signal, lead = groups.pop(0)
        np = self._noun_phrase(finding, signal if lead else None, in_intro)
        first = self._intro(finding, np, lead)
        follow = [self._signal(*group) for group in groups]
        if finding.size and "size" not in in_intro:
            follow.append(self._say("size", it=self._it(), size=self._size(finding.size)))
        if finding.enhancement:
            follow.append(
                self._say("enhancement", it=self._it(), enhancement=self._word("enhancement", finding.enhancement))
            )
        if finding.mass_effect:
            follow.append(self._say("mass", it=self._it(), mass=self._word("mass_effect", finding.mass_effect)))
        if finding.shape and "shape" not in in_intro:
            follow.append(self._shape(finding))
        rng.shuffle(follow)
        return [first, *follow]

    def _shape(self, finding: StudyFinding) -> str:
        return f"{self._it().capitalize()} is {self._synonym('report_shape', finding.shape or '')}."

    def _groups(self, finding: StudyFinding) -> list[Group]:
        """Sequences that share a signal, merged or not; restricted diffusion is said as such half of the time."""
        by_signal: dict[Signal | None, list[SequenceName]] = {}
        for sequence, signal in finding.on.items():
            by_signal.setdefault(signal, []).append(sequence)
        groups: list[Group] = []
        for signal, sequences in by_signal.items():
            if self._rng.random() < 0.75:
                groups.append((signal, tuple(sequences)))
            else:
                groups.extend((signal, (sequence,)) for sequence in sequences)
        self._rng.shuffle(groups)
        restricted: list[Group] = [("hyperintense", ("DWI",)), ("hypointense", ("ADC",))]
        if all(pair in groups for pair in restricted):
            groups = [group for group in groups if group not in restricted] + [("restricted", ("DWI", "ADC"))]
        return groups

    def _signal(self, signal: str | None, sequences: tuple[SequenceName, ...]) -> str:
        if signal == "restricted":
            return self._say("diffusion", it=self._it())
        on = self._on(sequences)
        if signal is None:
            return self._say("seen", it=self._it(), **on)
        adjective, noun = self._word("signal_adj", signal), self._word("signal_noun", signal)
        return self._say("signal", it=self._it(), signal=adjective, signal_noun=noun, **on)

    def _intro(self, finding: StudyFinding, np: str, lead: tuple[SequenceName, ...]) -> str:
        place = self._place(finding)
        if lead:
            return self._say("intro_on", np=np, place=place, **self._on(lead))
        if finding.certainty != "certain" and not np.startswith("\x00"):
            return self._say(f"hedge_{finding.certainty}", np=np, place=place)
        return self._say("intro", np=np.lstrip("\x00"), place=place)

    def _noun_phrase(self, finding: StudyFinding, signal: str | None, said: set[str]) -> str:
        """``two hypointense oval 12 x 8 mm infarcts``; a leading NUL marks that the hedge is already a word of it."""
        rng, words = self._rng, []
        many = finding.count not in {None, "1"}
        hedge = ""
        if finding.certainty != "certain" and rng.random() < 0.4:
            hedge = self._word("hedge_word", finding.certainty)
        if finding.count:
            words.append(self._word("count", "single" if finding.count == "1" else finding.count))
        if hedge:
            words.append(hedge)
        if signal:
            words.append(self._adjective(signal))
        if finding.shape and "shape" in said:
            words.append(self._synonym("report_shape", finding.shape))
        size = self._size(finding.size) if finding.size and "size" in said else ""
        if size and rng.random() < 0.5:
            words.append(size)
            size = ""
        words.append(
            plural(self._synonym("report_finding", finding.term))
            if many
            else self._synonym("report_finding", finding.term)
        )
        if not finding.count and finding.term not in GLOBAL_FINDINGS and rng.random() < 0.8:
            words.insert(0, "an" if words[0][0] in "aeiou" else "a")
        if size:
            words.append(rng.choice(("measuring {}", "of {}", "({})", "measuring about {}")).format(size))
        return ("\x00" if hedge else "") + " ".join(words)

    def _adjective(self, signal: str) -> str:
        return next(word for word in self._shuffled(templates("words")["signal_adj"][signal]) if " " not in word)

    def _shuffled(self, words: Sequence[str]) -> list[str]:
        return self._rng.sample(words, len(words))

    def _place(self, finding: StudyFinding) -> str:
        if finding.site is None:
            return ""
        site, side = self._synonym("report_site", finding.site), finding.laterality
        preposition = self._rng.choice(("in", "in", "within", "at", "involving"))
        if side is None:
            return f"{preposition} the {site}"
        if side == "bilateral":
            return self._rng.choice((f"{preposition} both {plural(site)}", f"{preposition} the {site} bilaterally",
                                     f"{preposition} the bilateral {site}"))  # fmt: skip
        forms = (f"{preposition} the {side} {site}",) * 3 + (
            f"{preposition} the {site} on the {side}", f"{preposition} the {side}-sided {site}",
            f"{preposition} the {side[0].upper()} {site}",
        )  # fmt: skip
        return self._rng.choice(forms)

    def _size(self, size: str) -> str:
        values, unit = size[:-2], size[-2:]
        joint = self._rng.choice((" x ", "x", " × ", " by "))
        return joint.join(values.split("x")) + self._rng.choice((" ", " ", "")) + unit

    def _it(self) -> str:
        return self._rng.choice(templates(self.words)["it"]["words"])

    def _denials(self, denied: Sequence[StudyFinding]) -> list[tuple[list[StudyFinding], list[str]]]:
        blocks: list[tuple[list[StudyFinding], list[str]]] = []
        plain = [finding for finding in denied if not finding.on and not finding.site]
        while len(plain) >= 2 and self._rng.random() < 0.6:
            a, b = plain.pop(), plain.pop()
            blocks.append(([a, b], [self._say("deny_two", a=self._denied(a), b=self._denied(b))]))
        blocks += [([finding], [self._say("deny", a=self._denied(finding))]) for finding in plain]
        for finding in denied:
            if finding.on:
                blocks.append(
                    ([finding], [self._say("deny_on", a=self._denied(finding), **self._on(tuple(finding.on)))])
                )
            elif finding.site:
                blocks.append(
                    ([finding], [self._say("deny_place", a=self._denied(finding), place=self._place(finding))])
                )
        return blocks

    def _denied(self, finding: StudyFinding) -> str:
        return self._synonym("report_finding", finding.term)

    def _calm(self, study: Study) -> tuple[SequenceName, ...]:
        """Sequences that the report will call normal: those that show nothing, or none."""
        shown = {sequence for finding in study.findings for sequence in finding.on if not finding.negated}
        silent = [sequence for sequence in study.sequences if sequence not in shown]
        if not silent or self._rng.random() < 0.5 or any(not f.on and not f.negated for f in study.findings):
            return ()
        return tuple(silent)


def plural(noun: str) -> str:
    """English plural, as far as the vocabularies need it."""
    for ending, many in (("sis", "ses"), ("y", "ies"), ("x", "xes"), ("ss", "sses"), ("s", "s")):
        if noun.endswith(ending):
            return noun[: -len(ending)] + many
    return f"{noun}s"
