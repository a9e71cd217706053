"""From cuts to panels: regions are cut where the evidence is strongest until nothing convincing is left.

Three witnesses say how far to go: the cuts' own strength; the number of panels that the caption names; and the panel
letters found in the figure, of which no panel holds two. Where panels touch without a visible border, the letters'
places alone say where one ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from journalclip_extraction.panels.cuts import Cut, find_cuts
from journalclip_extraction.panels.raster import Raster, Region

CONVINCING = 0.38  # a cut that needs no other witness
POSSIBLE = 0.16  # a cut that the caption's count or the letters may ask for
ALIKE = 0.85  # of the weakest cut made: another one as strong is not noise beyond the count, but a border
PARTS_LETTERS = 0.3  # what a cut gains by leaving letters on both sides
AT_LETTER = 0.4  # and by running just before a letter, in whose corner panels begin
NEAR = 0.08  # of the figure's shorter side: how near "just before" is
CORNER = 0.15  # of the figure: letters this near to its edge stand in the corners of their panels
MOST = 30


@dataclass(frozen=True)
class Segments:
    """Panels' regions in no particular order."""

    regions: tuple[Region, ...]
    weakest: float  # strength of the weakest cut that was made; 1 if none was
    next_best: float  # strength of the strongest cut that was not
    guessed: bool = False  # was some cut made at a letter's place with nothing to be seen there?


@dataclass
class _Cutting:
    raster: Raster
    expected: int | None
    letters: Mapping[str, Region]
    open: list[Region] = field(default_factory=list)
    known: dict[Region, list[Cut]] = field(default_factory=dict)
    weakest: float = 1.0
    guessed: bool = False

    def run(self) -> Segments:
        self.open = [self.raster.whole]  # untrimmed: letters may stand in the margin
        while len(self.open) < MOST:
            best = self._best()
            if best is None or not self._wanted(*best):
                best = self._guess()
            if best is None:
                break
            region, cut = best
            self.open.remove(region)
            self.open += _halves(region, cut)
            self.weakest = min(self.weakest, cut.strength)
        rest = self._best()
        regions = tuple(trimmed(self.raster, region) for region in self.open)
        return Segments(regions, self.weakest, rest[1].strength if rest else 0.0, self.guessed)

    def _best(self) -> tuple[Region, Cut] | None:
        """The cut with most evidence over all open regions."""
        ranked = [
            (self._evidence(region, cut), region, cut)
            for region in self.open
            for cut in self.known.setdefault(region, find_cuts(self.raster, region))
            if self._allowed(region, cut)
        ]
        if not ranked:
            return None
        _, region, cut = max(ranked, key=lambda item: item[0])
        return region, cut

    def _wanted(self, region: Region, cut: Cut) -> bool:
        if self._parts(region, cut):
            return True
        count = len(self.open)
        if self.expected is None:
            return cut.strength >= CONVINCING
        if count < self.expected:
            return cut.strength >= POSSIBLE
        return cut.strength >= max(CONVINCING, ALIKE * self.weakest)

    def _allowed(self, region: Region, cut: Cut) -> bool:
        """Print alone is no panel. Letters forbid a cut that leaves a part without one, unless some were not found."""
        if not all(map(self.raster.has_body, _halves(region, cut))):
            return False
        if not self.letters or self._parts(region, cut):
            return True
        inside = len(self._inside(region))
        missing = (self.expected or 0) - len(self.letters)
        empty = sum(1 for other in self.open if not self._inside(other))
        return missing - empty > 0 and (inside < 2 or cut.strength >= CONVINCING)

    def _evidence(self, region: Region, cut: Cut) -> float:
        if not self._parts(region, cut):
            return cut.strength
        return cut.strength + PARTS_LETTERS + AT_LETTER * self._nearness(region, cut)

    def _nearness(self, region: Region, cut: Cut) -> float:
        """1 where the cut runs just before the next letter (or just behind the last, if letters end panels)."""
        low = 0 if cut.axis == "x" else 1
        whole = self.raster.whole
        length = whole[low + 2]
        side = min(whole.width, whole.height)
        boxes = self._inside(region)
        after = [box for box in boxes if _middle(box, cut.axis) >= cut.at]
        before = [box for box in boxes if _middle(box, cut.axis) < cut.at]
        if min(box[low] for box in self.letters.values()) <= CORNER * length:
            distance = min(box[low] for box in after) - cut.end
        elif max(box[low + 2] for box in self.letters.values()) >= (1 - CORNER) * length:
            distance = cut.start - max(box[low + 2] for box in before)
        else:
            return 0.0
        return max(0.0, 1 - distance / (NEAR * side)) if distance >= -2 else 0.0

    def _parts(self, region: Region, cut: Cut) -> bool:
        """Does the cut leave letters on both sides?"""
        inside = self._inside(region)
        before = sum(1 for box in inside if _middle(box, cut.axis) < cut.at)
        return 0 < before < len(inside)

    def _inside(self, region: Region) -> list[Region]:
        return [
            box
            for box in self.letters.values()
            if region.x0 <= _middle(box, "x") < region.x1 and region.y0 <= _middle(box, "y") < region.y1
        ]

    def _guess(self) -> tuple[Region, Cut] | None:
        """A cut just before a letter that shares its region, where all letters stand in left top corners."""
        if not self.letters:
            return None
        whole = self.raster.whole
        off_x = min(box.x0 for box in self.letters.values()) - whole.x0
        off_y = min(box.y0 for box in self.letters.values()) - whole.y0
        if off_x > CORNER * whole.width or off_y > CORNER * whole.height:
            return None
        for region in self.open:
            inside = self._inside(region)
            if len(inside) < 2:
                continue
            height = max(box.height for box in inside)
            rows = sorted({box.y0 for box in inside})
            columns = sorted({box.x0 for box in inside})
            cut = None
            if rows[-1] - rows[0] > 2 * height:
                first = next(y for y in rows if y - rows[0] > 2 * height)
                cut = Cut("y", first, first, first - max(0, off_y), POSSIBLE)
            elif columns[-1] - columns[0] > 2 * height:
                first = next(x for x in columns if x - columns[0] > 2 * height)
                cut = Cut("x", first, first, first - max(0, off_x), POSSIBLE)
            if cut is not None and self._parts(region, cut):
                self.guessed = True
                return region, cut
        return None


def segment(raster: Raster, expected: int | None = None, letters: Mapping[str, Region] | None = None) -> Segments:
    """Cut the figure. ``letters`` are the boxes of panel letters in the image's own pixels."""
    scaled = {name: Region(*(round(v / raster.scale) for v in box)) for name, box in (letters or {}).items()}
    return _Cutting(raster, expected, scaled).run()


def _middle(box: Region, axis: str) -> float:
    return (box.x0 + box.x1) / 2 if axis == "x" else (box.y0 + box.y1) / 2


def _halves(region: Region, cut: Cut) -> tuple[Region, Region]:
    if cut.axis == "x":
        return region._replace(x1=cut.at), region._replace(x0=cut.at)
    return region._replace(y1=cut.at), region._replace(y0=cut.at)


def trimmed(raster: Raster, region: Region) -> Region:
    """Without white margins; black ones belong to the picture."""
    for _ in range(2):  # a margin can appear only after the other axis is trimmed
        columns, rows = raster.columns(region), raster.rows(region)
        xs = (columns.white < 0.995).nonzero()[0]
        ys = (rows.white < 0.995).nonzero()[0]
        if not len(xs) or not len(ys):
            return region
        region = Region(
            region.x0 + int(xs[0]), region.y0 + int(ys[0]), region.x0 + int(xs[-1]) + 1, region.y0 + int(ys[-1]) + 1
        )
    return region
