"""Compares throughput of the whole server over HTTP with the bare model in large batches and a plain FastAPI app.

All three run on one machine in one run. A request has one image (JPEG, 224 pixels); the clients run in another process.
The bare model is the limit; it includes decoding and preprocessing, because the server does both. The result is the
share of the limit that the server reaches. The server is one process, or Ray Serve on its own cluster; the limit is the
same for both.
"""

from __future__ import annotations

import base64
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel

from journalclip_devtools.benches.serving_clients import ClientsRow, load, pictures
from journalclip_devtools.doubles.collection import TINY, World, small_world
from journalclip_devtools.doubles.live import live_server
from journalclip_devtools.doubles.site import make_site
from journalclip_inference.engine import SearchEngine
from journalclip_inference.images import ImageLimits, open_image
from journalclip_inference.ray_server import ray_server
from journalclip_inference.settings import InferenceSettings
from journalclip_modeling.encoder import Encoder
from journalclip_modeling.scratch_config import ScratchConfig
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.names import registered_model
from journalclip_shared.registry import MlflowRegistry

# The size of ViT-B/32: 12 layers of 768 over 49 patches, projected to 512. Random weights cost as much as trained ones.
VIT_B_32 = ScratchConfig(
    image_size=224, patch_size=32, width=768, layers=12, heads=12, dim=512, vocabulary=600, context=77
)
SIZES = {"vit-b-32": VIT_B_32, "tiny": TINY}
LARGEST = 64  # images in a batch; on a CPU, a larger batch is not faster


@dataclass(frozen=True)
class Throughput:
    """The result for one model. ``throughput_ratio``: the server's best requests a second over ``bare_images_s``."""

    model: str
    server: str
    bare_images_s: float
    plain_rps: float
    throughput_ratio: float
    clients: tuple[ClientsRow, ...]


class _One(BaseModel):
    images: list[str]


def measure_throughput(
    size: str,
    clients: Sequence[int],
    seconds: float,
    on_ray: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Throughput:
    """Measure the bare model before and after the server, and the plain app with the largest number of clients."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        say(f"{size}: making an untrained model and its index")
        world = small_world(LocalArtifacts(root / "artifacts"), articles=3)
        if on_ray:
            world.registry = MlflowRegistry(_settings(root).registry_uri, registered_model("articles"))
        world.promote(world.add_model(seed=1, config=SIZES[size]), root / "cache")
        encoder = SearchEngine.open(world.store, world.registry, root / "cache").snapshot.encoder
        files = pictures()
        say(f"{size}: the bare model")
        before = _bare(encoder, files, seconds)
        rows = []
        with ray_server(_settings(root)) if on_ray else _process(world, root) as address:
            for number in clients:
                say(f"{size}: {number} clients")
                rows.append(load(address, number, seconds))
        say(f"{size}: the bare model again, and the plain app")
        after = _bare(encoder, files, seconds)  # the machine's load changes, so the limit is measured before and after
        with live_server(_plain(encoder)) as address:
            plain = load(address, max(clients), seconds)
    bare = (before + after) / 2
    best = max(row.rps for row in rows)
    server = "ray" if on_ray else "process"
    return Throughput(size, server, round(bare, 2), plain.rps, round(best / bare, 3), tuple(rows))


def _settings(root: Path) -> InferenceSettings:
    return InferenceSettings(workdir=root, port=0, anonymous=True)


@contextmanager
def _process(world: World, root: Path) -> Iterator[str]:
    site = make_site(world, root)
    assert site.service.reloader.check(), site.service.reloader.problem
    with live_server(site.service.app) as address:
        yield address


def _bare(encoder: Encoder, files: Sequence[bytes], seconds: float) -> float:
    """Images a second that the bare model decodes, preprocesses and embeds in batches of `LARGEST`."""
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        encoder.embed_images([open_image(data, ImageLimits()) for data in files[:LARGEST]], batch_size=LARGEST)
        done += LARGEST
    return done / (time.perf_counter() - started)


def _plain(encoder: Encoder) -> FastAPI:
    """A minimal application: each request calls the model once."""
    app = FastAPI()

    def embed(wanted: _One) -> dict[str, object]:
        images = [open_image(base64.b64decode(image), ImageLimits()) for image in wanted.images]
        return {"images": [[float(value) for value in vector] for vector in encoder.embed_images(images)]}

    app.add_api_route("/v1/embed", embed, methods=["POST"])
    return app
