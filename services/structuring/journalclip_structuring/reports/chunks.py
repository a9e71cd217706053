"""A sentence cut into chunks, and the signals of a chunk bound to its sequences.

A chunk is what stands between commas, colons, brackets and words such as "which" or "with"; a list of sequences, sites
or findings of one kind is not cut. In a chunk every signal goes to one group of sequences: "bright on DWI", "FLAIR
bright", "high T2 signal", "T2/FLAIR hyperintense lesion".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from journalclip_structuring.reports.language import Language
from journalclip_structuring.reports.lexicon import Mention

_LISTED: Final = re.compile(
    r"[\s,、/&+]*(?:and|or|as well as|both|the|nor|in|on|及|和|与|或|以及|images?|sequences?|序列|像|图"
    r"|-)?[\s,、/&+]*(?:the|both|on|in)?\s*",
    re.I,
)
_BARE: Final = re.compile(r"[\s\-‐‑–]*")
_STATES: Final = re.compile(
    r"[\s:\-]*(?:signal|intensity|图像|图|像|序列|影像|信号|值|上|均|都|亦|也|可|可见|见|呈现|呈|为|示|显示"
    r"|表现|相应|明显|稍|略|区|中|is|are|was|were|appears?|remains?|of|markedly|slightly|mildly|very|strongly"
    r"|moderately|subtly)*[\s:]*(?:is|are|was|were|appears?|remains?|呈|为|示)?\s*",
    re.I,
)
_ON: Final = re.compile(
    r"[^,;:()]{0,28}?\b(?:on|in|at|over|across|upon|with)\s+(?:the|both|all|most|every|corresponding|matching"
    r"|matched|axial|sagittal|coronal|unenhanced|its|either|\s)*\s*",
    re.I,
)
_AND: Final = re.compile(r"\W*(?:and|but|while|whereas)\b", re.IGNORECASE)
_CLASSES: Final = (("sequence",), ("site", "site_bilateral", "side"))


@dataclass
class Binding:
    """Sequences with one signal; ``denied`` when the chunk says that the signal is not there."""

    start: int
    end: int
    on: dict[str, str | None] = field(default_factory=dict)
    enhancement: str | None = None
    denied: bool = False
    bare: bool = False  # sequences without a signal
    at: int = 0  # where the signal's word stands: a denial before it reaches it


@dataclass(frozen=True)
class Place:
    """A site with its side ("the left thalamus", "pons", "on the right")."""

    start: int
    end: int
    site: str | None
    side: str | None


@dataclass
class Chunk:
    """A stretch of a sentence with its mentions. ``lead`` is the sign or word that opened it."""

    start: int
    end: int
    lead: str
    mentions: list[Mention]
    hard: bool = False


def split(text: str, mentions: Sequence[Mention], start: int, end: int) -> list[Chunk]:
    """The chunks of ``text[start:end]``; every mention belongs to one."""
    borders: list[tuple[int, str, bool]] = []
    for found in re.finditer(r"[,:()]|\s[-–]\s|(?<=\w)/(?=\s)|(?<=\s)/(?=\s)", text[start:end]):
        at = start + found.start()
        if not any(each.start <= at < each.end for each in mentions) and not _in_list(text, mentions, at):
            borders.append((start + found.end(), found.group().strip(), False))
    for each in mentions:
        level = each.get("break")
        if level and not (level == "soft" and each.get("hedge")):
            borders.append((each.start, each.text.lower(), level == "hard"))
    borders.sort(key=lambda border: border[0])
    chunks = []
    edges = [(start, "", False), *borders, (end, "", False)]
    for (first, lead, hard), (last, _, _) in pairwise(edges):
        inside = [each for each in mentions if first <= each.start < last]
        if inside or hard:
            chunks.append(Chunk(first, last, lead, inside, hard))
    return chunks


def _in_list(text: str, mentions: Sequence[Mention], at: int) -> bool:
    """Does the sign stand between two sequences, or two places, with nothing but "and" beside it?"""
    before = [each for each in mentions if each.end <= at]
    after = [each for each in mentions if each.start > at]
    if not before or not after or text[at] in ":()":
        return False
    a, b = before[-1], after[0]
    gap = _LISTED.fullmatch(text[a.end : b.start])
    if a.get("sequence") and b.get("sequence") and gap:
        rest = after[1] if len(after) > 1 else None
        # "T1 low, T2 high" is no list: each has its signal.
        return not (rest and before[-2:-1] and before[-2].get("signal") and rest.get("signal"))
    places = ("site", "site_bilateral", "side")
    return bool(gap and any(a.get(kind) for kind in places) and any(b.get(kind) for kind in places))


def bindings(text: str, chunk: Chunk, language: Language) -> list[Binding]:
    """What the chunk says of sequences, in order; signals that name no sequence have an empty ``on``."""
    groups = _groups(text, chunk.mentions)
    signals = [each for each in chunk.mentions if each.get("signal") and not each.get("enhancement")]
    used: set[int] = set()
    out: list[Binding] = []
    loose: list[Mention] = []
    paired = _in_turn(text, chunk, signals, groups)
    if paired:
        return [*paired, *_physical(chunk.mentions, groups, set(range(len(groups))))]
    for n, signal in enumerate(signals):
        following = signals[n + 1].start if n + 1 < len(signals) else len(text) + 1
        taken = _choose(text, signal, groups, used, following)
        if taken is None:
            loose.append(signal)
            continue
        used.add(taken)
        start, end, names = groups[taken]
        on: dict[str, str | None] = dict.fromkeys(names, signal.get("signal"))
        out.append(Binding(min(start, signal.start), max(end, signal.end), on, at=signal.start))
    for signal in loose:
        later = [n for n, (start, _, _) in enumerate(groups) if n not in used and start > signal.end]
        if later and language == "en" and signal.text.lower() not in _VAGUE:
            used.add(later[0])
            start, end, names = groups[later[0]]
            on = dict.fromkeys(names, signal.get("signal"))
            out.append(Binding(signal.start, signal.end, on, at=signal.start))
        else:
            out.append(Binding(signal.start, signal.end, {"": signal.get("signal")}, at=signal.start))
    out = [_of_fluid(each) for each in out]
    out += _physical(chunk.mentions, groups, used)
    out += [
        Binding(start, end, dict.fromkeys(names), bare=True, at=start)
        for n, (start, end, names) in enumerate(groups)
        if n not in used
    ]
    return sorted(out, key=lambda each: each.start)


def _in_turn(
    text: str, chunk: Chunk, signals: Sequence[Mention], groups: list[tuple[int, int, list[str]]]
) -> list[Binding]:
    """ "Hypo- and hyperintense on T1 and T2 respectively": as many signals as sequences, each in its turn."""
    named = [(start, end, name) for start, end, names in groups for name in names]
    if (
        len(named) != len(signals)
        or len(named) < 2
        or not re.search(r"respectively|分别", text[chunk.start : chunk.end + 16])
    ):
        return []
    first = signals[0].start < named[0][0]
    apart = signals[-1].start < named[0][0] if first else named[-1][0] < signals[0].start
    if not apart:
        return []
    return [
        Binding(min(start, signal.start), max(end, signal.end), {name: signal.get("signal")}, at=signal.start)
        for (start, end, name), signal in zip(named, signals, strict=True)
    ]


_FLUID: Final = {"T1WI": "hypointense", "T1CE": "hypointense", "T2WI": "hyperintense", "FLAIR": "hypointense",
                 "DWI": "hypointense", "ADC": "hyperintense"}  # fmt: skip


def _of_fluid(binding: Binding) -> Binding:
    """What looks like cerebrospinal fluid has its signal on each sequence."""
    if "csf" in binding.on.values():
        binding.on = {name: _FLUID.get(name) for name in binding.on if name}
        binding.bare = not binding.on
    return binding


# Words that are a signal only beside a sequence.
_VAGUE: Final = frozenset(
    re.findall(
        r"\S+",
        """high low increased decreased raised elevated reduced diminished mixed heterogeneous heterogenous
        inhomogeneous
        intermediate positive prolonged elevation suppressed iso hyper hypo void black
        高 低 等 减低 增高 升高 降低 混杂 偏高 偏低""",
    )
)


def vague(word: str) -> bool:
    return word.lower() in _VAGUE


def _groups(text: str, mentions: Sequence[Mention]) -> list[tuple[int, int, list[str]]]:
    groups: list[tuple[int, int, list[str]]] = []
    last: Mention | None = None
    for each in mentions:
        name = each.get("sequence")
        if name is None:
            last = None if each.get("signal") or each.get("finding") else last
            continue
        if last is not None and groups and _LISTED.fullmatch(text[last.end : each.start]):
            start, _, names = groups[-1]
            groups[-1] = (start, each.end, [*names, name])
        else:
            groups.append((each.start, each.end, [name]))
        last = each
    return groups


def _choose(
    text: str, signal: Mention, groups: list[tuple[int, int, list[str]]], used: set[int], following: int
) -> int | None:
    before = [n for n, (_, end, _) in enumerate(groups) if end <= signal.start]
    after = [n for n, (start, _, _) in enumerate(groups) if signal.end <= start < following]
    previous = before[-1] if before and before[-1] not in used else None
    later = after[0] if after and after[0] not in used else None
    if previous is not None and _STATES.fullmatch(text[groups[previous][1] : signal.start]):
        return previous
    if later is not None and _ON.fullmatch(text[signal.end : groups[later][0]]):
        told = following <= len(text) and _STATES.fullmatch(text[groups[later][1] : following])
        if told and _AND.match(text[signal.end : groups[later][0]]):
            return previous  # "on T1 the mass is isointense and on T2 hyperintense"
        return later
    if later is not None and _BARE.fullmatch(text[signal.end : groups[later][0]]):
        return later
    if previous is not None and (len(text[groups[previous][1] : signal.start]) < 90):
        return previous
    return None


def _physical(mentions: Sequence[Mention], groups: list[tuple[int, int, list[str]]], used: set[int]) -> list[Binding]:
    """Signs that name their sequence themselves: restricted diffusion, long T1, blooming, enhancement."""
    out = []
    for each in mentions:
        on: dict[str, str | None] = {}
        for value in each.all("sequence_signal"):
            name, signal = value.split(" ")
            on[name] = signal
        diffusion = each.get("diffusion")
        if diffusion == "restricted":
            on |= {"DWI": "hyperintense", "ADC": "hypointense"}
        elif diffusion == "facilitated":
            on |= {"ADC": "hyperintense"}
        enhancement = each.get("enhancement")
        if enhancement:
            on |= {"T1CE": None}
        if on:
            for n, (_, _, names) in enumerate(groups):
                if set(names) <= on.keys() or (enhancement and set(names) <= {"T1WI", "T1CE"}):
                    used.add(n)
                elif any(name == "SWI" for name in on) and len(on) == 1 and n not in used:  # blooming on that sequence
                    on = dict.fromkeys(names, on["SWI"])
                    used.add(n)
            out.append(Binding(each.start, each.end, on, enhancement, at=each.start))
    return out


_TO_SITE: Final = re.compile(r"[\s\-]*(?:[a-z]+[\s-]+){0,2}|[\u4e00-\u9fff]{0,3}", re.IGNORECASE)
_TO_SIDE: Final = re.compile(r"\s*(?:region|area|lobe|区|部)?\s*[(,]?\s*(?:on (?:the|both)|of the)?\s*", re.IGNORECASE)


def places(text: str, mentions: Sequence[Mention]) -> list[Place]:
    """Sites and sides of a chunk, each side with the site that it stands beside."""
    found: list[Place] = []
    words = [each for each in mentions if any(each.get(kind) for kind in ("site", "site_bilateral", "side"))]
    at = 0
    while at < len(words):
        each, following = words[at], words[at + 1] if at + 1 < len(words) else None
        site, side = _site_side(each)
        end = each.end
        if following is not None and not _between(each, following, mentions):
            other_site, other_side = _site_side(following)
            gap = text[each.end : following.start]
            if side and not site and other_site and not other_side and _TO_SITE.fullmatch(gap):
                site, end, at = other_site, following.end, at + 1
            elif site and not side and other_side and not other_site and _TO_SIDE.fullmatch(gap):
                beyond = words[at + 2] if at + 2 < len(words) else None
                if (
                    beyond is None
                    or not _site_side(beyond)[0]
                    or not _TO_SITE.fullmatch(text[following.end : beyond.start])
                ):
                    side, end, at = other_side, following.end, at + 1
        found.append(Place(each.start, end, site, side))
        at += 1
    return found


def _between(a: Mention, b: Mention, mentions: Sequence[Mention]) -> bool:
    return any(a.end <= each.start < b.start and not each.get("shape") for each in mentions)


def _site_side(mention: Mention) -> tuple[str | None, str | None]:
    both = mention.get("site_bilateral")
    return mention.get("site") or both, mention.get("side") or ("bilateral" if both else None)
