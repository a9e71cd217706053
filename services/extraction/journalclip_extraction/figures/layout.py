"""From captions and pages to figures with boxes: roles, regions, matching, then the words of the picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from journalclip_extraction.captions.gather import Caption, taken
from journalclip_extraction.figures.assignment import Claim, Side, gap, match, side_of
from journalclip_extraction.figures.frames import find_frame
from journalclip_extraction.figures.regions import JOIN, Marks, Region, find_regions, repeated_marks
from journalclip_extraction.figures.roles import split_roles
from journalclip_sources.pdf.content import Line, Page
from journalclip_sources.pdf.geometry import Rect, union
from journalclip_sources.pdf.typography import Typography

_LABEL_REACH = 12.0  # points: axis titles and panel letters stand this close to what they label
_PLATE_CHARS = 200  # of running text on a plate's page: its head, its folio
_ALONE = 0.06  # of a page: a picture this large on a page without captions may belong to a caption overleaf


@dataclass(slots=True, eq=False)
class Placed:
    """A caption with its figure: the page it is on, the box around all of it, and its parts."""

    caption: Caption
    page: Page
    box: Rect | None
    parts: tuple[Region, ...] = ()


class Sheet:
    """One page while it is worked on; its marks are looked at only where a caption asks: most pages have none."""

    def __init__(
        self, page: Page, captions: Sequence[Caption], habits: Typography, taken: Collection[int], repeated: Marks
    ) -> None:
        self.page = page
        self.claims = [Claim(c.box, frozenset(id(li) for li in c.lines), c.candidate.label.kind) for c in captions]
        self._habits, self._taken, self._repeated = habits, taken, repeated
        for claim in self.claims:
            claim.frame = find_frame(page, claim.box) if claim.kind == "figure" else None

    @cached_property
    def _roles(self) -> tuple[list[Line], list[Line]]:
        return split_roles(self.page, self._habits, self._taken)

    @property
    def prose(self) -> list[Line]:
        return self._roles[0]

    @property
    def labels(self) -> list[Line]:
        return self._roles[1]

    @cached_property
    def regions(self) -> list[Region]:
        return self.regions_at(JOIN)

    def free(self) -> list[Region]:
        """Regions that no caption has taken."""
        used = {id(part) for claim in self.claims for part in claim.parts}
        return [region for region in self.regions if id(region) not in used and not region.crumb]

    def is_plate(self) -> bool:
        """A page that holds a picture and hardly a word."""
        if (
            any(claim.kind == "figure" for claim in self.claims)
            or sum(len(li.text) for li in self.prose) > _PLATE_CHARS
        ):
            return False
        return sum(region.box.area for region in self.free()) >= _ALONE * self.page.box.area

    def regions_at(self, join: int) -> list[Region]:
        if not self.page.pictures and not self.page.vectors:
            return []
        frames = [claim.frame for claim in self.claims if claim.frame is not None]
        return find_regions(self.page, self.prose, self._repeated, frames, join)


def place(pages: Sequence[Page], captions: Sequence[Caption], habits: Typography) -> list[Placed]:
    """Find every figure caption's picture. Captions of tables take part, so that figures do not take what is theirs."""
    repeated = repeated_marks(pages)
    held = taken(captions)
    by_page: defaultdict[int, list[Caption]] = defaultdict(list)
    for caption in captions:
        by_page[caption.candidate.page.number].append(caption)
    sheets = {page.number: Sheet(page, by_page[page.number], habits, held, repeated) for page in pages}
    usual: Counter[Side] = Counter()
    for sheet in sheets.values():
        usual.update(_clear_sides(sheet))
    for sheet in sheets.values():
        _match(sheet, usual)
    owners: dict[int, Claim] = {}
    for sheet in sheets.values():
        for claim in sheet.claims:
            owners.update(dict.fromkeys(claim.lines, claim))
    placed: dict[int, Placed] = {}
    lacking: list[Caption] = []
    figures = [caption for caption in captions if caption.candidate.label.kind == "figure"]
    for caption in figures:
        sheet, claim = sheets[caption.candidate.page.number], owners[id(caption.lines[0])]
        if claim.parts:
            placed[id(caption)] = Placed(caption, sheet.page, _with_labels(claim, sheet), tuple(claim.parts))
        elif not caption.rival and not caption.candidate.label.number.startswith("S"):  # a listing of what is online
            lacking.append(caption)
    lacking = [caption for caption in lacking if not _served_by_rival(caption, figures, placed)]
    for caption in lacking:
        if (found := by_twin(caption, sheets)) is not None:
            placed[id(caption)] = found
    lacking = [caption for caption in lacking if id(caption) not in placed]
    placed.update(by_order(lacking, sheets))
    for caption in lacking:
        if id(caption) not in placed:
            number = caption.candidate.page.number
            placed[id(caption)] = _elsewhere(caption, owners[id(caption.lines[0])], sheets[number], sheets)
    return [placed[id(caption)] for caption in figures if id(caption) in placed]


def _served_by_rival(caption: Caption, figures: Sequence[Caption], placed: Mapping[int, Placed]) -> bool:
    """Another caption of its number has a picture: this one only spoke of it."""
    key = caption.candidate.key
    return any(other.rival and other.candidate.key == key and id(other) in placed for other in figures)


def by_twin(caption: Caption, sheets: Mapping[int, Sheet]) -> Placed | None:
    """The picture by which the caption's label is repeated, as manuscripts print their plates."""
    for twin in caption.twins:
        sheet = sheets[twin.candidate.page.number]
        free = sheet.free()
        claim = Claim(twin.box, frozenset(id(line) for line in twin.lines), "figure")
        match([claim], free, sheet.prose, Counter())
        if claim.parts:
            sheet.claims.append(claim)
            return Placed(caption, sheet.page, _with_labels(claim, sheet), tuple(claim.parts))
    return None


def by_order(lacking: Sequence[Caption], sheets: Mapping[int, Sheet]) -> dict[int, Placed]:
    """Plates without labels at an article's end, one a caption in their order; none where their numbers differ."""
    if len(lacking) < 2:
        return {}
    last = max(caption.candidate.page.number for caption in lacking)
    plates = [sheet for number, sheet in sorted(sheets.items()) if number > last and sheet.is_plate()]
    if len(plates) != len(lacking):
        return {}
    placed = {}
    for caption, sheet in zip(lacking, plates, strict=True):
        parts = sheet.free()
        box = union(region.box for region in parts)
        sheet.claims.append(Claim(box, frozenset(), "figure", parts[0], "inside", parts))
        placed[id(caption)] = Placed(caption, sheet.page, box, tuple(parts))
    return placed


def _match(sheet: Sheet, usual: Counter[Side]) -> None:
    """Match; where a caption is left without, look whether two figures that touch were taken for one."""
    if not sheet.claims:
        return
    match(sheet.claims, sheet.regions, sheet.prose, usual)
    join = JOIN
    while join > 0 and sheet.regions and any(c.kind == "figure" and not c.parts for c in sheet.claims):
        join -= 1
        finer = sheet.regions_at(join)
        served = sum(bool(c.parts) for c in sheet.claims)
        match(sheet.claims, finer, sheet.prose, usual)
        if sum(bool(c.parts) for c in sheet.claims) <= served:
            match(sheet.claims, sheet.regions, sheet.prose, usual)
        else:
            sheet.regions = finer


def _clear_sides(sheet: Sheet) -> list[Side]:
    """Where figures stand on pages that leave no choice: one caption, one region."""
    figures = [claim for claim in sheet.claims if claim.kind == "figure"]
    if len(figures) != 1 or len(sheet.claims) != 1:
        return []
    regions = [region for region in sheet.regions if not region.crumb]
    if len(regions) != 1:
        return []
    return [side_of(figures[0].box, regions[0].box)]


def _with_labels(claim: Claim, sheet: Sheet) -> Rect:
    """The figure's box with the words around it: tick labels, axis titles, panel letters."""
    box = claim.figure
    drawn = sum(part.raster_share * part.box.area for part in claim.parts) < 0.5 * box.area
    waiting = [line for line in sheet.labels if line.text]
    grew = True
    while grew:
        grew = False
        for line in list(waiting):
            if gap(box, line.box) <= _LABEL_REACH and _may_take(union((box, line.box)), box, claim, sheet):
                box = union((box, line.box))
                waiting.remove(line)
                grew = True
    return claim.frame.drawing(claim.box, box) if claim.frame is not None and drawn else box


def _may_take(grown: Rect, box: Rect, claim: Claim, sheet: Sheet) -> bool:
    for line in sheet.prose:
        common = grown.overlap(line.box)
        if common and common > box.overlap(line.box) + 0.3 * line.box.area:
            return False
    others = (c.figure for c in sheet.claims if c is not claim and c.parts)
    return all(grown.overlap(other) <= box.overlap(other) + 1 for other in others)


def _elsewhere(caption: Caption, claim: Claim, sheet: Sheet, sheets: dict[int, Sheet]) -> Placed:
    """A caption without a picture on its page: the next or last page's large, unclaimed one; else words alone."""
    for number in (sheet.page.number - 1, sheet.page.number + 1):
        other = sheets.get(number)
        if other is None:
            continue
        free = [r for r in other.free() if r.box.area >= _ALONE * other.page.box.area]
        lonely = not any(c.kind == "figure" and not c.parts for c in other.claims)
        if free and lonely:
            other.claims.append(Claim(union(r.box for r in free), frozenset(), "figure", free[0], "inside", free))
            return Placed(caption, other.page, union(r.box for r in free), tuple(free))
    return Placed(caption, sheet.page, _words_only(claim, sheet))


def _words_only(claim: Claim, sheet: Sheet) -> Rect | None:
    """A figure of nothing but words (a listing, a flow chart without boxes): the labels straight above its caption."""
    near: defaultdict[bool, list[Rect]] = defaultdict(list)
    for line in sheet.labels:
        if line.box.x_overlap(claim.box) > 0 and gap(line.box, claim.box) < 250:
            near[line.box.cy < claim.box.cy].append(line.box)
    above = near[True]
    return union(above) if len(above) >= 2 else None
