"""The Ray application on this machine, on a small cluster of its own or the one that is already joined."""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import ray
from ray import serve

from journalclip_inference.ray_app import build
from journalclip_inference.settings import InferenceSettings
from journalclip_shared.errors import TransientError

APP = "journalclip"
# Ray gives a proxy five seconds to come up and kills it; importing takes longer on a machine that is busy.
_PATIENCE = {"RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "120"}
_STARTED_S = 600.0  # the replicas import torch and load a model, on whatever is left of the machine


@contextmanager
def ray_server(settings: InferenceSettings) -> Iterator[str]:
    """The server's address, from when every replica is up until the block is left. Port 0 takes a free one.

    Raises `TransientError` where it did not come up.
    """
    ours = not ray.is_initialized()
    if ours:
        start_cluster(settings)
    port = settings.port or free_port()
    address = f"http://{settings.host}:{port}"
    try:
        _start_proxy(settings.host, port)
        serve.run(build(settings), name=APP, route_prefix="/")
        _wait(address)
        yield address
    finally:
        serve.shutdown()
        if ours:
            ray.shutdown()


def start_cluster(settings: InferenceSettings) -> None:
    """A cluster in this machine's memory, with room for what the settings ask for."""
    wanted = (
        settings.door_replicas * settings.door_cpus
        + settings.encoder_replicas * settings.encoder_cpus
        + settings.index_replicas * settings.index_cpus
    )
    be_patient()
    ray.init(
        address="local",  # a bare init joins whatever cluster this machine last heard of
        num_cpus=max(os.cpu_count() or 1, math.ceil(wanted)),
        include_dashboard=False,
        log_to_driver=False,
        # Workers start at a low priority; a server must not wait behind whatever else this machine does.
        _system_config={"worker_niceness": 0},
    )


def be_patient() -> None:
    """Before a cluster is started, by whomever: its processes take their environment from the one that starts it."""
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)


def _start_proxy(host: str, port: int) -> None:
    try:
        serve.start(http_options={"host": host, "port": port})
    except (TimeoutError, ray.exceptions.RayActorError):
        return  # the controller is up and tries again; `_wait` gives it longer than Serve does


def _wait(address: str) -> None:
    deadline = time.monotonic() + _STARTED_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/healthz", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise TransientError(f"Ray Serve did not answer on {address} within {_STARTED_S:.0f} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
