"""What the names of NIfTI files say: BIDS entities, the label of a case, and the sequence.

A BIDS subject is known by its whole label within its data set. Outside of BIDS the words of a name that say what was
scanned (sequence, plane, number) are set aside, and what is left is the case; a folder whose names say no case is one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from journalclip_shared.records.report import SequenceName
from journalclip_sources.studies.sequence_names import read_name

_SUFFIXES = re.compile(r"\.(?:nii(?:\.gz)?|json|bval|bvec)$", re.IGNORECASE)
_SCANNED = re.compile(
    r"(?:[a-z]?t1(?:w|wi|c|ce|gd|n|post|pre)?|t2(?:w|wi|f|star|flair)?|flair|dwi|adc|swi|trace|dti|mprage|tse|fse|"
    r"tirm|space|cube|"
    r"ax|axial|tra|trans|sag|sagittal|cor|coronal|[23]d|iso|pre|post|ce|gd|km|contrast|brain|head|mri?|dark|fluid|fl|"
    r"fs|"
    r"reg|raw|defaced|n4|brainmask|seg|mask|labels?|e\d|ph|b\d+|s?\d{1,2}|[\d.]+mm)"
)
_MASKS = re.compile(
    r"(?:^|[_\-. ])(?:[a-z]*seg(?:mentation)?|[a-z]*masks?|labels?|labelmap|rois?|dseg|probseg|lesions?|brainmask|"
    r"parc|aseg|annot\w*)(?:[_\-. ]|\d*$)"
)
_BIDS: dict[str, SequenceName] = {
    "t1w": "T1WI", "t2w": "T2WI", "flair": "FLAIR", "dwi": "DWI", "adc": "ADC", "swi": "SWI", "t2starw": "SWI",
    "t2star": "SWI", "trace": "DWI",
}  # fmt: skip
_BIDS_OTHER = {
    "bold": "functional imaging", "sbref": "functional imaging", "angio": "angiography", "asl": "perfusion",
    "m0scan": "perfusion", "epi": "a map", "phasediff": "a map", "pdw": "proton density", "t1map": "a map",
    "t2map": "a map", "fa": "a map computed from diffusion", "expadc": "a map computed from diffusion",
    "colfa": "a map computed from diffusion", "minip": "a projection",
}  # fmt: skip
_PLAIN: dict[str, SequenceName] = {
    "t1": "T1WI", "t1ce": "T1CE", "t1c": "T1CE", "t1gd": "T1CE", "t1n": "T1WI", "t2": "T2WI", "t2w": "T2WI",
    "flair": "FLAIR", "t2f": "FLAIR", "dwi": "DWI", "adc": "ADC", "swi": "SWI", "t1w": "T1WI",
}  # fmt: skip


@dataclass(frozen=True)
class Bids:
    """``root`` is the data set's folder; ``session`` may be empty."""

    root: str
    subject: str
    session: str


def stem(name: str) -> str:
    """The last part without NIfTI's suffixes."""
    return _SUFFIXES.sub("", name.rsplit("/", 1)[-1])


def bids_of(name: str) -> Bids | None:
    """Where a file lies in a BIDS data set; None where no part is called ``sub-...``."""
    parts = name.split("/")
    entities = dict(re.findall(r"(?:^|_)(sub|ses)-([^_/]+)", stem(name)))
    place = next((n for n, part in enumerate(parts[:-1]) if re.fullmatch(r"sub-[^/]+", part)), None)
    if place is None and "sub" not in entities:
        return None
    at = len(parts) - 1 if place is None else place
    subject = parts[at].removeprefix("sub-") if place is not None else entities["sub"]
    session = next(
        (part.removeprefix("ses-") for part in parts[at:-1] if part.startswith("ses-")), entities.get("ses", "")
    )
    return Bids("/".join(parts[:at]), subject, session)


def is_mask(name: str) -> bool:
    return bool(_MASKS.search(stem(name).lower()))


def bids_sequence(name: str) -> tuple[SequenceName | None, str | None] | None:
    """(sequence, what else it is) by entities and suffix; None where the name is none of BIDS."""
    entities = stem(name).lower().split("_")
    last = entities[-1]
    if len(entities) < 2 or not entities[0].startswith("sub-"):
        return None
    keys = dict(each.split("-", 1) for each in entities[:-1] if "-" in each)
    if keys.get("part", "mag") != "mag":
        return None, "a phase, real or imaginary part"
    if last == "dwi" and re.search(r"adc", keys.get("rec", "") + keys.get("desc", "") + keys.get("acq", "")):
        return "ADC", None
    if last in ("dwi",) and re.search(
        r"(?:^|[^a-z])(?:fa|colfa|md|exp|eadc)", keys.get("rec", "") + keys.get("desc", "")
    ):
        return None, "a map computed from diffusion"
    found = _BIDS.get(last)
    if found == "T1WI" and "ce" in keys:
        return "T1CE", None
    if found is not None:
        return found, None
    other = _BIDS_OTHER.get(last)
    return (None, other) if other else None


def plain_sequence(name: str) -> tuple[SequenceName | None, str | None]:
    """(sequence, what else it is) by the words of a name outside of BIDS."""
    words = re.split(r"[_\-. ]", stem(name).lower())
    known = _PLAIN.get(words[-1])
    if known is not None:
        before = read_name(" ".join(words))
        return (
            known if before.sequence not in ("T1CE", "FLAIR") or known not in ("T1WI", "T2WI") else before.sequence
        ), None
    read = read_name(stem(name))
    if read.sequence == "T1WI" and read.contrast == "with":
        return "T1CE", None
    return read.sequence, read.other


def cases_of(names: Sequence[str]) -> Mapping[str, str]:
    """The label of the case of each NIfTI file of one folder; empty where the folder is the case."""
    stamps = {name: _stamp(name) for name in names}
    if all(stamps.values()):
        return {name: str(stamp) for name, stamp in stamps.items()}  # as dcm2niix writes the examination's time
    left = {name: _left(name) for name in names}
    labels = set(left.values())
    if len(labels) == 1:
        return left
    if "" in labels and not _repeats(names, left):
        return dict.fromkeys(names, "")
    labelled = all(re.search(r"\d{3,}|[a-z]\d|\d[a-z]", each) for each in labels)
    return left if labelled or _repeats(names, left) else dict.fromkeys(names, "")


def _repeats(names: Sequence[str], left: Mapping[str, str]) -> bool:
    """Whether a sequence stands more than once in the folder, but once a label."""
    sequences = {name: plain_sequence(name)[0] for name in names}
    whole = Counter(each for each in sequences.values() if each is not None)
    by_label: dict[str, Counter[str]] = defaultdict(Counter)
    for name in names:
        if sequences[name] is not None:
            by_label[left[name]][str(sequences[name])] += 1
    return max(whole.values(), default=0) > 1 and all(max(each.values()) == 1 for each in by_label.values())


def _stamp(name: str) -> str | None:
    found = re.search(r"(?<!\d)((?:19|20)\d{12})(?!\d)", stem(name))
    return found[1] if found else None


def _left(name: str) -> str:
    words = [word for word in re.split(r"[_\-. ]+", stem(name).lower()) if word]
    return "_".join(word for word in words if not _SCANNED.fullmatch(word))
