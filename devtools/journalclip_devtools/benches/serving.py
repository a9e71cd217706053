"""Throughput: the whole server over HTTP, against the bare model in its largest batch and a plain FastAPI app.

All in one run on one machine, one image a request (JPEG, 224 pixels), with clients in a process of their own. The limit
includes decoding and preprocessing, as the server does them too. What counts is the share of the limit that is reached.
The server is one process or the Ray Serve application on a cluster of its own; the limit is the same.
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
LARGEST = 64  # images; beyond it the bare model gains nothing on a CPU


@dataclass(frozen=True)
class Throughput:
    """One model's figures."""

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
    """The server at each number of clients, the bare model before and after, the plain app at the most clients."""
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
        after = _bare(encoder, files, seconds)  # a machine's neighbours come and go: the limit is taken on both sides
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
    """Images a second: decoded, preprocessed and embedded in the largest batch, with nothing around it."""
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        encoder.embed_images([open_image(data, ImageLimits()) for data in files[:LARGEST]], batch_size=LARGEST)
        done += LARGEST
    return done / (time.perf_counter() - started)


def _plain(encoder: Encoder) -> FastAPI:
    """What one would write in ten minutes: one request, one call of the model."""
    app = FastAPI()

    def embed(wanted: _One) -> dict[str, object]:
        images = [open_image(base64.b64decode(image), ImageLimits()) for image in wanted.images]
        return {"images": [[float(value) for value in vector] for vector in encoder.embed_images(images)]}

    app.add_api_route("/v1/embed", embed, methods=["POST"])
    return app
