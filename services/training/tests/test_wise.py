from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from journalclip_devtools.doubles.squares import TINY
from journalclip_evaluation.imagenet import imagenet
from journalclip_modeling.encoder import Encoder, Vectors
from journalclip_modeling.folder import ClipFolder
from journalclip_modeling.scratch import scratch_clip
from journalclip_training.reference import FolderReference, ReferenceUnusable
from journalclip_training.wise import Point, choose, draw_front, set_between, sweep, weights

SHARES = st.floats(0, 1)


def make(seed: int) -> ClipFolder:
    return scratch_clip(["a photo of a cat", "a photo of a dog"], TINY, seed)


def test_the_ends_of_the_line_are_the_very_weights() -> None:
    model, other = make(0), make(1)
    start, tuned = weights(model.model), weights(other.model)
    for alpha, expected in ((0.0, start), (1.0, tuned)):
        set_between(model.model, start, tuned, alpha)
        assert all(torch.equal(p, expected[n]) for n, p in model.model.named_parameters())
    set_between(model.model, start, tuned, 0.25)
    name = "visual_projection.weight"
    torch.testing.assert_close(weights(model.model)[name], 0.75 * start[name] + 0.25 * tuned[name])


def test_a_sweep_scores_every_alpha_and_leaves_the_model_as_it_came() -> None:
    tuned = make(1)
    before = weights(tuned.model)
    start = weights(make(0).model)

    def nearness(reference: dict[str, torch.Tensor]) -> float:
        return -float((weights(tuned.model)["visual_projection.weight"] - reference["visual_projection.weight"]).norm())

    points = sweep(tuned, start, (0.5,), lambda _: nearness(before), lambda _: nearness(start))
    assert [p.alpha for p in points] == [0, 0.5, 1]
    assert points[0].domain < points[1].domain < points[2].domain == 0
    assert points[0].general == 0 > points[1].general > points[2].general
    assert all(torch.equal(p, before[n]) for n, p in tuned.model.named_parameters())


@given(rest=st.lists(st.tuples(st.floats(0.01, 1), SHARES, SHARES), max_size=8), cap=st.floats(0, 0.2))
def test_the_chosen_point_never_loses_more_than_the_cap(rest: list[tuple[float, float, float]], cap: float) -> None:
    points = [Point(0, 0.3, 0.5), *(Point(*each) for each in rest)]
    chosen = choose(points, cap)
    assert chosen.general >= 0.5 - cap
    assert chosen.domain >= 0.3
    assert all(p.domain <= chosen.domain for p in points if p.general >= 0.5 - cap)


def test_the_front_is_drawn(tmp_path: Path) -> None:
    points = (Point(0, 0.1, 0.5), Point(0.5, 0.4, 0.5), Point(1, 0.5, 0.3))
    draw_front(points, points[1], tmp_path / "front.png")
    assert Image.open(tmp_path / "front.png").width > 400


def test_a_folder_of_classes_is_a_general_reference(tmp_path: Path) -> None:
    with pytest.raises(ReferenceUnusable):
        FolderReference(tmp_path)(make(0))
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (8, 8), "red").save(tmp_path / name / "1.png")
    # Both pictures are the same, so one of the two classes is right: exactly half.
    assert FolderReference(tmp_path)(make(0)) == 0.5


def test_a_folder_of_imagenets_shape_is_read_by_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    known = imagenet()
    assert len(known.names) == 1000
    assert "tench" in known.names["n01440764"]
    for n, name in enumerate(("n01440764", "n02123045")):
        (tmp_path / name).mkdir()
        for k in range(2):
            Image.new("RGB", (20, 12), (90 * n, 200, 40 * k)).save(tmp_path / name / f"{name}_{k}.JPEG")
    (tmp_path / "n01440764" / "torn.JPEG").write_bytes(b"\xff\xd8 torn")
    (tmp_path / "n01440764" / "._n01440764_0.JPEG").write_bytes(b"a file manager's note")
    said: list[str] = []
    embed = Encoder.embed_texts

    def listening(self: Encoder, texts: Sequence[str]) -> Vectors:
        said.extend(texts)
        return embed(self, texts)

    monkeypatch.setattr(Encoder, "embed_texts", listening)
    reference, model = FolderReference(tmp_path), make(0)
    first = reference(model)
    assert 0 <= first <= 1
    assert any("tench" in text for text in said)
    assert not any("n0144" in text for text in said)
    assert "1 damaged pictures" in caplog.text
    for path in tmp_path.rglob("*.JPEG"):
        path.unlink()
    assert reference(model) == first, "pictures are decoded once, however many models are scored"
    (tmp_path / "n99999999").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "n99999999" / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "n02123045" / "a.png")
    with pytest.raises(ReferenceUnusable, match="n99999999"):
        FolderReference(tmp_path)(model)
