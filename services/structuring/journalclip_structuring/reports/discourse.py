"""The findings of a report so far, and the rules that decide whether two mentions are one finding.

The impression repeats the findings section. Two mentions at matching places are one finding if they have the same term,
or if the second is a diagnosis of the first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from journalclip_structuring.reports.entity import ASSOCIATED, GLOBAL, Entity, refines

_MANY: Final = re.compile(
    r"\b(?:both|all|multifocal|multicentric|these|they|findings|appearances|features|lesions)\b|两者|以上|上述|均",
    re.IGNORECASE,
)
# Names of diseases that appear as lesions.
_DISEASE: Final = re.compile(
    r"MS|multiple sclerosis|demyelinat\w+ (?:disease|disorder)|demyelination|metastatic disease", re.IGNORECASE
)
_WHITE_MATTER: Final = frozenset({"periventricular white matter", "centrum semiovale", "corona radiata"})
_SPOTS: Final = re.compile(
    r"hyperintensities|foci|spots|lesions|dots|areas|帽状|斑点|点状|斑片|高信号|信号影", re.IGNORECASE
)
_EXTRA_AXIAL: Final = frozenset({"cerebellopontine angle", "sella", "falx", "convexity", "cavernous sinus"})


def _of_white_matter(entity: Entity) -> bool:
    """Whether the entity is several bright spots of deep white matter, without a size or an enhancement."""
    bright = "hyperintense" in {entity.on.get("T2WI"), entity.on.get("FLAIR")} and set(entity.on) <= {
        "T2WI",
        "FLAIR",
        "T1WI",
    }
    return (
        bright
        and (entity.site in _WHITE_MATTER or entity.white)
        and (_SPOTS.search(entity.text) is not None or (entity.implicit and entity.count == "multiple"))
        and not entity.size
        and not entity.enhancement
    )


def names_disease(words: str) -> bool:
    """Whether ``words`` are the name of a disease that appears as lesions."""
    return _DISEASE.fullmatch(words) is not None


class Discourse:
    """The findings of a report in the order of their first mention."""

    def __init__(self) -> None:
        self.entities: list[Entity] = []
        self.last: list[Entity] = []  # the findings that the next sentence may refer to
        self._number = 0

    def sentence_begins(self) -> int:
        self._number += 1
        return self._number

    def add(self, entity: Entity) -> None:
        self.entities.append(entity)

    def drop(self, entities: Sequence[Entity]) -> None:
        self.entities = [each for each in self.entities if not any(each is other for other in entities)]

    def settled(self) -> list[Entity]:
        """The findings, without signs of a denied finding ("ventricular enlargement ... no hydrocephalus")."""
        self._name_lesions()
        self._adopt()
        for each in self.entities:
            if each.term == "lesion" and not each.negated and _of_white_matter(each):
                each.term = "white matter lesion"
        denied = {each.term for each in self.entities if each.negated}
        lost = any(each.term == "encephalomalacia" and not each.negated for each in self.entities)
        return [
            each
            for each in self.entities
            if each.negated
            or not each.sign
            or (each.term not in denied and not (lost and each.text.lower().startswith("ex vacuo")))
        ]

    def _adopt(self) -> None:
        """Give a diagnosis without a description to an earlier finding that has no diagnosis yet."""
        sentence, given = 0, list[Entity]()
        for named in [each for each in self.entities if _names(each)]:
            before = [each for each in self.entities if each.start < named.start and not each.negated]
            if given and named.sentence == sentence and named.certainty != "certain":
                named.absorb(given[-1])  # a second diagnosis of the same finding
                continue
            signs = [each for each in before if each.sign and each.term == named.term]
            if signs:
                _merge(signs[-1], named)
                signs[-1].certainty, signs[-1].sign = named.certainty, False
                self.drop([named])
                continue
            seen = [
                each for each in before if each.generic and not each.seen and not each.bare and each.can_be(named.term)
            ]
            seen = [each for each in seen if not each.around and each.term != named.term]
            if not seen:
                continue
            many = _is_plural(named.text) or names_disease(named.text)
            given, sentence = (seen if many else seen[-1:]), named.sentence
            for each in given:
                _merge(each, named)
                each.seen = "lesion"
            self.drop([named])

    def _name_lesions(self) -> None:
        """Give lesions without a diagnosis the disease that the report names before them ("Known MS")."""
        for named in [each for each in self.entities if _DISEASE.fullmatch(each.text) and not each.negated]:
            at = self.entities.index(named)
            lesions = [each for each in self.entities[at + 1 :] if each.term == "lesion" and not each.negated]
            lesions = [
                each for each in lesions if each.site not in _EXTRA_AXIAL and not each.implicit and not each.around
            ]
            if named.placed or named.on or not lesions:
                continue
            for each in lesions:
                each.term, each.certainty = named.term, named.certainty
            self.drop([named])

    def spoken_of(self, words: str, plural: bool = False) -> list[Entity]:
        """The findings that a sentence without one refers to: the last, or all without a diagnosis ("both")."""
        if plural or _MANY.search(words):
            vague = [each for each in self.entities if each.generic and not each.negated]
            if vague:
                return vague
        return [each for each in self.last if not each.negated]

    def sentence_ends(self, opened: Sequence[Entity], touched: Sequence[list[Entity]], section: str) -> None:
        """Merge repeated findings, and keep the findings that the next sentence may refer to."""
        self._fill(opened)
        merged: dict[int, Entity] = {}
        given: dict[int, str] = {}  # the diagnosis that this sentence gave a finding
        for each in opened:
            first = self._same(each, opened, section)
            if first is not None and each.certainty == "possible" and given.get(id(first), each.term) != each.term:
                each.absorb(first)  # "paraganglioma vs. schwannoma": two possible diagnoses of one finding
                continue
            if first is not None:
                if each.certainty == "possible":
                    given[id(first)] = each.term
                merged[id(each)] = first
                for other in self._alike(first, each, section):
                    _merge(other, each)
                _merge(first, each)
                self.entities = [other for other in self.entities if other is not each]
        groups = [[merged.get(id(each), each) for each in group if each.term not in GLOBAL] for group in touched]
        groups = [group for group in groups if group]
        hosts = [group for group in groups if not any(_beside(each) for each in group)]
        if groups and (hosts or not self.last):
            self.last = list(dict.fromkeys((hosts or groups)[-1]))

    def _fill(self, opened: Sequence[Entity]) -> None:
        """Drop a finding that has only a name ("Demyelination: yes") if this sentence describes the same term."""
        told = {each.term for each in opened if not each.negated and not each.bare}
        bare = [each for each in self.entities if each.bare and not each.negated and each.term in told - {"lesion"}]
        lesions = any(each.term == "lesion" and not each.negated for each in self.entities)
        bare = [each for each in bare if not (lesions and names_disease(each.text))]  # `_name_lesions` needs it
        self.drop([each for each in bare if not any(each is other for other in opened)])

    def _alike(self, first: Entity, again: Entity, section: str) -> list[Entity]:
        """The other findings that get the same diagnosis when it is in the plural ("metastases")."""
        plural = again.text.endswith("s") or names_disease(again.text)
        many = plural and not again.placed and not again.side and again.count is None
        if not (section == "impression" or again.alone) or not many or not first.generic or again.around:
            return []
        return [each for each in self.entities if each is not first and each.term == first.term and not each.negated]

    def _same(self, new: Entity, opened: Sequence[Entity], section: str) -> Entity | None:
        earlier = [each for each in self.entities if not any(each is other for other in opened)]
        if new.negated:
            same = [
                each for each in earlier if each.negated and each.term == new.term and each.fits(new.site, new.side)
            ]
            # "A meningioma, resected in 2015 ... no residual meningioma": one finding. "no new meningioma": another.
            gone = not new.placed and not new.side and not new.fresh
            same = [
                each
                for each in same
                if (each.site, each.side) == (new.site, new.side)
                or section == "impression"
                or (gone and each.change == "resolved")
            ]
            return same[0] if same and not (new.on and same[0].on and new.on != same[0].on) else None
        if new.term in GLOBAL:
            return next(
                (
                    each
                    for each in earlier
                    if each.term == new.term and not each.negated and each.fits(new.site, new.side)
                ),
                None,
            )
        implicit = [each for each in earlier[-1:] if each.implicit and not each.placed and refines("lesion", new.term)]
        if implicit and not new.around:
            return implicit[0]
        if section != "impression" and not new.alone:
            return None
        told = [each for each in earlier if each.section != "impression"]
        alike = [each for each in told if not each.negated and each.fits(new.site, new.side)]
        exact = [each for each in alike if each.term == new.term]
        seen = [each for each in alike if each.can_be(new.term)]
        vaguer = [each for each in alike if refines(new.term, each.term)]
        ranked = (
            sorted(exact, key=lambda each: -_agreement(each, new))
            or sorted(seen, key=lambda each: (each.term in ASSOCIATED, each.implicit, -_agreement(each, new)))
            or vaguer
        )
        return ranked[0] if ranked else None


def _names(entity: Entity) -> bool:
    """Whether the entity is only a diagnosis, without a place, a signal or a size."""
    if entity.negated or not entity.bare or entity.sign or entity.around or entity.term in GLOBAL | {"lesion", "mass"}:
        return False
    return (
        entity.term not in ASSOCIATED or entity.certainty != "certain" or entity.text.lower().endswith(("cyst", "囊肿"))
    )


def _is_plural(words: str) -> bool:
    return words.lower().endswith("s") and not words.lower().endswith(("sis", "ss", "us"))


def _beside(entity: Entity) -> bool:
    """Whether the entity only accompanies another finding."""
    return entity.around or (entity.joined and entity.term in ASSOCIATED)


def _agreement(a: Entity, b: Entity) -> int:
    return (a.site == b.site is not None) + (a.side == b.side is not None)


def _merge(first: Entity, again: Entity) -> None:
    if first.term != again.term and first.can_be(again.term):
        first.term, first.certainty = again.term, again.certainty
        first.start, first.end, first.text, first.sign = again.start, again.end, again.text, again.sign
    first.absorb(again)
