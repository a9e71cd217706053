from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from journalclip_modeling.starts.packaged import installed, packaged_start
from journalclip_shared.errors import ConfigurationError
from journalclip_shared.packaged import LITE0, MINILM, PackagedFile


@pytest.mark.skipif(not installed(), reason="the packages of real weights are not installed")
def test_the_packaged_image_tower_is_the_network_that_the_extractor_reads_in_numpy() -> None:
    """Two readers of one file, written apart: torch through timm, and numpy with batch norms folded."""
    from journalclip_extraction.quality.network import SIDE, network

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8))
    theirs = network().features(picture)
    start = packaged_start()
    squeezed = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    with torch.inference_mode():
        pixels = start.preprocess.normalise(torch.from_numpy(squeezed.copy()).permute(2, 0, 1)[None])
        ours = start.model.vision_model(pixels)[0].numpy()
    assert np.abs(ours - theirs).max() < 1e-4 * np.abs(theirs).max()


def test_a_packaged_file_is_told_by_its_digest() -> None:
    with pytest.raises(ConfigurationError, match="packaged-file-missing"):
        PackagedFile("no-such-package-of-weights", "weights.bin", "0" * 64).read()
    here = PackagedFile("torch", "torch/version.py", "0" * 64)
    assert here.installed
    with pytest.raises(ConfigurationError, match="packaged-file-invalid"):
        here.read()


@pytest.mark.parametrize("file", [LITE0, MINILM])
def test_what_is_installed_is_what_is_known(file: PackagedFile) -> None:
    if not file.installed:
        pytest.skip(f"{file.package} is not installed")
    assert file.read()
    with pytest.raises(ConfigurationError, match="another file"):
        replace(file, sha256="0" * 64).read()
