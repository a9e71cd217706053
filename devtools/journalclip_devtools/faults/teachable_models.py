"""A small world in which a model can be taught to be better, worse or forgetful within seconds, for tests of promotion.

The domain is coloured squares in four places with captions that say so; the general domain is the six drawn shapes of
the suite ``synthetic-shapes``. A start is taught the shapes; candidates are taught the domain from there. Datasets are
frozen by the real freeze, candidates are registered and signed as training does it.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from journalclip_evaluation.shapes import SHAPES, draw_shape
from journalclip_freezing import FreezeOptions, freeze
from journalclip_freezing.splits import SplitShares
from journalclip_modeling.encoder import image_features, normalised, text_features, tokenize
from journalclip_modeling.family import context_length
from journalclip_modeling.folder import ClipFolder, save_folder, upload_folder
from journalclip_modeling.scratch import scratch_clip
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_shared.artifacts import ArtifactRef, ArtifactStore
from journalclip_shared.events import ModelTrained
from journalclip_shared.ids import make_id
from journalclip_shared.records.caption import CaptionRecord
from journalclip_shared.records.dataset import DatasetManifest
from journalclip_shared.records.model import ModelFile, ModelManifest
from journalclip_shared.records.pair import Pair, StructuredArticle
from journalclip_shared.registry import ModelRegistry
from journalclip_shared.signing import SIGNATURE_TAG, Signer

COLOURS = ("red", "green", "blue", "white", "yellow", "black")
PLACES = {"left": (0, 10), "right": (20, 10), "upper": (10, 0), "lower": (10, 20)}
TOWERS = ScratchConfig(image_size=32, patch_size=8, width=48, layers=1, heads=2, dim=32, vocabulary=400, context=20)
CARD = {
    "intended_use": "Tests.", "not_for": "Anything else.", "data": "Coloured squares.", "licences": "CC0: all",
    "metrics": "none", "risks": "None: nobody reads its answers.", "base_model": "scratch",
}  # fmt: skip
Lesson = tuple[Image.Image, str]


def draw_pair(number: int) -> Lesson:
    """A coloured square on noise, so that no two pictures are the same."""
    colour, place = COLOURS[number % 6], tuple(PLACES)[number // 6 % 4]
    noise = np.random.default_rng(number).integers(90, 150, (32, 32, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    x, y = PLACES[place]
    ImageDraw.Draw(image).rectangle((x, y, x + 11, y + 11), fill=colour)
    return image, f"A {colour} square on the {place} side of case {number}."


def shape_lessons(count: int) -> list[Lesson]:
    """Shapes with the words that the suite asks with; none of its own test pictures."""
    return [(draw_shape(SHAPES[n % 6], 10_000 + n), f"a drawing of a {SHAPES[n % 6]}.") for n in range(count)]


def freeze_squares(store: ArtifactStore, count: int) -> ArtifactRef:
    """The manifest of a dataset of ``count`` pairs in articles of four, a third of the articles in the test split."""
    documents = [_article(store, start) for start in range(0, count, 4)]
    frozen = freeze(store, documents, FreezeOptions(image_size=32, shares=SplitShares(val=0.05, test=0.35)))
    assert frozen is not None
    return frozen.manifest


def _article(store: ArtifactStore, first: int) -> ArtifactRef:
    article_id = make_id("art", str(first))
    pairs = []
    for number in range(first, first + 4):
        image, text = draw_pair(number)
        png = io.BytesIO()
        image.save(png, "PNG")
        pairs.append(
            Pair(
                pair_id=make_id("pair", str(number)),
                article_id=article_id,
                figure_id=make_id("fig", str(number)),
                label="Figure 1",
                image=store.put("figures", png.getvalue(), "image/png"),
                text=text,
                page=1,
                record=CaptionRecord(),
                modality="CT" if number % 2 else "MRI",
                licence="CC0",
            )
        )
    nothing = store.put("articles", b"no paper behind it", "application/pdf")
    article = StructuredArticle(
        article_id=article_id, structurer="none", extractor="none", source=nothing, name=f"{first}.pdf", pdf=nothing,
        pairs=tuple(pairs),
    )  # fmt: skip
    return store.put("figures", article.canonical(), "application/json")


def taught(clip: ClipFolder, lessons: Sequence[Lesson], steps: int, lr: float = 2e-3, seed: int = 0) -> ClipFolder:
    """A copy that saw the lessons; the same text on two pictures is right for both."""
    pupil = copy.deepcopy(clip.model).train()
    pixels = clip.preprocess.normalise(clip.preprocess.batch([image for image, _ in lessons]))
    texts = [text for _, text in lessons]
    tokens = tokenize(clip.tokenizer, texts, context_length(pupil))
    same = torch.tensor([[float(a == b) for b in texts] for a in texts])
    optimizer, rng = torch.optim.AdamW(pupil.parameters(), lr=lr), np.random.default_rng(seed)
    for _ in range(steps):
        rows = torch.from_numpy(rng.choice(len(lessons), min(32, len(lessons)), replace=False))
        v = normalised(image_features(pupil, pixels[rows]))
        t = normalised(text_features(pupil, tokens["input_ids"][rows], tokens["attention_mask"][rows]))
        target = torch.nn.functional.normalize(same[rows][:, rows], p=1, dim=1)
        logits = 20 * v @ t.T
        loss = torch.nn.functional.cross_entropy(logits, target) + torch.nn.functional.cross_entropy(logits.T, target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return ClipFolder(pupil.eval(), clip.tokenizer, clip.preprocess)


@dataclass
class School:
    """Makes and registers candidates in one store; ``scratch`` holds their folders while they are uploaded."""

    store: ArtifactStore
    registry: ModelRegistry
    signer: Signer | None
    scratch: Path
    dataset: ArtifactRef

    def __post_init__(self) -> None:
        manifest = DatasetManifest.model_validate_json(self.store.get(self.dataset))
        numbers = range(sum(part.pairs for part in manifest.splits.values()) * 2)
        texts = [text for _, text in shape_lessons(6)] + [draw_pair(number)[1] for number in numbers]
        self.untaught = scratch_clip(texts, TOWERS, 0)
        self.start = taught(self.untaught, shape_lessons(120), 150)

    def domain(self, count: int = 144) -> list[Lesson]:
        """Squares that are in no dataset: what is learnt is colour and place."""
        return [draw_pair(100_000 + number) for number in range(count)]

    def register(
        self,
        name: str,
        model: ClipFolder,
        dataset: ArtifactRef | None = None,
        card: Mapping[str, str] | None = None,
        run_id: str = "",
        signed: bool = True,
    ) -> ModelTrained:
        """What training would announce."""
        ref = dataset or self.dataset
        frozen = DatasetManifest.model_validate_json(self.store.get(ref))
        manifest = ModelManifest(
            model_id=make_id("mdl", name), dataset_id=frozen.dataset_id, dataset=ref, recipe="taught", config="{}",
            base="scratch:0", files=self._files(name, model), start_files=self._files("start", self.start), steps=1,
            run_id=run_id, card=dict(CARD if card is None else card), metrics={}, kind="articles",)  # fmt: skip
        written = self.store.put_manifest("models", f"trained/{manifest.model_id}", manifest.canonical())
        tags = {SIGNATURE_TAG: self.signer.sign(written)} if self.signer and signed else {}
        version = self.registry.register(manifest.model_id, written, run_id, tags).version
        self.registry.set_alias("candidate", version)
        return ModelTrained(
            model_id=manifest.model_id,
            dataset_id=frozen.dataset_id,
            manifest=written,
            version=version,
            kind="articles",
        )

    def _files(self, name: str, model: ClipFolder) -> tuple[ModelFile, ...]:
        folder = self.scratch / name
        if not folder.exists():
            save_folder(model, folder)
        return upload_folder(self.store, folder)
