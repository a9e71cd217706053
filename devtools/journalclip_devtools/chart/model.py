"""The base of all values: camelCase keys as Helm's users expect, no key that is not declared, and prose for each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel


class Values(BaseModel):
    """A block of values."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


# Kubernetes' own types, checked by the API server: the chart passes them on as they are. A null takes a key of a
# default away, as Helm means it.
Passed = dict[str, JsonValue]
Tolerations = list[Passed]
Texts = dict[str, str | None]
Quantity = Annotated[str | int | float, Field(description="A Kubernetes quantity, such as 500m or 2Gi.")]
Name = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$")]


class Resources(Values):
    """CPU and memory: what is reserved (requests) and where it ends (limits)."""

    requests: dict[str, Quantity | None] = {}
    limits: dict[str, Quantity | None] = {}


def needing(cpu: str, memory: str, most: str) -> Resources:
    """Reserve ``cpu`` and ``memory``, end at ``most`` memory. CPU has no limit: throttling helps nobody here."""
    return Resources(requests={"cpu": cpu, "memory": memory}, limits={"memory": most})


class EnvVar(Values):
    """One environment variable, as Kubernetes takes it."""

    name: str
    value: str | None = None
    value_from: Passed | None = None


class Placement(Values):
    """Where pods may run."""

    node_selector: Texts = Field({}, description="Labels that a node must have.")
    tolerations: Tolerations = Field([], description="Taints that are put up with.")
    affinity: Passed = Field({}, description="Kubernetes affinity; empty spreads replicas over nodes.")
    topology_spread_constraints: list[Passed] = Field([], description="How replicas are spread.")
    priority_class_name: Name = Field("", description="Priority class of the pods.")
    scheduler_name: Name = Field("", description="Another scheduler, such as volcano.")
    runtime_class_name: Name = Field("", description="Runtime class of the pods, such as gvisor.")


class PodValues(Placement):
    """The hatches of a pod: the same for every pod of the chart, at the top for all of them."""

    pod_labels: Texts = Field({}, description="Further labels of the pods.")
    pod_annotations: Texts = Field({}, description="Annotations of the pods.")
    extra_env: list[EnvVar] = Field([], description="Further environment variables, e.g. of a library.")
    extra_env_from: list[Passed] = Field([], description="Secrets and config maps whose keys become variables.")
    extra_volumes: list[Passed] = Field([], description="Further volumes.")
    extra_volume_mounts: list[Passed] = Field([], description="Where they are mounted in the main container.")
    pod_security_context: Passed = Field({}, description="Laid over the pod's security context.")
    security_context: Passed = Field({}, description="Laid over each container's security context.")


class Gpu(Values):
    """How a GPU is asked for by one part, where it differs from `gpu` at the top."""

    resource: str = Field(
        "",
        pattern=r"^([a-z0-9.-]+/[a-zA-Z0-9._-]+)?$",
        description="Resource name, such as nvidia.com/mig-1g.10gb; empty: that of `gpu` at the top.",
    )
    taint: str = Field("", description="Key of the taint of GPU nodes; empty: the vendor's; `none`: no taint.")
    node_selector: Texts = Field({}, description="Labels of its GPU nodes.")
    tolerations: Tolerations = Field([], description="Further taints of its GPU nodes.")
    runtime_class_name: Name = Field("", description="Runtime class that gives containers the GPU, if any.")


class Disk(Values):
    """Persistent volumes that somebody else claims."""

    size: Quantity = Field("10Gi", description="Size of the claim.")
    storage_class: Name = Field("", description="Storage class; empty takes the cluster's default.")


AccessMode = Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"]


class Storage(Disk):
    """A persistent volume."""

    existing_claim: Name = Field("", description="A claim that is there already, taken instead of a new one.")
    access_modes: list[AccessMode] = Field(["ReadWriteOnce"], description="Access modes of a new claim.")


class Claim(Values):
    """A claim that is there already, mounted read-only."""

    existing_claim: Name = Field("", description="The claim; empty: none.")


class SecretRef(Values):
    """One key of a secret or config map that is there already."""

    name: Name = Field("", description="Name of the secret; empty for none.")
    key: str = Field("ca.crt", description="Key in it.")
