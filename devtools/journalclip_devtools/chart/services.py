"""The values of each service: how many, how large, where, and its own settings as the service itself defines them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from journalclip_devtools.chart.model import (
    Claim,
    Disk,
    Gpu,
    Name,
    Passed,
    PodValues,
    Quantity,
    Resources,
    SecretRef,
    Storage,
    Values,
    needing,
)
from journalclip_devtools.chart.servers import Database


class Scaling(Values):
    """How the number of replicas follows the work."""

    kind: Literal["none", "hpa", "keda"] = Field(
        "none", description="`none` (replicas as given), `hpa` (by CPU), or `keda` (by consumer lag; needs KEDA)."
    )
    min_replicas: int = Field(1, ge=0, description="Fewest replicas; 0 only with `keda`.")
    max_replicas: int = Field(12, ge=1, description="Most replicas; more than 12 find no partition to read.")
    lag: int = Field(20, ge=1, description="`keda`: events that wait for each replica.")
    cpu: int = Field(70, ge=1, le=100, description="`hpa`: per cent of the requested CPU aimed at.")


class CpuScaling(Scaling):
    """How the number of servers follows the queries."""

    kind: Literal["none", "hpa"] = Field("none", description="`none` (replicas as given) or `hpa` (by CPU).")


class Part(PodValues):
    """A pod of ours that has no settings of its own."""

    resources: Resources = Resources()


class Disruption(Values):
    """How many pods node maintenance may take at once; nothing set: one."""

    min_available: int = Field(0, ge=0, description="Pods that must stay; less than the replicas. 0: not asked for.")
    max_unavailable: int = Field(0, ge=0, description="Pods that may go at once. 0: one, where minAvailable is 0 too.")


class Pod(Part):
    """What every service's pods have."""

    settings: Passed = Field({}, description="The service's own settings, by their names in its README.")
    service_account_annotations: dict[str, str] = Field({}, description="E.g. a cloud role that gives access to S3.")


class Service(Pod):
    """A service that a plain Deployment runs."""

    replicas: int = Field(1, ge=0, description="Pods; ignored where autoscaling decides.")
    pod_disruption_budget: Disruption = Disruption()


class Upload(Values):
    """The HTTP door of intake."""

    enabled: bool = Field(False, description="Serve `POST /articles` inside the cluster.")
    port: int = Field(8088, ge=1, le=65535)


class Intake(Service):
    """Makes events of PDFs that are dropped into the bucket or uploaded."""

    resources: Resources = needing("50m", "192Mi", "1Gi")
    enabled: bool = Field(True, description="Off where another system submits articles.")
    upload: Upload = Upload()


class Parser(Values):
    """Where PDFs are parsed."""

    container: bool = Field(
        True, description="A container of its own without credentials; off: a confined child process of the service."
    )
    resources: Resources = needing("2", "2560Mi", "3Gi")


class QualityModel(Values):
    """The model that judges figures; nothing set: measured rules."""

    existing_claim: Name = Field("", description="Claim that holds it, mounted read-only at /srv/quality.")
    path: str = Field("", description="Its file in that claim, as `journalclip quality train` writes it.")


class Steady(Service):
    """A step whose number of replicas may follow its backlog."""

    autoscaling: Scaling = Scaling()


class Extraction(Steady):
    """Reads PDFs: figures, captions, panels, facts."""

    resources: Resources = needing("250m", "768Mi", "2Gi")
    parser: Parser = Parser()
    quality_model: QualityModel = QualityModel()


class Structuring(Steady):
    """Makes coded records of captions, or of reports."""

    resources: Resources = needing("250m", "256Mi", "1Gi")


class Freezing(Service):
    """Freezes datasets by rule; one replica is enough."""

    resources: Resources = needing("500m", "1Gi", "4Gi")


class RayNodes(PodValues):
    """The head pod of a Ray cluster: it coordinates, and trains and serves nothing."""

    resources: Resources = needing("1", "4Gi", "8Gi")


class Scratch(Disk):
    """The work folder on a volume that lives as long as the pod."""

    size: Quantity = Field("", description="Its size; empty: the node's own disk.")


class RayWorkers(RayNodes):
    """Worker pods of a Ray cluster, each with its GPUs."""

    resources: Resources = needing("4", "16Gi", "32Gi")
    gpus: int = Field(1, ge=0, description="GPUs (or MIG slices) of one pod; 0 trains or serves on its CPUs.")
    gpu: Gpu = Gpu()
    min_replicas: int = Field(0, ge=0, description="Fewest pods that are kept.")
    max_replicas: int = Field(4, ge=1, description="Most pods that Ray's autoscaler may ask for.")
    scratch: Scratch = Scratch()
    host_network: bool = Field(
        False, description="The node's network: outside network policies and the restricted level."
    )


class RayGroup(RayWorkers):
    """A further group of worker pods: spot nodes, another GPU kind."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$", description="Name of the group.")
    replicas: int = Field(1, ge=0, description="Pods of it in a run's own cluster.")


class TrainingRay(Values):
    """Training on Ray: how it is spread, and the cluster it runs on."""

    workers: int = Field(1, ge=1, description="Ray Train workers; any number that divides the batch.")
    gpus_per_worker: float = Field(
        1, gt=0, description="GPUs of one worker; 0.5 (`--set-json`, not `--set`) leaves half of one to another run."
    )
    failures: int = Field(3, ge=0, description="How often a worker may die before the run fails.")
    storage: str = Field("", description="Shared folder or s3:// address of Ray's own checkpoints.")
    keep_finished_s: int = Field(
        30, ge=0, description="`rayJob`: seconds that a finished run's cluster stays. With `keepHead`: its head."
    )
    keep_head: bool = Field(
        False,
        description="`rayJob`: a finished run gives back its workers at once and keeps its head for `keepFinishedS` "
        "(KubeRay's feature gate RayJobDeletionPolicy).",
    )
    backoff_limit: int = Field(1, ge=0, description="`rayJob`: how often KubeRay starts a failed RayJob again.")
    active_deadline_seconds: int = Field(0, ge=0, description="Seconds after which a run is ended; 0: never.")
    queue: Name = Field("", description="`rayJob`: a Kueue queue that RayJobs wait in; empty: none.")
    head: RayNodes = RayNodes()
    worker: RayWorkers = RayWorkers()
    worker_groups: list[RayGroup] = Field([], description="Further groups of worker pods.")
    submitter: Part = Part(resources=needing("100m", "256Mi", "1Gi"))


class Training(Service):
    """Trains a candidate for each frozen dataset."""

    resources: Resources = needing("2", "8Gi", "16Gi")
    settings: Passed = Field(
        {"recipe": "demo"}, description="Training's settings; `recipe` and `recipe_set` say what is trained."
    )
    mode: Literal["process", "rayJob", "rayCluster"] = Field(
        "process",
        description="`process`: in the service's own pod. `rayJob`: a RayJob and its cluster for each dataset, gone "
        "afterwards. `rayCluster`: RayJobs on one standing cluster that scales its GPU workers to zero.",
    )
    gpus: int = Field(0, ge=0, description="`process`: GPUs (or MIG slices) of the pod.")
    gpu: Gpu = Gpu()
    storage: Storage = Field(Storage(size="20Gi"), description="`process`: where a killed run resumes from.")
    reference: Claim = Field(
        Claim(), description="General images (one folder a class) that a model must not forget, at /srv/reference."
    )
    launcher: Part = Part(resources=needing("50m", "192Mi", "1Gi"))
    ray: TrainingRay = TrainingRay()


class Promotion(Service):
    """Measures candidates and moves the aliases."""

    resources: Resources = needing("1", "4Gi", "8Gi")
    gpus: int = Field(0, ge=0, description="GPUs of the pod, for measuring candidates.")
    gpu: Gpu = Gpu()
    gates: Passed = Field(
        {}, description="Gates of your own, as the file of docs/architecture/promotion.md; empty: `settings.gates`."
    )
    suites: Storage = Field(
        Storage(size="20Gi"), description="Data of evaluation suites; a claim is made only with `suitesEnabled`."
    )
    suites_enabled: bool = Field(False, description="Mount a claim with data of evaluation suites.")


class Index(Service):
    """Builds the search index of each champion (`index`), or of sources that come later (`segments`)."""

    resources: Resources = needing("1", "4Gi", "8Gi")
    gpus: int = Field(0, ge=0, description="GPUs of the pod, for embedding.")
    gpu: Gpu = Gpu()


class Tokens(Values):
    """Who may search, review and administer."""

    existing_secret: Name = Field(
        "",
        description="Secret with `tokens.json` as `journalclip tokens add` writes it; empty: one admin token is made.",
    )


class Oidc(Values):
    """People sign in at an OpenID Connect issuer; audience and claims are `settings`."""

    issuer: str = Field("", pattern=r"^(https://.+)?$", description="The issuer; empty: none.")
    client_id: str = Field("", description="With it the page offers signing in.")
    existing_secret: Name = Field("", description="Secret with the client's secret; empty: a public client.")
    key: str = Field("client-secret", description="Key in it.")


class ServiceEntry(Values):
    """The Kubernetes Service that people come in by."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    annotations: Passed = Field({}, description="Annotations of it.")


class Between(Values):
    """Two numbers that Ray Serve scales between."""

    min: int = Field(1, ge=1)
    max: int = Field(1, ge=1)


class GcsFaultTolerance(Values):
    """The head's memory in a Redis of yours, so that serving survives the head's death."""

    redis_address: str = Field("", description="host:port; empty: off.")
    existing_secret: Name = Field("", description="Secret with `redis-password`; empty: none is asked for.")


class InferenceRay(Values):
    """Serving on Ray Serve."""

    replicas: int | Between = Field(
        1, description="Encoder replicas, or {min, max} to scale between; other parts have their own `settings`."
    )
    gpus_per_replica: float = Field(1, ge=0, description="GPUs of one encoder replica; 0.25 lets four share one.")
    upgrade_strategy: Literal["", "NewCluster", "None"] = Field(
        "", description="`NewCluster` starts the new cluster beside the old one; `None`: changes are not rolled out."
    )
    gcs_fault_tolerance: GcsFaultTolerance = GcsFaultTolerance()
    queue: Name = Field("", description="A Kueue queue; empty: none.")
    head: RayNodes = RayNodes()
    worker: RayWorkers = RayWorkers(min_replicas=1)


class Inference(Service):
    """Serves the champion: search, classify, embed, review, the page."""

    resources: Resources = needing("1", "4Gi", "8Gi")
    mode: Literal["deployment", "rayService"] = Field(
        "deployment", description="`deployment`: one process a pod. `rayService`: Ray Serve, by KubeRay."
    )
    gpus: int = Field(0, ge=0, description="`deployment`: GPUs (or MIG slices) of a pod.")
    gpu: Gpu = Gpu()
    cache: Quantity = Field("20Gi", description="Room for models, indexes and pictures on a pod's own disk.")
    autoscaling: CpuScaling = CpuScaling()
    service: ServiceEntry = ServiceEntry()
    tokens: Tokens = Tokens()
    oidc: Oidc = Oidc()
    sessions: Database = Field(
        Database(), description="Sign-ins and saved searches; without a PostgreSQL each pod has its own until it ends."
    )
    ray: InferenceRay = InferenceRay()


class Catalogue(Pod):
    """The log projected into a database, which says where everything is."""

    enabled: bool = Field(True, description="Off where nobody asks it.")
    resources: Resources = needing("100m", "256Mi", "1Gi")
    database: Database = Database()
    storage: Storage = Field(Storage(size="5Gi"), description="SQLite's volume, where no database is named.")


class Workspace(Disk):
    """The work folder of commands."""

    size: Quantity = Field("", description="Size of a volume as long as the pod lives; empty: the node's own disk.")
    existing_claim: Name = Field("", description="A claim that is there already, taken instead; a backup needs one.")


class Toolbox(Part):
    """A pod for `kubectl exec`: every command of operations, with the release's servers and the admin's logins."""

    enabled: bool = Field(True, description="Off where nobody operates the release from within the cluster.")
    resources: Resources = needing("50m", "256Mi", "4Gi")
    work: Workspace = Workspace()
    service_account_annotations: dict[str, str] = Field({}, description="E.g. a cloud role that gives access to S3.")


class Smoke(Part):
    """What `helm test` runs: sign in, drop one drawn article, find it, explain it, and take it out again."""

    enabled: bool = Field(True, description="Off where manifests are applied without Helm and `--skip-tests`.")
    resources: Resources = needing("100m", "512Mi", "2Gi")
    wait_s: int = Field(600, ge=0, description="Seconds that it waits for pairs, and again for the hit.")
    token: SecretRef = Field(
        SecretRef(key="admin-token"), description="An admin's token; without a name the one that the release made."
    )
    service_account_annotations: dict[str, str] = Field({}, description="E.g. a cloud role that gives access to S3.")


class Receiver(Values):
    """A DICOM C-STORE provider in that pod: what a PACS sends is held in memory until it is whole, then submitted."""

    enabled: bool = False
    callers: list[str] = Field([], description="AE titles that may send; nobody else is let in.")
    title: str = Field("JOURNALCLIP", pattern=r"^[!-\[\]-~]{1,16}$", description="Its own AE title.")
    port: int = Field(11112, ge=1, le=65535, description="Port of the pod and of its Service.")
    quiet_s: int = Field(60, ge=1, description="Seconds without an object after which a study is whole.")
    max_gib: int = Field(1, ge=1, description="GiB held at once; the pod's memory limit must have room for 2 more.")
    tls_secret: Name = Field(
        "", description="Secret with `tls.crt`, `tls.key` and, of the senders, `ca.crt`; empty: no TLS."
    )
    peers: list[Passed] = Field(
        [], description="Who may reach it, as peers of a NetworkPolicy; empty: `networkPolicy.peers.ingressFrom`."
    )
    service: ServiceEntry = ServiceEntry()


class StudyIntake(Part):
    """A pod with intake's login for `kubectl exec`: studies are read and de-identified there, by command."""

    receiver: Receiver = Receiver()
    resources: Resources = needing("250m", "1Gi", "4Gi")
    storage: Storage = Field(Storage(size="20Gi"), description="The key of pseudonyms, and archives put there to read.")
    service_account_annotations: dict[str, str] = Field({}, description="E.g. a cloud role that gives access to S3.")


class Reports(Values):
    """What seals report texts between intake and structuring."""

    existing_secret: Name = Field("", description="Secret with `reports.key`, 64 bytes; empty: one is made.")


class Studies(Values):
    """The head-MRI half: the same steps for studies, each with a login of its own."""

    enabled: bool = False
    reports: Reports = Reports()
    intake: StudyIntake = StudyIntake()
    extraction: Steady = Steady(resources=needing("500m", "2Gi", "6Gi"))
    structuring: Structuring = Structuring()
    freezing: Freezing = Freezing(resources=needing("500m", "2Gi", "8Gi"))
    training: Training = Training(settings={"recipe": "study_demo"})
    promotion: Promotion = Promotion()
    index: Index = Index()
    segments: Index = Index()
