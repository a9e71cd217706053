"""The base of all values: camelCase keys as Helm's users expect, no key that is not declared, and prose for each."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel


class Values(BaseModel):
    """A block of values."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


# Kubernetes' own types, checked by the API server: the chart passes them on as they are.
Passed = dict[str, JsonValue]
Tolerations = list[Passed]
Quantity = Annotated[str | int | float, Field(description="A Kubernetes quantity, such as 500m or 2Gi.")]
Name = Annotated[str, Field(pattern=r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$")]


class Resources(Values):
    """CPU and memory: what is reserved (requests) and where it ends (limits)."""

    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}


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

    node_selector: dict[str, str] = Field({}, description="Labels that a node must have.")
    tolerations: Tolerations = Field([], description="Taints that are put up with.")
    affinity: Passed = Field({}, description="Kubernetes affinity; empty spreads replicas over nodes.")
    priority_class_name: Name = Field("", description="Priority class of the pods.")


class Disk(Values):
    """Persistent volumes that somebody else claims."""

    size: Quantity = Field("10Gi", description="Size of the claim.")
    storage_class: Name = Field("", description="Storage class; empty takes the cluster's default.")


class Storage(Disk):
    """A persistent volume."""

    existing_claim: Name = Field("", description="A claim that is there already, taken instead of a new one.")


class SecretRef(Values):
    """One key of a secret or config map that is there already."""

    name: Name = Field("", description="Name of the secret; empty for none.")
    key: str = Field("ca.crt", description="Key in it.")
