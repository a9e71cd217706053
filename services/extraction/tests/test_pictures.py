import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from journalclip_extraction.article import ExtractOptions
from journalclip_extraction.panels.beneath import panels_above
from journalclip_extraction.panels.fit import fitted
from journalclip_extraction.panels.names import names_in
from journalclip_extraction.panels.raster import Region
from journalclip_extraction.quality.caption_votes import kind_votes, modality_votes
from journalclip_extraction.quality.features import Vector
from journalclip_extraction.quality.learn import LabelledFigure, fit, folds, save
from journalclip_extraction.quality.network import WIDTH, network
from journalclip_extraction.quality.pictures import look, see
from journalclip_extraction.single import answer, packed, read_picture
from journalclip_shared.errors import PermanentError

KINDS = ("radiology", "microscopy", "other", "chart", "mixed")
MODALITIES = ("CT", "MR", "angiography", "PET")


def chart() -> Image.Image:
    image = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(image)
    draw.line([(40, 20), (40, 260), (380, 260)], fill="black", width=2)
    for at, high in enumerate((120, 60, 200, 90, 150)):
        draw.rectangle([70 + 60 * at, 260 - high, 105 + 60 * at, 260], fill=(40, 90, 200))
    return image


def test_the_network_computes_what_torch_computes() -> None:
    torch = pytest.importorskip("torch")
    timm = pytest.importorskip("timm")
    from journalclip_extraction.quality.checkpoint import read_checkpoint

    tensors = read_checkpoint()
    ours = [name for name in tensors if "num_batches" not in name]
    net = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    theirs = [name for name in net.state_dict() if "num_batches" not in name]
    state = {name: torch.from_numpy(tensors[own]) for name, own in zip(theirs, ours, strict=True)}
    net.load_state_dict(state, strict=False)
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    batch = torch.from_numpy((noise.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        expected = net.forward_features(batch).mean((2, 3))[0].numpy()
    found = network().features(Image.fromarray(noise))
    assert found.shape == (WIDTH,)
    assert np.abs(found - expected).max() < 1e-4


def test_a_drawn_chart_is_no_medical_picture() -> None:
    content = look(see(chart(), chart().size), "Number of patients in five groups, as bars.")
    assert content.kind in ("chart", "diagram")
    assert not content.useful
    assert content.modalities == ()
    assert content.marks is None


@pytest.mark.parametrize(
    ("caption", "kind"),
    [
        ("Axial CT of the head.", "radiology"),
        ("H&E stain, x400.", "microscopy"),
        ("Fundus of the left eye.", "other"),
        ("(a) Axial CT. (b) Coronal CT. (c) Histology of the mass. (d) Immunohistochemical stain.", "mixed"),
        ("(a) Axial CT. (b) Coronal CT, slides 1 and 2.", "radiology"),
    ],
)
def test_a_caption_votes_for_what_it_names(caption: str, kind: str) -> None:
    votes = kind_votes(caption, KINDS)
    assert votes.argmax() == KINDS.index(kind)
    assert votes[KINDS.index(kind)] > 0


@pytest.mark.parametrize(
    ("caption", "modality"),
    [
        ("CT angiography of the neck.", "CT"),
        ("Coronary angiogram.", "angiography"),
        ("T2-weighted image; the mass was seen on CT before.", "MR"),
        ("FDG-PET of the pet owner.", "PET"),
    ],
)
def test_the_first_modality_named_counts_most(caption: str, modality: str) -> None:
    assert MODALITIES[int(modality_votes(caption, MODALITIES).argmax())] == modality


def test_words_without_a_modality_vote_for_none() -> None:
    assert not modality_votes("A pet dog.", MODALITIES).any()


def labelled() -> tuple[list[LabelledFigure], Vector]:
    rng = np.random.default_rng(1)
    figures, rows = [], []
    for at in range(40):
        scan = at % 2 == 0
        kind, useful = ("radiology", "yes") if scan else ("chart", "no")
        modality, marks = (("CT", "MR")[at % 4 // 2],) if scan else (), ("yes", "no")[at % 4 // 2] if scan else ""
        figures.append(
            LabelledFigure(
                file=f"{at}", article=f"a{at // 2}", kind=kind, modality=modality, useful=useful, marks=marks
            )
        )
        rows.append(0.3 * rng.normal(size=8) + 3 * np.eye(8)[at % 4])
    return figures, np.stack(rows)


def test_folds_never_show_a_classifier_its_own_articles() -> None:
    figures, inputs = labelled()
    seen: list[str] = []
    right = 0
    for fold in folds(figures, inputs):
        assert fold.model.labels + len(fold.unseen) == len(figures)
        for figure in fold.unseen:
            right += fold.model.read(inputs[figures.index(figure)], "", "a fold").kind == figure.kind
            seen.append(figure.file)
    assert sorted(seen) == sorted(figure.file for figure in figures)
    assert right >= 32


def test_the_same_labels_give_the_same_numbers() -> None:
    figures, inputs = labelled()
    assert save(fit(figures, inputs, "test")) == save(fit(figures, inputs, "test"))


def named_panels(names: str, wide: int = 300) -> Image.Image:
    """Grey noise in two rows of two with a name in brackets beneath each."""
    image = Image.new("L", (2 * wide + 60, 2 * 260), "white")
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(0)
    for at, name in enumerate(names):
        x, y = 20 + (at % 2) * (wide + 20), 10 + (at // 2) * 260
        image.paste(Image.fromarray(rng.integers(0, 200, (200, wide), dtype=np.uint8)), (x, y))
        draw.text((x + wide // 2, y + 206), f"({name})", fill=0, font_size=24)
    return image


def panels_above_names(image: Image.Image, labels: tuple[str, ...]) -> dict[str, Region]:
    return panels_above(image, fitted(names_in(image), labels))


@pytest.mark.parametrize("style", ["({})", "{})", "{}."])
@pytest.mark.parametrize(("ground", "ink"), [("white", "black"), ("black", "white"), ("white", (210, 40, 40))])
def test_names_are_read_in_any_style_and_colour(style: str, ground: str, ink: str) -> None:
    image = Image.new("RGB", (700, 300), ground)
    for at, letter in enumerate("abc"):
        ImageDraw.Draw(image).text((60 + 200 * at, 120), f"{style.format(letter)} Graft", fill=ink, font_size=26)
    found = fitted(names_in(image), tuple("ABC"))
    assert [(label, round((box.x0 - 60) / 200)) for label, box in found.items()] == [("A", 0), ("B", 1), ("C", 2)]


def test_what_is_printed_decides_over_the_order_of_names() -> None:
    image = Image.new("L", (700, 300), 255)
    for at, letter in enumerate("bac"):
        ImageDraw.Draw(image).text((60 + 200 * at, 120 + at % 2), f"({letter})", fill=0, font_size=26)
    found = fitted(names_in(image), tuple("ABC"))
    assert [(label, round((box.x0 - 60) / 200)) for label, box in found.items()] == [("A", 1), ("B", 0), ("C", 2)]


def test_strokes_of_any_shape_are_survived() -> None:
    """Rules, dots and thin strokes beside each other: what stands as a bracket about anything is compared."""
    image = Image.new("L", (900, 400), 255)
    draw = ImageDraw.Draw(image)
    for at in range(60):
        x, y = 10 + 14 * at, 20 + 37 * (at % 9)
        draw.line([(x, y), (x, y + 24)], fill=0, width=2)
        draw.line([(x + 4, y + 6 + at % 5), (x + 4 + at % 40, y + 6 + at % 5)], fill=0, width=1 + at % 3)
        draw.line([(x + 8 + at % 40, y), (x + 8 + at % 40, y + 24)], fill=0, width=2)
    assert all(name.scores for name in names_in(image))


def test_words_of_a_sentence_are_no_names() -> None:
    image = Image.new("L", (700, 300), 255)
    ImageDraw.Draw(image).text((20, 20), "as in (a) and in (b), 10. to 12.", fill=0, font_size=24)
    assert fitted(names_in(image), ("A", "B")) == {}


def test_each_panel_is_what_stands_above_its_name() -> None:
    found = panels_above_names(named_panels("abcd"), ("A", "B", "C", "D"))
    assert list(found) == ["A", "B", "C", "D"]
    for at, box in enumerate(found.values()):
        x, y = 20 + (at % 2) * 320, 10 + (at // 2) * 260
        assert np.abs(np.array(box) - [x, y, x + 300, y + 200]).max() <= 4


def test_names_on_the_pictures_edges_are_survived() -> None:
    image = Image.new("L", (400, 300), 255)
    assert panels_above(image, {"A": Region(0, 0, 30, 30), "B": Region(370, 270, 400, 300)}) == {}
    assert panels_above(image, {"A": Region(0, 270, 30, 301), "B": Region(370, 270, 401, 301)}) == {}


def test_names_that_do_not_match_the_caption_are_left() -> None:
    assert panels_above_names(named_panels("abcd"), ("A", "B", "C")) == {}
    assert panels_above_names(named_panels("ghkm"), ("A", "B", "C", "D")) == {}
    assert panels_above_names(chart(), ()) == {}


def test_a_single_picture_is_answered(tmp_path: Path) -> None:
    chart().save(tmp_path / "chart.png")
    row = answer(
        "chart.png", read_picture(packed("Figure 1", "Bars.", (tmp_path / "chart.png").read_bytes()), ExtractOptions())
    )
    assert set(row) == {"file", "kind", "modality", "useful", "marks", "panels"}
    assert (row["useful"], row["panels"]) == ("no", [])
    assert json.loads(json.dumps(row)) == row


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(PermanentError) as caught:
        read_picture(packed("", "", b"%PDF-1.7"), ExtractOptions())
    assert caught.value.code == "picture-unreadable"


def test_the_network_starts_no_thread() -> None:
    """The sandbox forks after it is loaded, and a child may start none: neither its import nor its run does."""
    script = """if True:
        import os
        import PIL.Image
        from journalclip_extraction.quality.network import network
        network().features(PIL.Image.new("RGB", (300, 200), "grey"))
        print(len(os.listdir("/proc/self/task")))
    """
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # else numpy and scipy start theirs
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=alone)
    assert done.stdout.strip() == "1"
