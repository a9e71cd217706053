"""Champions changed under load: how many requests fail, and how many answers are not one model's own.

Two models take turns; each change is made in the registry alone, and the server must notice it by itself. The next one
is made when its time has come and the last one is in service. Every answer is compared, to the last score, with what
the model that it names gives when nobody else is asked.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from journalclip_devtools.doubles.collection import World, small_world
from journalclip_devtools.doubles.live import live_server
from journalclip_devtools.doubles.load import asking, each_alone, failed, mixed
from journalclip_devtools.doubles.site import make_site
from journalclip_inference.ray_server import ray_server
from journalclip_inference.reload import watch
from journalclip_inference.settings import InferenceSettings
from journalclip_shared.artifacts.local import LocalArtifacts
from journalclip_shared.names import registered_model
from journalclip_shared.registry import MlflowRegistry

_QUERY = "axial CT showing subdural haematoma"
_POLL_S = 0.2
_PATIENCE_S = 300.0  # for one change, on a machine that is busy
Say = Callable[[str], None]


@dataclass(frozen=True)
class ReloadRow:
    """One run. ``by_version`` counts the answers that each version gave."""

    server: str
    clients: int
    seconds: float
    changes: int
    requests: int
    failed: int
    mixed: int
    p50_ms: float
    p99_ms: float
    slowest_change_s: float
    by_version: dict[str, int]


def measure_reload(clients: int, seconds: float, changes: int, on_ray: bool, say: Say = lambda _: None) -> ReloadRow:
    """Raises `AssertionError` where a change is not in service within minutes."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        say("building two models and their indexes")
        world = small_world(LocalArtifacts(root / "artifacts"))
        if on_ray:
            world.registry = MlflowRegistry(_settings(root).registry_uri, registered_model("articles"))
        versions = [world.add_model(seed=1), world.add_model(seed=2)]
        alone = each_alone(world, versions, root / "cache", _QUERY)
        say("starting the server")
        with (_ray if on_ray else _process)(world, root) as address, httpx.Client(base_url=address) as http:
            begun, spent = time.monotonic(), list[float]()
            with asking(address, _QUERY, clients) as answers:
                for change in range(changes):
                    _until(begun + seconds * change / changes)
                    world.registry.set_alias("champion", versions[change % 2].version)
                    spent.append(_in_service(http, versions[change % 2].version))
                    say(f"change {change + 1} of {changes}, in service after {spent[-1]:.1f} s; {len(answers)} answers")
                _until(begun + seconds)
            took = time.monotonic() - begun
    p50, p99 = np.percentile([1000 * answer.seconds for answer in answers], [50, 99])
    served = Counter(str(answer.body["served"]["version"]) for answer in answers if answer.status == 200)
    return ReloadRow(
        server="ray" if on_ray else "process",
        clients=clients,
        seconds=round(took, 1),
        changes=changes,
        requests=len(answers),
        failed=len(failed(answers)),
        mixed=len(mixed(answers, alone)),
        p50_ms=round(float(p50), 1),
        p99_ms=round(float(p99), 1),
        slowest_change_s=round(max(spent), 2),
        by_version=dict(sorted(served.items())),
    )


def _settings(root: Path) -> InferenceSettings:
    return InferenceSettings(workdir=root, port=0, anonymous=True, poll_s=_POLL_S)


@contextmanager
def _process(world: World, root: Path) -> Iterator[str]:
    site, stop = make_site(world, root), threading.Event()
    assert site.service.reloader.check(), site.service.reloader.problem
    looking = threading.Thread(target=watch, args=(site.service.reloader, stop, _POLL_S))
    looking.start()
    try:
        with live_server(site.service.app) as address:
            yield address
    finally:
        stop.set()
        looking.join()


@contextmanager
def _ray(_world: World, root: Path) -> Iterator[str]:
    with ray_server(_settings(root)) as address:
        yield address


def _until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _in_service(http: httpx.Client, version: str) -> float:
    """Seconds until the server says that it serves this version."""
    begun = time.monotonic()
    while http.get("/readyz", timeout=_PATIENCE_S).json()["served"]["version"] != version:
        assert time.monotonic() - begun < _PATIENCE_S, f"version {version} is not in service"
        time.sleep(_POLL_S)
    return time.monotonic() - begun
