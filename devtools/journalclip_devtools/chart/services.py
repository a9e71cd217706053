"""The values of each service: how many, how large, where, and its own settings as the service itself defines them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from journalclip_devtools.chart.model import (
    EnvVar,
    Name,
    Passed,
    Placement,
    Quantity,
    Resources,
    Storage,
    Values,
    needing,
)


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


class Pod(Placement):
    """What every service's pods have."""

    resources: Resources = Resources()
    settings: Passed = Field({}, description="The service's own settings, by their names in its README.")
    extra_env: list[EnvVar] = Field([], description="Further environment variables, e.g. of a library.")
    pod_annotations: dict[str, str] = Field({}, description="Annotations of the pods.")
    service_account_annotations: dict[str, str] = Field({}, description="E.g. a cloud role that gives access to S3.")


class Service(Pod):
    """A service that a plain Deployment runs."""

    replicas: int = Field(1, ge=0, description="Pods; ignored where autoscaling decides.")


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


class Extraction(Service):
    """Reads PDFs: figures, captions, panels, facts."""

    resources: Resources = needing("250m", "768Mi", "2Gi")
    autoscaling: Scaling = Scaling()
    parser: Parser = Parser()


class Structuring(Service):
    """Makes coded records of captions."""

    resources: Resources = needing("250m", "256Mi", "1Gi")
    autoscaling: Scaling = Scaling()


class Freezing(Service):
    """Freezes datasets by rule; one replica is enough."""

    resources: Resources = needing("500m", "1Gi", "4Gi")


class RayNodes(Placement):
    """The head pod of a Ray cluster: it coordinates, and trains and serves nothing."""

    resources: Resources = needing("1", "4Gi", "8Gi")


class RayWorkers(RayNodes):
    """Worker pods of a Ray cluster, each with its GPUs."""

    resources: Resources = needing("4", "16Gi", "32Gi")
    gpus: int = Field(1, ge=0, description="GPUs (or MIG slices) of one pod; 0 trains or serves on its CPUs.")
    min_replicas: int = Field(0, ge=0, description="Fewest pods that are kept.")
    max_replicas: int = Field(4, ge=1, description="Most pods that Ray's autoscaler may ask for.")


class TrainingRay(Values):
    """Training on Ray: how it is spread, and the cluster it runs on."""

    workers: int = Field(1, ge=1, description="Ray Train workers; any number that divides the batch.")
    gpus_per_worker: float = Field(
        1, gt=0, description="GPUs of one worker; 0.5 (`--set-json`, not `--set`) leaves half of one to another run."
    )
    failures: int = Field(3, ge=0, description="How often a worker may die before the run fails.")
    storage: str = Field("", description="Shared folder or s3:// address of Ray's own checkpoints.")
    keep_finished_s: int = Field(3600, ge=0, description="Seconds that a finished RayJob stays to be looked at.")
    backoff_limit: int = Field(1, ge=0, description="How often KubeRay starts a failed RayJob again.")
    queue: Name = Field("", description="A Kueue queue that RayJobs wait in; empty: none.")
    head: RayNodes = RayNodes()
    worker: RayWorkers = RayWorkers()


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
    storage: Storage = Field(Storage(size="20Gi"), description="`process`: where a killed run resumes from.")
    ray: TrainingRay = TrainingRay()


class Promotion(Service):
    """Measures candidates and moves the aliases."""

    resources: Resources = needing("1", "4Gi", "8Gi")
    gpus: int = Field(0, ge=0, description="GPUs of the pod, for measuring candidates.")
    suites: Storage = Field(
        Storage(size="20Gi"), description="Data of evaluation suites; a claim is made only with `suitesEnabled`."
    )
    suites_enabled: bool = Field(False, description="Mount a claim with data of evaluation suites.")


class Index(Service):
    """Builds the search index of each champion (`index`), or of articles that come later (`segments`)."""

    resources: Resources = needing("1", "4Gi", "8Gi")


class Tokens(Values):
    """Who may search, review and administer."""

    existing_secret: Name = Field(
        "",
        description="Secret with `tokens.json` as `journalclip tokens add` writes it; empty: one admin token is made.",
    )


class InferenceRay(Values):
    """Serving on Ray Serve."""

    replicas: int = Field(1, ge=1, description="Encoder replicas; the other parts have their own `settings`.")
    gpus_per_replica: float = Field(1, ge=0, description="GPUs of one encoder replica; 0.25 lets four share one.")
    head: RayNodes = RayNodes()
    worker: RayWorkers = RayWorkers(min_replicas=1)


class Inference(Service):
    """Serves the champion: search, classify, embed, review, the page."""

    resources: Resources = needing("1", "4Gi", "8Gi")
    mode: Literal["deployment", "rayService"] = Field(
        "deployment", description="`deployment`: one process a pod. `rayService`: Ray Serve, by KubeRay."
    )
    gpus: int = Field(0, ge=0, description="`deployment`: GPUs (or MIG slices) of a pod.")
    cache: Quantity = Field("20Gi", description="Room for models, indexes and pictures on a pod's own disk.")
    autoscaling: CpuScaling = CpuScaling()
    tokens: Tokens = Tokens()
    ray: InferenceRay = InferenceRay()
