"""All values of the chart as one type; `values.yaml` holds their defaults, small and commented."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from journalclip_devtools.chart.model import Name, Passed, Tolerations, Values
from journalclip_devtools.chart.servers import Kafka, Llm, Mlflow, ObjectStore
from journalclip_devtools.chart.services import (
    Extraction,
    Freezing,
    Index,
    Inference,
    Intake,
    Promotion,
    Structuring,
    Training,
)


class PullSecret(Values):
    """A secret that the registry is entered with."""

    name: Name


class Image(Values):
    """Where images come from; each name below may carry a tag or a digest of its own."""

    registry: str = Field("", description="Put before every image's name: a registry, or a mirror of one.")
    tag: str = Field("", description="Tag of journalclip's own images; empty: the chart's application version.")
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    pull_secrets: list[PullSecret] = Field([], description="Secrets that the registry is entered with.")
    backbone: str = "journalclip/backbone"
    extraction: str = "journalclip/extraction"
    parser: str = "journalclip/parser"
    structuring: str = "journalclip/structuring"
    ray: str = "journalclip/ray"
    kafka: str = "journalclip/kafka"
    minio: str = "journalclip/minio"
    vllm: str = Field("vllm/vllm-openai:v0.33.0", description="With its tag, or a digest.")


class Gpu(Values):
    """How a GPU is asked for, everywhere in the chart."""

    resource: str = Field(
        "nvidia.com/gpu",
        pattern=r"^[a-z0-9.-]+/[a-zA-Z0-9._-]+$",
        description="Resource name; a MIG slice such as nvidia.com/mig-1g.10gb, or another vendor's.",
    )
    node_selector: dict[str, str] = Field(
        {"nvidia.com/gpu.present": "true"}, description="Labels of GPU nodes; {} where the resource says enough."
    )
    tolerations: Tolerations = Field(
        [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}], description="Taints of GPU nodes."
    )
    runtime_class_name: Name = Field("", description="Runtime class that gives containers the GPU, if any.")


class Ingress(Values):
    """An Ingress to the page and the API."""

    enabled: bool = False
    class_name: Name = Field("", description="Ingress class.")
    host: str = Field("", description="Host name that people type.")
    annotations: dict[str, str] = Field({}, description="E.g. cert-manager.io/cluster-issuer.")
    tls_secret: Name = Field("", description="Certificate of the host; empty takes `<release>-tls`. TLS cannot be off.")


class Gateway(Values):
    """An HTTPRoute of the Gateway API to the page and the API; the gateway's listener ends TLS."""

    enabled: bool = False
    host: str = Field("", description="Host name that people type.")
    parent_name: Name = Field("", description="The gateway.")
    parent_namespace: Name = Field("", description="Its namespace; empty: this one.")
    section_name: Name = Field("", description="Its HTTPS listener.")


class Monitoring(Values):
    """What an operator looks at."""

    service_monitor: bool = Field(False, description="ServiceMonitor and PodMonitors (needs the Prometheus operator).")
    rules: bool = Field(False, description="Alerts (needs the Prometheus operator).")
    dashboard: bool = Field(False, description="Grafana dashboard as a config map, for Grafana's sidecar.")
    labels: dict[str, str] = Field({}, description="Labels by which Prometheus finds its resources.")
    dashboard_labels: dict[str, str] = Field({"grafana_dashboard": "1"}, description="Labels that it looks for.")
    otlp_endpoint: str = Field("", description="Where traces go (OTLP over HTTP); empty: nowhere.")


class Peers(Values):
    """Who may come in, and where services may go out to beyond the release."""

    ingress_from: list[Passed] = Field([], description="Peers that may open page and API; empty: any namespace.")
    monitoring_from: list[Passed] = Field([], description="Peers that may read metrics; empty: any namespace.")
    ray_operator_from: list[Passed] = Field([], description="Peers of the KubeRay operator; empty: any namespace.")
    dns: list[Passed] = Field(
        [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}},
            {"ipBlock": {"cidr": "169.254.20.10/32"}},
        ],
        description="Where names are resolved: kube-system and a node's own cache.",
    )
    external_cidrs: list[str] = Field(["0.0.0.0/0", "::/0"], description="Where external servers may be.")


class NetworkPolicy(Values):
    """Nothing may talk to anything but what is needed."""

    enabled: bool = True
    peers: Peers = Peers()


class Models(Values):
    """Where recipes find the checkpoints that they start from."""

    existing_claim: Name = Field(
        "", description="Claim with model folders, mounted read-only at /srv/models for training."
    )
    hub: bool = Field(False, description="Let training fetch published checkpoints: opens port 443 to the outside.")


class Bootstrap(Values):
    """The job that makes topics, buckets, users and access rights; it can run as often as you like."""

    enabled: bool = True
    wait_s: int = Field(900, ge=0, description="How long it waits for the servers before Kubernetes tries again.")


class Signing(Values):
    """Who may make candidates: training signs, promotion verifies."""

    enabled: bool = True
    existing_secret: Name = Field(
        "", description="Secret with `sign` (training) and `verify` (promotion) keys; empty: one shared key is made."
    )


class ChartValues(Values):
    """The chart's values."""

    name_override: Name = Field("", description="Instead of the chart's name in object names.")
    fullname_override: Name = Field("", description="Instead of release and chart name in object names.")
    image: Image = Image()
    gpu: Gpu = Gpu()
    settings: Passed = Field({}, description="Settings of every service.")
    kafka: Kafka = Kafka()
    object_store: ObjectStore = ObjectStore()
    mlflow: Mlflow = Mlflow()
    llm: Llm = Llm()
    models: Models = Models()
    bootstrap: Bootstrap = Bootstrap()
    signing: Signing = Signing()
    intake: Intake = Intake()
    extraction: Extraction = Extraction()
    structuring: Structuring = Structuring()
    freezing: Freezing = Freezing()
    training: Training = Training()
    promotion: Promotion = Promotion()
    index: Index = Index()
    segments: Index = Index()
    inference: Inference = Inference()
    ingress: Ingress = Ingress()
    gateway: Gateway = Gateway()
    network_policy: NetworkPolicy = NetworkPolicy()
    pod_disruption_budgets: bool = Field(True, description="Node maintenance takes one pod of a service at a time.")
    monitoring: Monitoring = Monitoring()
    cluster_domain: str = Field("cluster.local", description="The cluster's DNS domain.")
