"""The extraction benchmark: a folder of PDFs with gold captions and boxes -> precision, recall, box hits and speed.

A gold figure is found when an extracted figure of the same number has a caption at least 90 % similar (normalised edit
similarity of NFKD letters and digits). An extracted figure whose number no gold figure of the article has is a false
positive. Gold figures with ``scored`` false count neither way. Bare PyMuPDF is timed on the same pages in the same run,
both in CPU seconds: pages a second on one core, whatever else the machine is doing.
"""

from __future__ import annotations

import json
import time
import unicodedata
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median

import pymupdf
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from rapidfuzz.distance import Levenshtein

from journalclip_devtools.doubles.scans import as_scan
from journalclip_extraction.article import ExtractOptions, ReadArticle, ReadFigure
from journalclip_extraction.extractor import read_article
from journalclip_shared.errors import PermanentError
from journalclip_sources.pdf.geometry import Rect, iou

SIMILAR = 0.9
BOX_IOU = 0.8
_BARE_FLAGS = pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES


class GoldFigure(BaseModel):
    """One figure of gold.json."""

    model_config = ConfigDict(extra="ignore")
    number: str
    caption: str
    also: tuple[str, ...] = ()  # other right wordings, such as a bilingual caption's second language
    page: int | None = None
    scored: bool = True
    bbox: tuple[float, float, float, float] | None = None
    bbox_page: int | None = None
    bbox_kind: str | None = None


class GoldArticle(BaseModel):
    """One article of gold.json."""

    model_config = ConfigDict(extra="ignore")
    figures: list[GoldFigure]


@dataclass
class Miss:
    """Something the extractor got wrong, for people to look at."""

    file: str
    number: str
    what: str
    similarity: float = 0.0


@dataclass
class Score:
    """Counts over all articles; the ratios follow from them."""

    found: int = 0
    exact: int = 0
    gold: int = 0
    spurious: int = 0
    similarities: list[float] = field(default_factory=list)
    figures: int = 0
    boxed: int = 0
    boxes: dict[str, list[float]] = field(default_factory=dict)
    misses: list[Miss] = field(default_factory=list)


class ExtractionScore(BaseModel):
    """What ``journalclip bench extraction`` prints."""

    articles: int
    pages: int
    gold: int
    found: int
    spurious: int
    precision: float
    recall: float
    f1: float
    exact: float  # share of captions that are right letter for letter and digit for digit
    median_similarity: float
    with_box: float
    box_single: float
    box_complex: float
    pages_per_s: float
    raw_pages_per_s: float
    ratio: float
    failed: dict[str, str]
    misses: list[dict[str, str | float]]
    crops: CropScore | None = None


class CropScore(BaseModel):
    """What crops cost and where they come from; milliseconds of CPU."""

    crops: int
    share: float  # of the figures found
    kept: float  # share that is the file's own JPEG, byte for byte
    ms_per_crop: float
    pages_per_s: float  # reading and cropping
    bytes_per_crop: int


def load_gold(folder: Path) -> dict[str, GoldArticle]:
    """Read gold.json. Raises `PermanentError` where it is absent or not of the known form."""
    path = folder / "gold.json"
    try:
        return TypeAdapter(dict[str, GoldArticle]).validate_python(json.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PermanentError(
            "gold-missing", f"{path} does not exist", "Name a folder with PDFs and gold.json."
        ) from error
    except (ValueError, ValidationError) as error:
        raise PermanentError("gold-invalid", f"{path}: {error}", "See the corpus README for its form.") from error


def normalise(text: str) -> str:
    """Letters and digits of the NFKD form, lower case."""
    return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if c.isalnum())


def similarity(a: str, b: str) -> float:
    """1 minus the edit distance over the longer length, on normalised text."""
    return float(Levenshtein.normalized_similarity(normalise(a), normalise(b)))


def score_article(name: str, gold: GoldArticle, read: ReadArticle | None, score: Score) -> None:
    """Add one article to ``score``; ``read`` is None where the extractor refused the file."""
    by_number: dict[str, list[ReadFigure]] = {}
    for figure in read.figures if read else ():
        by_number.setdefault(figure.number, []).append(figure)
        score.figures += 1
        score.boxed += figure.box is not None
    wanted = {figure.number for figure in gold.figures}
    for number, figures in by_number.items():
        if number not in wanted:
            score.spurious += len(figures)
            score.misses.extend(Miss(name, number, "spurious") for _ in figures)
    for gold_figure in gold.figures:
        rivals = by_number.get(gold_figure.number, [])
        if gold_figure.scored:
            _score_caption(name, gold_figure, rivals, score)
        _score_box(name, gold_figure, rivals, score)


def _score_caption(name: str, gold: GoldFigure, rivals: list[ReadFigure], score: Score) -> None:
    right = (gold.caption, *gold.also)
    best = max((similarity(each, rival.caption) for each in right for rival in rivals), default=0.0)
    score.exact += any(normalise(each) == normalise(rival.caption) for each in right for rival in rivals)
    score.gold += 1
    score.similarities.append(best)
    if best >= SIMILAR:
        score.found += 1
    else:
        score.misses.append(Miss(name, gold.number, "caption" if rivals else "missing", round(best, 3)))


def _score_box(name: str, gold: GoldFigure, rivals: list[ReadFigure], score: Score) -> None:
    if gold.bbox is None or gold.bbox_kind is None:
        return
    boxes = [r for r in rivals if r.box is not None and gold.bbox_page in (None, r.page)]
    best = max(
        (iou(Rect(*gold.bbox), Rect(r.box.x0, r.box.y0, r.box.x1, r.box.y1)) for r in boxes if r.box), default=0.0
    )
    score.boxes.setdefault(gold.bbox_kind, []).append(best)
    if best < BOX_IOU:
        score.misses.append(Miss(name, gold.number, f"box {gold.bbox_kind}", round(best, 3)))


def bench(folder: Path, options: ExtractOptions | None = None, crops: bool = False, scans: str = "") -> ExtractionScore:
    """Score every PDF that gold.json names.

    The score is of reading without writing images, whose cost would hide that of parsing. With ``crops`` each article
    is read once more, with them. With ``scans``, a language, each page is printed and scanned first, and read by OCR.
    """
    options = options or ExtractOptions(crops=False, panels=False, ocr=scans)
    gold = load_gold(folder)
    score, failed, cropped = Score(), dict[str, str](), _Crops()
    ours = bare = 0.0
    pages = 0
    for turn, (name, article) in enumerate(sorted(gold.items())):
        data = (folder / name).read_bytes()
        if scans:
            data = as_scan(data, seed=turn)
        # Whoever comes second finds the file and the allocator warm, so they take turns.
        first_bare = _time_bare(data) if turn % 2 else None
        start = time.process_time()
        try:
            read: ReadArticle | None = read_article(data, options)
        except PermanentError as error:
            read, failed[name] = None, error.code
        taken = time.process_time() - start
        seconds, count = first_bare if first_bare is not None else _time_bare(data)
        ours, bare, pages = ours + taken, bare + seconds, pages + count
        score_article(name, article, read, score)
        if crops and read is not None:
            cropped.add(data, replace(options, crops=True), taken)
    summary = _summary(score, len(gold), pages, ours, bare, failed)
    return summary.model_copy(update={"crops": cropped.score(pages)}) if crops else summary


@dataclass
class _Crops:
    """Counts of a second reading, with crops."""

    figures: int = 0
    crops: int = 0
    kept: int = 0
    size: int = 0
    reading: float = 0.0
    cropping: float = 0.0

    def add(self, data: bytes, options: ExtractOptions, without: float) -> None:
        start = time.process_time()
        article = read_article(data, options)
        spent = time.process_time() - start
        found = [figure.crop for figure in article.figures]
        found += [part.crop for figure in article.figures for part in figure.continued]
        made = [crop for crop in found if crop is not None]
        self.figures += len(found)
        self.crops += len(made)
        self.kept += sum(crop.media_type == "image/jpeg" and crop.data in data for crop in made)
        self.size += sum(len(crop.data) for crop in made)
        self.reading += spent
        self.cropping += max(0.0, spent - without)

    def score(self, pages: int) -> CropScore:
        count = max(1, self.crops)
        return CropScore(
            crops=self.crops,
            share=round(self.crops / max(1, self.figures), 4),
            kept=round(self.kept / count, 4),
            ms_per_crop=round(1000 * self.cropping / count, 1),
            pages_per_s=round(pages / self.reading, 2) if self.reading else 0.0,
            bytes_per_crop=self.size // count,
        )


def _time_bare(data: bytes) -> tuple[float, int]:
    """Seconds and pages of plain PyMuPDF: text dict without images, image info, drawings."""
    start = time.process_time()
    count = 0
    with pymupdf.open(stream=data, filetype="pdf") as document:
        for page in document:
            page.get_text("dict", flags=_BARE_FLAGS)
            page.get_image_info()
            page.get_cdrawings()
            count += 1
    return time.process_time() - start, count


def _summary(s: Score, articles: int, pages: int, ours: float, bare: float, failed: dict[str, str]) -> ExtractionScore:
    precision = s.found / max(1, s.found + s.spurious)
    recall = s.found / max(1, s.gold)
    return ExtractionScore(
        articles=articles,
        pages=pages,
        gold=s.gold,
        found=s.found,
        spurious=s.spurious,
        precision=round(precision, 4),
        recall=round(recall, 4),
        f1=round(2 * precision * recall / max(1e-9, precision + recall), 4),
        exact=round(s.exact / max(1, s.gold), 4),
        median_similarity=round(median(s.similarities), 4) if s.similarities else 0.0,
        with_box=round(s.boxed / max(1, s.figures), 4),
        box_single=_hit_share(s.boxes.get("single", [])),
        box_complex=_hit_share(s.boxes.get("complex", [])),
        pages_per_s=round(pages / ours, 2) if ours else 0.0,
        raw_pages_per_s=round(pages / bare, 2) if bare else 0.0,
        ratio=round(bare / ours, 4) if ours else 0.0,
        failed=failed,
        misses=[asdict(miss) for miss in s.misses],
    )


def _hit_share(overlaps: list[float]) -> float:
    return round(sum(o >= BOX_IOU for o in overlaps) / len(overlaps), 4) if overlaps else 0.0
