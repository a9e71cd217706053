from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModel, CLIPModel, ResNetConfig, ResNetModel

from journalclip_modeling.encoder import Encoder
from journalclip_modeling.folder import (
    ClipFolder,
    ModelTampered,
    ModelUnloadable,
    fetch_folder,
    load_folder,
    save_folder,
    upload_folder,
)
from journalclip_modeling.preprocess import Preprocess
from journalclip_modeling.resnet import ResNetClip, with_resnet
from journalclip_modeling.scratch import scratch_clip
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_shared.artifacts.local import LocalArtifacts

TEXTS = ["axial CT of the head", "no infarct", "sagittal MRI, T2", "digital subtraction angiography"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("clip")
    save_folder(scratch_clip(TEXTS, ScratchConfig(), seed=0), target)
    return target


def test_vectors_are_unit_length_and_do_not_depend_on_the_batch(folder: Path) -> None:
    encoder = Encoder.load(folder)
    images = [Image.new("RGB", (40 + 30 * n, 50), (40 * n, 10, 200)) for n in range(4)]
    vectors = encoder.embed_images(images, batch_size=4)
    assert vectors.shape == (4, encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(encoder.embed_images(images, batch_size=1), vectors, atol=1e-5)
    texts = encoder.embed_texts(TEXTS, batch_size=4)
    np.testing.assert_allclose(encoder.embed_texts(TEXTS, batch_size=3), texts, atol=1e-5)
    assert encoder.embed_texts([]).shape == (0, encoder.dim)


def test_folder_loads_with_transformers_alone(folder: Path) -> None:
    model = CLIPModel.from_pretrained(folder, local_files_only=True)
    ours = load_folder(folder).model
    assert all((a == b).all() for a, b in zip(model.parameters(), ours.parameters(), strict=True))


def test_same_seed_gives_the_same_weights() -> None:
    first, second = (scratch_clip(TEXTS, ScratchConfig(), seed=7).model for _ in range(2))
    assert all((a == b).all() for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("size", [(40, 30), (7, 5), (64, 64)])
def test_padding_has_the_borders_median_colour(size: tuple[int, int]) -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    seen = Preprocess(64).pixels(picture)
    rows = np.flatnonzero((seen != seen[0, 0]).any((1, 2)))
    small = seen[rows[0] : rows[-1] + 1]
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    expected = small[0, 0] if size[0] == size[1] else np.median(border, axis=0).astype(np.uint8)
    np.testing.assert_array_equal(seen[0, 0], expected)


def test_a_text_is_read_at_its_end(folder: Path) -> None:
    # Rare words have large token numbers; what comes after the largest must still count.
    encoder = Encoder.load(folder)
    first, second = encoder.embed_texts(["angiography of the left side", "angiography of the right side"])
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("norm", ["frozen", "group"])
def test_a_resnet_in_the_image_towers_place_is_a_folder_like_any_other(folder: Path, tmp_path: Path, norm: str) -> None:
    clip, sizes = load_folder(folder), ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    model = with_resnet(clip.model, ResNetModel(sizes), 32, norm)
    save_folder(ClipFolder(model, clip.tokenizer, Preprocess(32)), tmp_path)
    encoder, picture = Encoder.load(tmp_path), [Image.new("RGB", (40, 50), "navy")]
    assert isinstance(encoder.model, ResNetClip)
    pixels = encoder.preprocess.normalise(encoder.preprocess.batch(picture))
    expected = torch.nn.functional.normalize(model.eval().get_image_features(pixel_values=pixels).pooler_output)
    np.testing.assert_allclose(encoder.embed_images(picture), expected.detach().numpy(), atol=1e-6)
    np.testing.assert_array_equal(encoder.embed_texts(TEXTS), Encoder.load(folder).embed_texts(TEXTS))
    assert isinstance(AutoModel.from_pretrained(tmp_path, local_files_only=True), ResNetClip)


def test_a_resnets_statistics_stay_in_training(folder: Path) -> None:
    sizes = ResNetConfig(embedding_size=8, hidden_sizes=[8], depths=[1], layer_type="basic")
    model = with_resnet(load_folder(folder).model, ResNetModel(sizes), 32, "frozen").train()
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    alone = model.get_image_features(pixel_values=torch.rand(1, 3, 32, 32)).pooler_output
    assert alone.isfinite().all()
    assert all(torch.equal(buffer, before[name]) for name, buffer in model.named_buffers())


def test_fetch_verifies_every_file(folder: Path, tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path / "store")
    files = upload_folder(store, folder)
    fetched = fetch_folder(store, files, tmp_path / "cache")
    assert fetch_folder(store, files, tmp_path / "cache") == fetched
    extra = fetched / "pickle.bin"
    extra.write_bytes(b"x")
    with pytest.raises(ModelTampered, match=r"pickle\.bin is not in the manifest"):
        fetch_folder(store, files, tmp_path / "cache")
    extra.unlink()
    (fetched / "config.json").write_text("{}")
    with pytest.raises(ModelTampered, match=r"config\.json differs"):
        fetch_folder(store, files, tmp_path / "cache")


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_what_is_no_clip_folder_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelUnloadable):
        load_folder(tmp_path)
