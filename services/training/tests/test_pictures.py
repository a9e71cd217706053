from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from journalclip_devtools.doubles.squares import freeze_tiny, pairs_and_images, tiny_config
from journalclip_modeling.data import FrozenDataset
from journalclip_modeling.preprocess import Preprocess
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_training.base import check_pictures, load_base
from journalclip_training.batches import Order
from journalclip_training.config import DataConfig, RunOptions
from journalclip_training.errors import PicturesTooSmall
from journalclip_training.feed import Feed
from journalclip_training.pictures import Shards, decode_jpeg
from journalclip_training.samples import Tokens, open_samples, same_figure_or_text, texts_of

PREPROCESS = Preprocess(16)


def dataset(store: LocalArtifacts) -> FrozenDataset:
    return FrozenDataset.open(store, freeze_tiny(store).manifest)


def test_decoded_on_demand_and_kept_in_memory_are_the_same_pictures(tmp_path: Path) -> None:
    frozen = dataset(LocalArtifacts(tmp_path / "store"))
    kept = open_samples(frozen, "train", PREPROCESS, tmp_path / "shards", RunOptions())
    read = open_samples(frozen, "train", PREPROCESS, tmp_path / "shards", RunOptions(cache_bytes=0))
    assert isinstance(read.pictures, Shards)
    some = np.array([23, 0, 11, 0], np.int64)
    assert torch.equal(kept.pictures.batch(some), read.pictures.batch(some))
    assert kept.pairs == read.pairs == tuple(frozen.pairs("train"))
    for index, (_, image) in enumerate(frozen.images("train")):
        expected = torch.from_numpy(PREPROCESS.pixels(image)).permute(2, 0, 1)
        assert torch.equal(read.pictures.batch(np.array([index], np.int64))[0], expected)
    read.pictures.close()


def test_a_large_jpeg_is_decoded_small() -> None:
    data = io.BytesIO()
    Image.new("RGB", (800, 600), "red").save(data, "JPEG")
    assert decode_jpeg(data.getvalue(), 64).size == (200, 150)


def test_a_feed_resumes_at_any_step_with_the_same_batches(tmp_path: Path) -> None:
    samples = open_samples(dataset(LocalArtifacts(tmp_path / "s")), "train", PREPROCESS, tmp_path / "w", RunOptions())
    tokenizer = load_base(tiny_config(), samples.texts).tokenizer
    even, odd = Tokens(tokenizer, samples.texts, 24), Tokens(tokenizer, [t.upper() for t in samples.texts], 24)
    feed = Feed(samples.pictures, (even, odd), Order(24, 8, 3), 4, torch.device("cpu"))
    whole = list(feed.batches(0, 7))
    again = list(feed.batches(4, 7))
    assert [step for step, _ in again] == [4, 5, 6]
    for (_, a), (_, b) in zip(whole[4:], again, strict=True):
        assert all(torch.equal(getattr(a, name), getattr(b, name)) for name in ("pixels", "ids", "chance"))
    halves = [Feed(samples.pictures, (even, odd), Order(24, 8, 3), 4, torch.device("cpu"), r, 2) for r in range(2)]
    parts = [next(iter(half.batches(5, 6)))[1] for half in halves]
    assert torch.equal(torch.cat([p.chance for p in parts]), whole[5][1].chance)
    assert torch.equal(torch.cat([p.pixels for p in parts]), whole[5][1].pixels)


def test_views_are_sentences_of_the_caption_or_a_mention_and_the_whole_caption_is_one() -> None:
    text = "Axial CT of the head. There is oedema on the left (arrow). No haemorrhage; the midline is kept. Case 4."
    said = "Figure 1 shows the oedema of the patient."
    pair = pairs_and_images(1)[0][0].model_copy(update={"text": text, "mentions": (said,)})
    pairs = [pair.model_copy(update={"pair_id": f"pair_{number}"}) for number in range(40)]
    whole, *drawn = texts_of(pairs, DataConfig(text="views"), seed=0)
    assert whole == [text] * 40
    seen = {view for each in drawn for view in each}
    assert len(seen) > 5
    assert all(view in text and view[0].isupper() and view.endswith(".") for view in seen)
    assert [whole, *drawn] == texts_of(pairs, DataConfig(text="views"), seed=0)
    with_mentions = texts_of(pairs, DataConfig(text="views_and_mentions"), seed=0)
    told = [view for each in with_mentions[1:] for view in each]
    assert 0.3 < told.count(said) / len(told) < 0.7, "as often as sentences of the caption"
    assert with_mentions[0] == whole


def test_a_start_larger_than_the_pictures_is_refused(tmp_path: Path) -> None:
    frozen = dataset(LocalArtifacts(tmp_path / "s"))
    start = load_base(tiny_config(), ["red square"])
    check_pictures(frozen.manifest, start)
    large = replace(start, preprocess=replace(start.preprocess, size=frozen.manifest.image_size + 1))
    with pytest.raises(PicturesTooSmall, match="pictures of 32 pixels; the start's image tower takes 33"):
        check_pictures(frozen.manifest, large)


def test_tokens_are_padded_to_the_longest_of_the_batch() -> None:
    tokenizer = load_base(tiny_config(), ["red square"]).tokenizer
    tokens = Tokens(tokenizer, ["red", "red square " * 20], 24)
    ids = tokens.batch(np.array([0], np.int64))
    assert ids.shape == (1, 8)
    assert ids[0, -1] == tokenizer.pad_token_id
    assert (ids == tokenizer.eos_token_id).any()
    ids = tokens.batch(np.array([0, 1], np.int64))
    assert ids.shape == (2, 24)
    assert ids[1, -1] == tokenizer.eos_token_id  # cut, but ended


def test_groups_join_figures_and_equal_texts() -> None:
    pairs = [pair for pair, _ in pairs_and_images(4)]
    same_text = pairs[0].model_copy(update={"pair_id": "x", "figure_id": "other"})
    same_figure = pairs[1].model_copy(update={"pair_id": "y", "text": "panel", "figure_id": same_text.figure_id})
    groups = same_figure_or_text([*pairs, same_text, same_figure]).tolist()
    assert groups[0] == groups[4] == groups[5]
    assert len(set(groups)) == 4
