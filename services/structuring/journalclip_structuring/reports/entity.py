"""A finding while it is being read, and which finding a diagnosis can be given for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final

GLOBAL: Final = frozenset({"hydrocephalus", "midline shift", "atrophy"})
# Findings that stand beside another one and share its place.
ASSOCIATED: Final = frozenset(
    {"edema", "hemorrhage", "gliosis", "encephalomalacia", "calcification", "cyst", "microbleed"}
)
# What stands beside a mass: enhancement told behind it is the mass's.
NEVER_ENHANCE: Final = frozenset({"edema", "calcification", "hemorrhage", "microbleed", "gliosis", "encephalomalacia"})
# What is seen, and what it can turn out to be ("mass, likely a meningioma" is one finding). `lesion` is anything.
_TUMOURS: Final = frozenset(
    {"glioma", "glioblastoma", "meningioma", "metastasis", "schwannoma", "pituitary adenoma", "lymphoma"}
)
_REFINED: Final[dict[str, frozenset[str]]] = {
    "mass": _TUMOURS
    | {
        "abscess",
        "cyst",
        "arachnoid cyst",
        "cavernoma",
        "vascular malformation",
        "aneurysm",
        "demyelinating plaque",
        "hemorrhage",
    },
    "cyst": _TUMOURS | {"arachnoid cyst", "abscess", "mass", "encephalomalacia"},
    "infarct": frozenset({"lacunar infarct"}),
    "hemorrhage": frozenset({"microbleed", "subdural hematoma", "contusion", "cavernoma", "vascular malformation"}),
    "microbleed": frozenset({"cavernoma"}),
    "glioma": frozenset({"glioblastoma"}),
    "white matter lesion": frozenset({"demyelinating plaque", "infarct", "lacunar infarct", "gliosis"}),
    "vascular malformation": frozenset({"cavernoma"}),
    "encephalomalacia": frozenset({"infarct", "contusion"}),
    "calcification": _TUMOURS | {"mass", "cavernoma", "vascular malformation", "aneurysm"},
    "gliosis": frozenset({"infarct", "demyelinating plaque", "white matter lesion"}),
    "edema": frozenset({"infarct"}),
}


def refines(seen: str, diagnosis: str) -> bool:
    """Can a finding seen as the one be diagnosed as the other?"""
    return (seen == "lesion" and diagnosis != "lesion" and diagnosis not in GLOBAL) or diagnosis in _REFINED.get(
        seen, ()
    )


# Sites that one report names for the same place.
_NEIGHBOURS: Final = (
    {"hippocampus", "temporal lobe"},
    {"insula", "sylvian fissure"},
    {"basal ganglia", "caudate", "internal capsule"},
    {"periventricular white matter", "centrum semiovale", "corona radiata"},
    {"vermis", "cerebellar hemisphere"},
    {"convexity", "frontal lobe"},
    {"convexity", "parietal lobe"},
    {"convexity", "temporal lobe"},
    {"falx", "frontal lobe"},
    {"falx", "parietal lobe"},
    {"sella", "cavernous sinus"},
)


# A site, and one within it that says more.
_CLOSER: Final = frozenset({("temporal lobe", "hippocampus")})

# Diagnoses that only say more of what they refine.
STRICTER: Final = frozenset({("glioma", "glioblastoma"), ("infarct", "lacunar infarct"), ("cyst", "arachnoid cyst")})


# Diagnoses that are weighed against each other.
ALTERNATIVES: Final = _TUMOURS | {"mass", "abscess", "cyst", "arachnoid cyst"}

# Diagnoses that may stand behind a comma for what was seen before it.
APPOSED: Final = (ALTERNATIVES - {"mass", "cyst"}) | {"cavernoma", "infarct", "lacunar infarct", "demyelinating plaque"}


_BLED: Final = re.compile(r"ha?emorrhagic (?:lesions?|mass(?:es)?|tumou?rs?|nodules?|foc(?:us|i))", re.IGNORECASE)


def _near(a: str | None, b: str | None) -> bool:
    return any({a, b} <= group for group in _NEIGHBOURS)


@dataclass(eq=False)
class Entity:
    """One finding; None means that nothing was said so far."""

    term: str
    start: int
    end: int
    text: str
    negated: bool = False
    certainty: str = "certain"
    site: str | None = None
    side: str | None = None
    size: str | None = None
    count: str | None = None
    shape: str | None = None
    mass_effect: str | None = None
    enhancement: str | None = None
    change: str | None = None
    on: dict[str, str | None] = field(default_factory=dict)
    not_on: set[str] = field(default_factory=set)
    sign: bool = False  # a sign, not a diagnosis: "widened sulci"
    around: bool = False  # it surrounds another finding and shares its place
    joined: bool = False  # it was introduced by "with" or the like
    placed: bool = False  # the text gave it a place of its own, coded or not
    implicit: bool = False  # no word names it: signals without a finding
    seen: str = ""  # what it was seen as before a diagnosis was given for it
    beside: bool = False  # "with" brought it in: what the next chunk says is of the finding before
    second: tuple[str | None, str | None] | None = None  # a further place that the text gives it
    common: dict[str, str | None] | None = None  # of a plural: what was said before its members were named
    nearest: tuple[str, str | None] | None = None  # of a plural: the place of the member that was named last
    members: int = 0  # of a plural: how many were named one by one
    ahead: bool = False  # its place stands before its word, without a side
    alone: bool = False  # its sentence names it and says nothing else: "Acute infarcts."
    label: str = ""  # a number behind its word: "lesion 2"
    fresh: bool = False  # "new" stands before it, affirmed or denied
    white: bool = False  # it lies in white matter that no site names
    sentence: int = 0
    section: str = "findings"

    @property
    def bare(self) -> bool:
        """Was nothing said of it but its name and how sure it is?"""
        said = (self.site, self.side, self.size, self.count, self.shape, self.enhancement, self.change, self.seen)
        return not any(said) and not self.on and not self.placed and not self.members

    @property
    def generic(self) -> bool:
        return self.term in {"lesion", "mass"} or self.bled

    @property
    def bled(self) -> bool:
        """Is it a lesion of which so far only a bleed is known ("haemorrhagic lesion")?"""
        return self.term == "hemorrhage" and _BLED.fullmatch(self.text) is not None

    def can_be(self, term: str) -> bool:
        """Can it be diagnosed as that?"""
        return refines(self.term, term) or (self.bled and refines("mass", term))

    def place(self, site: str | None, side: str | None) -> None:
        """What is said first of a place stays; a side goes with its site."""
        if self.term in GLOBAL - {"atrophy"}:
            self.side = self.side or (side if self.term == "midline shift" and not site else None)
            return
        if self.members and site not in {None, "-"} and site:
            self.nearest = (site, side)
        if self.members and self.site is None and self.side == "bilateral" and site not in {None, "-"} and side:
            self.site, self.side, self.placed = site, side, True  # "in both hemispheres, the largest in ..."
            return
        elsewhere = site == "-" and side is not None and self.side not in {None, side, "bilateral"}
        if (self.site, site) in _CLOSER and (side is None or self.side in {None, side}):
            self.site, self.side = site, self.side or side  # the closer word for the same place
            return
        second = self.placed and ((site is not None and site not in {self.site, "-"}) or elsewhere)
        across = site == self.site and site is not None and {side, self.side} == {"left", "right"}
        second = second or (self.placed and across)
        self.placed = self.placed or bool(site)
        if second and (self.site is not None or elsewhere):
            self.second = (site, side)
            return
        if site and site != "-" and self.site is None:
            self.site = site
        if side and self.side is None:
            self.side = side

    def show(self, sequence: str, signal: str | None) -> None:
        if self.term in GLOBAL or sequence == "-":
            return
        if self.on.get(sequence) is None:
            self.on[sequence] = signal

    def clone(self, term: str, start: int, end: int, text: str) -> Entity:
        """A second diagnosis for the same thing."""
        return replace(self, term=term, start=start, end=end, text=text, on=dict(self.on), not_on=set(self.not_on))

    def absorb(self, other: Entity) -> None:
        """Take what another reading of the same finding says."""
        self.place(other.site, other.side)
        for name in ("size", "count", "shape", "mass_effect", "enhancement", "change"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(other, name))
        for sequence, signal in other.on.items():
            self.show(sequence, signal)
        self.not_on |= other.not_on

    def fits(self, site: str | None, side: str | None) -> bool:
        """Could the finding lie there? What is not said fits everything."""
        return (site in {None, "-"} or self.site in {None, site} or _near(self.site, site)) and (
            side is None or self.side in {None, side} or "bilateral" in {self.side, side}
        )

    def plain(self) -> dict[str, Any]:
        """For people who look into the reader."""
        return {name: value for name, value in self.__dict__.items() if value}
