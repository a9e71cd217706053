import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from journalclip_devtools.doubles.readers import article
from journalclip_extraction.article import Crop, ExtractOptions, ReadPanel
from journalclip_extraction.quality import appraise, judge
from journalclip_extraction.quality.features import NAMES, measure
from journalclip_extraction.quality.model import INPUTS, QualityModel, inputs_of, parse, version
from journalclip_extraction.quality.registered import load, promote, register
from journalclip_extraction.quality.train import Example, Label, read_labels, save, train
from journalclip_extraction.quality.words import is_idle, named
from journalclip_extraction.settings import ExtractionSettings
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.errors import PermanentError
from journalclip_shared.records.article import Modality, Usefulness
from journalclip_shared.testing.memory import MemoryRegistry

LABELS = Path(__file__).parent / "data" / "quality_labels.json"


def scan(seed: int = 0, side: int = 300) -> Image.Image:
    """Continuous tone on black, grainy: what CT and MRI look like to the measurements."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:300j, -1:1:300j]
    tones = 160 * np.exp(-3 * (x**2 + y**2)) + 30 * np.sin(9 * x) * np.cos(7 * y) + rng.normal(0, 12, x.shape)
    return Image.fromarray(np.clip(tones + 40, 0, 255).astype(np.uint8)).resize((side, side))


def bars() -> Image.Image:
    image = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(image)
    for at in range(8):
        draw.rectangle((30 + 45 * at, 280 - 25 * at, 60 + 45 * at, 280), fill="steelblue", outline="black")
    draw.line((20, 10, 20, 285, 390, 285), fill="black", width=2)
    return image


@pytest.mark.parametrize(
    ("caption", "modality"),
    [
        ("Axial CT showing a subdural haematoma.", "CT"),
        ("T2-weighted magnetic resonance imaging of the spine.", "MRI"),
        ("Digital subtraction angiogram (DSA) of the left carotid.", "angiography"),
        ("Lateral radiograph of the cervical spine.", "X-ray"),
        ("Transcranial Doppler ultrasound.", "ultrasound"),
        ("Photomicrograph, haematoxylin and eosin.", "histology"),
        ("Colonoscopy: a polyp.", "endoscopy"),
        ("Intraoperative photograph of the tumour.", "photograph"),
        ("FDG-PET with focal uptake.", "nuclear"),
    ],
)
def test_a_scan_is_what_its_caption_says(caption: str, modality: Modality) -> None:
    quality, found, by = judge(scan(), caption)
    assert (quality.usefulness, found) == ("imaging", modality)
    assert quality.by == by == "rules-1"


def test_a_drawing_is_no_scan_whatever_its_caption_says() -> None:
    quality, modality, _ = judge(bars(), "Survival after CT and MRI; bars are means.")
    assert (quality.usefulness, modality) == ("other", "chart")
    assert judge(bars(), "Schematic of the circle of Willis.")[1] == "diagram"


@pytest.mark.parametrize(
    ("image", "caption", "words"),
    [
        (None, "Axial CT.", "no image"),
        (Image.new("L", (30, 400), 90), "CT.", "30 x 400 pixels"),
        (Image.new("L", (4000, 60), 90), "CT.", "strip"),
        (Image.new("RGB", (300, 300), "white"), "CT.", "blank"),
        (bars(), "PRISMA flow diagram.", "flow"),
    ],
)
def test_a_rejected_figure_keeps_its_reason(image: Image.Image | None, caption: str, words: str) -> None:
    quality, _, _ = judge(image, caption)
    assert quality.usefulness == "discard"
    assert words in quality.reason


def test_first_named_is_first() -> None:
    assert named("MRI (left) and CT (right)")[:2] == ["MRI", "CT"]
    assert "MRI" not in named("as mr Smith says")


@given(st.text(max_size=300))
def test_any_caption_can_be_read(caption: str) -> None:
    assert set(named(caption)) <= set(get_args(Modality))
    assert isinstance(is_idle(caption), bool)


@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from(["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16"]))
def test_every_image_can_be_measured(wide: int, high: int, mode: str) -> None:
    found = measure(Image.new(mode, (wide, high)), (wide, high))
    assert found.shape == (len(NAMES),)
    assert np.isfinite(found).all()


def test_resolution_hardly_matters() -> None:
    large, small = measure(scan(side=900), (300, 300)), measure(scan(side=260), (300, 300))
    assert np.abs(large - small).max() < 0.2


def examples() -> list[Example]:
    found = []
    for at in range(12):
        for image, useful, modality in ((scan(at), "imaging", "CT"), (bars(), "other", "chart")):
            caption = "Axial CT." if modality == "CT" else "Bars."
            label = Label.model_validate(
                {"article": f"a{at}", "figure": "1", "usefulness": useful, "modality": modality}
            )
            inputs = inputs_of(measure(image, image.size), caption)
            found.append(Example(label, inputs, (label.usefulness, label.modality)))
    return found


def test_a_model_learns_the_labels_and_judges_by_its_digest() -> None:
    model, report = train(examples(), 24)
    assert report.model == {"usefulness": 1.0, "modality": 1.0}
    assert report.majority == {"usefulness": 0.5, "modality": 0.5}
    text = save(model)
    quality, modality, by = judge(scan(99), "Axial CT.", text)
    assert (quality.usefulness, modality, by) == ("imaging", "CT", version(text))
    assert save(train(examples(), 24)[0]) == text


def test_a_model_that_learnt_other_labels_judges_otherwise() -> None:
    swapped = [
        replace(each, label=each.label.model_copy(update={"usefulness": "discard"}))
        if each.label.usefulness == "imaging"
        else each
        for each in examples()
    ]
    quality, _, _ = judge(scan(99), "Axial CT.", save(train(swapped, 24)[0]))
    assert quality.usefulness == "discard"
    assert quality.reason


def test_no_model_overrules_emptiness() -> None:
    text = save(train(examples(), 24)[0])
    assert judge(Image.new("L", (300, 300)), "Axial CT.", text)[0].usefulness == "discard"


def damaged(**changes: object) -> str:
    model = json.loads(save(train(examples(), 24)[0]))
    return json.dumps({**model, **changes})


@pytest.mark.parametrize(
    "changes", [{"inputs": ["size"]}, {"mean": [0.0]}, {"pickle": "gASV"}, {"modality": {"classes": ["sorcery"]}}]
)
def test_a_file_that_is_no_model_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(PermanentError) as caught:
        parse(damaged(**changes))
    assert caught.value.code == "quality-model-invalid"


def test_classes_that_do_not_exist_are_refused() -> None:
    head = {"classes": ["sorcery"], "weights": [[0.0] * len(INPUTS)], "bias": [0.0]}
    with pytest.raises(PermanentError, match="classes"):
        parse(damaged(modality=head))


def test_a_class_without_weights_is_refused() -> None:
    head = {"classes": ["CT", "MRI"], "weights": [[0.0] * len(INPUTS)], "bias": [0.0]}
    with pytest.raises(PermanentError, match="one number"):
        parse(damaged(modality=head))


def test_too_few_labels_are_refused() -> None:
    with pytest.raises(PermanentError) as caught:
        train(examples()[:2], 2)
    assert caught.value.code == "labels-too-few"


def test_a_label_file_of_another_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('[{"article": "a.pdf"}]')
    with pytest.raises(PermanentError) as caught:
        read_labels(tmp_path / "labels.json")
    assert caught.value.code == "labels-invalid"


def test_the_hand_labels_are_facts_only_and_enough() -> None:
    labels = read_labels(LABELS)
    assert len(labels) >= 200
    assert len({(label.article, label.figure) for label in labels}) == len(labels)
    assert {label.usefulness for label in labels} == set(get_args(Usefulness))


def test_settings_take_a_trained_model_and_refuse_another(tmp_path: Path) -> None:
    path = tmp_path / "quality.json"
    path.write_text(save(train(examples(), 24)[0]))
    assert isinstance(parse(ExtractionSettings(quality_model=path).options().quality_model), QualityModel)
    assert ExtractionSettings().options() == ExtractOptions()
    path.write_text("{}")
    with pytest.raises(PermanentError, match="quality-model-invalid"):
        ExtractionSettings(quality_model=path).options()


def test_a_figure_is_appraised_with_its_panels(tmp_path: Path) -> None:
    scan(side=600).save(tmp_path / "a.jpg", quality=90)
    crop = Crop((tmp_path / "a.jpg").read_bytes(), "image/jpeg", 600, 600)
    bare = article("T").figures[0]
    box = bare.box
    assert box is not None
    figure = replace(
        bare, caption="Axial CT.", crop=crop, panels=(ReadPanel("A", 1, box, crop=crop), ReadPanel("B", 1, box))
    )
    found = appraise(figure)
    assert found.quality is not None
    assert found.content is not None
    assert (found.quality.usefulness, found.modality, found.modality_by) == ("imaging", "CT", found.content.by)
    assert [panel.content is None for panel in found.panels] == [False, True]
    assert found.phash == found.panels[0].phash
    assert found.panels[1].phash is None
    assert appraise(replace(figure, crop=None)).quality is None


def test_a_registered_model_becomes_champion_only_if_it_beats_the_rules(tmp_path: Path) -> None:
    store, registry = LocalArtifacts(tmp_path), MemoryRegistry()
    text = save(train(examples(), 24)[0])
    worse = register(store, registry, text, {"accuracy.usefulness": "0.8", "rules.usefulness": "0.9"})
    assert register(store, registry, text, {}).version == worse.version
    assert promote(registry, worse.version) == "the rules are better at usefulness"
    with pytest.raises(PermanentError) as caught:
        load(store, registry, "champion")
    assert caught.value.code == "quality-model-missing"
    assert promote(registry, worse.version, anyway=True) == ""
    assert load(store, registry, "champion") == text
    with pytest.raises(PermanentError, match="version 9"):
        promote(registry, "9")
