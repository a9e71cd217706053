"""All values of the chart as one type; `values.yaml` holds their defaults, small and commented."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from journalclip_devtools.chart.model import (
    Gpu,
    Name,
    Passed,
    PodValues,
    Resources,
    Texts,
    Values,
    needing,
)
from journalclip_devtools.chart.servers import Kafka, Llm, Mlflow, ObjectStore, Postgres
from journalclip_devtools.chart.services import (
    Catalogue,
    Extraction,
    Freezing,
    Index,
    Inference,
    Intake,
    Promotion,
    Smoke,
    Structuring,
    Studies,
    Toolbox,
    Training,
)


class PullSecret(Values):
    """A secret that the registry is entered with."""

    name: Name


class ImageRef(Values):
    """One image, where it differs from the rest."""

    registry: str = Field("", description="Its own registry; empty: `image.registry`.")
    repository: str = Field("", description="Its name.")
    tag: str = Field("", description="Its tag; empty: `image.tag`, or the chart's application version.")
    digest: str = Field("", pattern=r"^(sha256:[0-9a-f]{64})?$", description="Its digest, which counts before a tag.")


Reference = Annotated[str | ImageRef, Field(description="`name:tag`, `name@sha256:...`, or its parts.")]


def named(repository: str, tag: str = "") -> ImageRef:
    return ImageRef(repository=repository, tag=tag)


class Image(Values):
    """Where images come from. Each may be one text, `name:tag` or `name@sha256:...`, or say its parts."""

    registry: str = Field("", description="Put before every image's name: a registry, or a mirror of one.")
    tag: str = Field("", description="Tag of journalclip's own images; empty: the chart's application version.")
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    pull_secrets: list[PullSecret] = Field([], description="Secrets that the registry is entered with.")
    backbone: Reference = named("journalclip/backbone")
    extraction: Reference = named("journalclip/extraction")
    parser: Reference = named("journalclip/parser")
    structuring: Reference = named("journalclip/structuring")
    studies: Reference = named("journalclip/studies")
    ray: Reference = named("journalclip/ray")
    kafka: Reference = named("journalclip/kafka")
    minio: Reference = named("journalclip/minio")
    postgres: Reference = named("journalclip/postgres")
    vllm: Reference = named("vllm/vllm-openai", "v0.33.0")


class EveryGpu(Gpu):
    """How a GPU is asked for, everywhere in the chart; a part's own `gpu` is laid over it."""

    resource: str = Field(
        "nvidia.com/gpu",
        pattern=r"^[a-z0-9.-]+/[a-zA-Z0-9._-]+$",
        description="Resource name; a MIG slice such as nvidia.com/mig-1g.10gb, or another vendor's.",
    )
    taint: str = Field(
        "", description="Key of the taint of GPU nodes; empty: `<vendor>/gpu`, as vendors name it; `none`: no taint."
    )
    check_driver: bool = Field(
        True, description="Before vLLM starts: does the node's driver know the CUDA that the image was built for?"
    )


class Tls(Values):
    """Who ends TLS."""

    enabled: bool = Field(True, description="Off only where a load balancer before the cluster ends TLS.")
    existing_secret: Name = Field("", description="Certificate of the hosts; empty takes `<release>-tls`.")


class Ingress(Values):
    """An Ingress to the page and the API."""

    enabled: bool = False
    class_name: Name = Field("", description="Ingress class.")
    host: str = Field("", description="Host name that people type.")
    extra_hosts: list[str] = Field([], description="Further host names.")
    path: str = Field("/", description="Only `/`: the page and its sign-in stand at the root of a host.")
    annotations: Texts = Field(
        {}, description="E.g. cert-manager.io/cluster-issuer. For nginx the size of uploads and time are set."
    )
    tls: Tls = Tls()
    tls_secret: Name = Field("", description="Former name of `tls.existingSecret`.")


class Gateway(Values):
    """An HTTPRoute of the Gateway API to the page and the API; the gateway's listener ends TLS."""

    enabled: bool = False
    host: str = Field("", description="Host name that people type.")
    parent_name: Name = Field("", description="The gateway.")
    parent_namespace: Name = Field("", description="Its namespace; empty: this one.")
    section_name: Name = Field("", description="Its HTTPS listener.")
    annotations: Texts = Field({}, description="Annotations of the HTTPRoute.")
    timeout: str = Field("", pattern=r"^([0-9]+(ms|s|m|h))?$", description="Longest request, such as 300s.")


class Monitoring(Values):
    """What an operator looks at."""

    service_monitor: bool = Field(False, description="ServiceMonitor and PodMonitors (needs the Prometheus operator).")
    rules: bool = Field(False, description="Alerts (needs the Prometheus operator).")
    dashboard: bool = Field(False, description="Grafana dashboard as a config map, for Grafana's sidecar.")
    labels: Texts = Field({}, description="Labels by which Prometheus finds its resources.")
    dashboard_labels: Texts = Field({"grafana_dashboard": "1"}, description="Labels that it looks for.")
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
    dns_ports: list[int] = Field([53], description="Ports that names are resolved at; 5353 as well on OpenShift.")
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


class Proxy(Values):
    """A proxy for whatever goes out, said once for every pod. The release's own services are never asked through it."""

    https: str = Field("", pattern=r"^(https?://.+)?$", description="For https; empty: none.")
    http: str = Field("", pattern=r"^(https?://.+)?$", description="For http; empty: none.")
    no_proxy: str = Field("", description="Further hosts and domains that are asked directly, comma-separated.")


class ExtraCa(Values):
    """Authorities that every client trusts, said once: one file of PEM, which stands instead of the system's own.

    Where public servers are asked as well, give a bundle of both.
    """

    config_map: Name = Field("", description="Config map that holds it.")
    secret: Name = Field("", description="Secret that holds it, instead.")
    key: str = Field("ca.crt", description="Key in it.")


class Bootstrap(PodValues):
    """The job that makes topics, buckets, users and access rights; it can run as often as you like."""

    enabled: bool = True
    resources: Resources = needing("50m", "128Mi", "512Mi")
    wait_s: int = Field(900, ge=0, description="How long it waits for the servers before Kubernetes tries again.")


class Signing(Values):
    """Who may make candidates: training signs, promotion verifies."""

    enabled: bool = True
    existing_secret: Name = Field(
        "", description="Secret with `sign` (training) and `verify` (promotion) keys; empty: one shared key is made."
    )


class Secrets(PodValues):
    """The job that makes passwords and keys in the cluster, once; it changes none that is there."""

    enabled: bool = Field(True, description="Off where every secret is named by an `existingSecret`.")
    resources: Resources = needing("50m", "64Mi", "256Mi")


_POD_SECURITY: Passed = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "runAsGroup": 10001,
    "fsGroup": 10001,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}
_CONTAINER_SECURITY: Passed = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


class ChartValues(PodValues):
    """The chart's values; the hatches of a pod stand here for every pod."""

    name_override: Name = Field("", description="Instead of the chart's name in object names.")
    fullname_override: Name = Field("", description="Instead of release and chart name in object names.")
    common_labels: Texts = Field({}, description="Labels of every object.")
    common_annotations: Texts = Field({}, description="Annotations of every object.")
    pod_security_context: Passed = Field(
        _POD_SECURITY, description="Security context of every pod; null takes a key away, e.g. runAsUser on OpenShift."
    )
    security_context: Passed = Field(_CONTAINER_SECURITY, description="Security context of every container.")
    service_account_annotations: Texts = Field({}, description="Annotations of every service account.")
    image: Image = Image()
    gpu: EveryGpu = EveryGpu()
    proxy: Proxy = Proxy()
    extra_ca: ExtraCa = Field(ExtraCa(), alias="extraCA")
    settings: Passed = Field({}, description="Settings of every service.")
    kafka: Kafka = Kafka()
    object_store: ObjectStore = ObjectStore()
    mlflow: Mlflow = Mlflow()
    postgres: Postgres = Postgres()
    llm: Llm = Llm()
    models: Models = Models()
    secrets: Secrets = Secrets()
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
    studies: Studies = Studies()
    catalogue: Catalogue = Catalogue()
    toolbox: Toolbox = Toolbox()
    smoke: Smoke = Smoke()
    ingress: Ingress = Ingress()
    gateway: Gateway = Gateway()
    network_policy: NetworkPolicy = NetworkPolicy()
    pod_disruption_budgets: bool = Field(True, description="Node maintenance takes one pod of a service at a time.")
    monitoring: Monitoring = Monitoring()
    ip_family_policy: Literal["", "SingleStack", "PreferDualStack", "RequireDualStack"] = Field(
        "", description="Of every Service; empty: the cluster's default."
    )
    cluster_domain: str = Field("cluster.local", description="The cluster's DNS domain.")
    extra_objects: list[Passed] = Field([], description="Objects of yours, rendered with the release.")
