"""The server on Ray Serve: four deployments over the same classes that a single process uses.

    front door (HTTP, ingress) --> encoder replicas      one model, one batch at a time each
                               --> index replicas        collections mapped from files
    conductor  -- broadcast -->    both                  follows the registry's champion

``journalclip_inference.ray_app:app`` is what a RayService (or ``serve run``) imports; settings come from the
environment, as in every other process, and travel to the replicas as one frozen object. `journalclip serve --ray`
starts the same application on this machine.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from typing import Any, cast

import ray.exceptions
import torch
from fastapi import FastAPI
from ray import serve
from ray.serve import Application
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException
from ray.serve.handle import DeploymentHandle

from journalclip_inference.api.app import create_app
from journalclip_inference.batching import BatchLimits
from journalclip_inference.distributed.backend import RemoteBackend
from journalclip_inference.distributed.encoder import EncoderReplica
from journalclip_inference.distributed.fleet import Calls, Encoders, Indexes
from journalclip_inference.distributed.index import IndexReplica
from journalclip_inference.distributed.rollout import Conductor
from journalclip_inference.errors import Overloaded
from journalclip_inference.reload import listen
from journalclip_inference.service import connect, open_registry, serving_of
from journalclip_inference.settings import InferenceSettings
from journalclip_modeling.encoder import Encoder
from journalclip_shared import wiring
from journalclip_shared.errors import TransientError

_log = logging.getLogger(__name__)

_LATER_S = 2  # a replica that cannot take one more is asked again after this
# What Ray raises where a replica died, is being replaced, or never came up: the world is unwell, the question is not.
_UNREACHABLE = (
    ray.exceptions.RayActorError,
    ray.exceptions.GetTimeoutError,
    DeploymentUnavailableError,
    RayServeException,
)


class RayCalls:
    """`Calls` by a Serve handle. A call whose replica died under it is made once more, of another."""

    def __init__(self, handle: DeploymentHandle) -> None:
        self._handle = handle

    async def one(self, method: str, *args: object) -> object:
        try:
            try:
                return await getattr(self._handle, method).remote(*args)
            except ray.exceptions.RayActorError:
                return await getattr(self._handle, method).remote(*args)
        except BackPressureError as error:
            raise Overloaded(_LATER_S) from error
        except _UNREACHABLE as error:
            raise TransientError(f"no replica answers: {error}") from error

    async def all(self, method: str, *args: object) -> list[object]:
        try:
            return cast(list[object], await self._handle.broadcast(method, *args).results_async())
        except _UNREACHABLE as error:
            raise TransientError(f"not every replica answers: {error}") from error


class EncoderDeployment(EncoderReplica):
    """An encoder replica of a cluster."""

    def __init__(self, settings: InferenceSettings) -> None:
        # Ray gives an actor as many threads as it has whole CPUs reserved, and one where it reserves a part.
        torch.set_num_threads(settings.encoder_threads or os.cpu_count() or 1)
        device = "cuda" if settings.encoder_gpus else "cpu"
        limits = batch_limits(settings)
        super().__init__(
            wiring.open_artifacts(settings), settings.cache, limits, lambda folder: Encoder.load(folder, device)
        )
        self.start(open_registry(settings, "articles"))


class IndexDeployment(IndexReplica):
    """An index replica of a cluster."""

    def __init__(self, settings: InferenceSettings) -> None:
        super().__init__(wiring.open_artifacts(settings), settings.cache)
        self.start(open_registry(settings, "articles"))


class ConductorDeployment:
    """The conductor, woken by events and by the clock."""

    async def __init__(  # type: ignore[misc]  # Serve awaits it, in the loop that the conductor then lives in
        self, settings: InferenceSettings, encoders: DeploymentHandle, indexes: DeploymentHandle
    ) -> None:
        loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._conductor = Conductor(
            wiring.open_artifacts(settings),
            open_registry(settings, "articles"),
            Encoders(RayCalls(encoders)),
            Indexes(RayCalls(indexes)),
        )
        self._following = loop.create_task(self._conductor.follow(settings.poll_s))
        group = f"inference-serve-{socket.gethostname()}-{os.getpid()}"
        bus = wiring.open_bus(settings)

        def check() -> None:
            asyncio.run_coroutine_threadsafe(self._conductor.check(), loop).result()

        threading.Thread(target=listen, args=(check, bus, group, self._stop), name="listen", daemon=True).start()

    async def check(self) -> bool:
        return await self._conductor.check()

    async def problem(self) -> str:
        return await self._conductor.problem()

    async def check_health(self) -> None:
        """Raises what ended the following, so that Serve starts the conductor again."""
        if self._following.done():
            self._following.result()

    def __del__(self) -> None:
        self._stop.set()


class FrontDoor:
    """HTTP, tokens, documents, pictures and the review desk; everything but the models."""

    def __init__(
        self,
        settings: InferenceSettings,
        encoders: DeploymentHandle,
        indexes: DeploymentHandle,
        conductor: DeploymentHandle,
    ) -> None:
        conducting: Calls = RayCalls(conductor)

        async def problem() -> str:
            return str(await conducting.one("problem"))

        backend = RemoteBackend(Encoders(RayCalls(encoders)), Indexes(RayCalls(indexes)), settings.max_waiting, problem)
        self._app = create_app(serving_of(settings, connect(settings), backend), settings.max_body_bytes)

    def __serve_build_asgi_app__(self) -> FastAPI:
        return self._app


def batch_limits(settings: InferenceSettings) -> BatchLimits:
    return BatchLimits(settings.max_batch, settings.batch_wait_ms / 1000, settings.max_waiting)


def build(settings: InferenceSettings) -> Application:
    """The application for these settings, as `serve.run` takes it."""
    encoders = _deployment(
        EncoderDeployment,
        "encoder",
        settings,
        settings.encoder_replicas,
        settings.encoder_cpus,
        settings.encoder_gpus,
        settings.encoder_max_replicas,
    ).bind(settings)
    indexes = _deployment(IndexDeployment, "index", settings, settings.index_replicas, settings.index_cpus).bind(
        settings
    )
    conductor = _deployment(ConductorDeployment, "conductor", settings, 1, 0).bind(settings, encoders, indexes)
    door = _deployment(serve.ingress()(FrontDoor), "door", settings, settings.door_replicas, settings.door_cpus)
    return cast(Application, door.bind(settings, encoders, indexes, conductor))


def app(args: dict[str, str]) -> Application:
    """What a RayService imports; ``args`` of its manifest override the environment's settings of the same name."""
    return build(InferenceSettings.model_validate({**InferenceSettings().model_dump(), **args}))


def _deployment(
    kind: object, name: str, settings: InferenceSettings, replicas: int, cpus: float, gpus: float = 0, most: int = 0
) -> Any:
    """``most`` above ``replicas`` lets Serve scale between the two."""
    scaling = {"min_replicas": replicas, "max_replicas": most, "target_ongoing_requests": settings.max_batch}
    return serve.deployment(
        kind,
        name=name,
        num_replicas="auto" if most > replicas else replicas,
        autoscaling_config=scaling if most > replicas else None,
        # Serve must never queue what we would refuse: its limit lies above all that we let in.
        max_ongoing_requests=4 * (settings.max_waiting + settings.max_batch),
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus},
        graceful_shutdown_timeout_s=20,
    )
