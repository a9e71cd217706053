"""The values of what the services stand on: Kafka, object store, MLflow, and the language model that structures.

Each is ``bundled`` (one node, for trying out) or ``external``; Kafka may also be Strimzi's to run.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from journalclip_devtools.chart.model import (
    Disk,
    Gpu,
    Name,
    PodValues,
    Quantity,
    Resources,
    SecretRef,
    Storage,
    Values,
    needing,
)


class Database(Values):
    """A PostgreSQL database that is there already; without it, SQLite on a volume."""

    existing_secret: Name = Field("", description="Secret with the database's address; empty: SQLite.")
    key: str = Field("uri", description="Key in it: postgresql+psycopg://user:password@host:5432/name")
    port: int = Field(5432, ge=1, le=65535, description="Port of the database, which network policies open.")


class Bundled(PodValues):
    """A one-node server for trying out."""

    storage: Storage = Storage()
    resources: Resources = needing("250m", "1Gi", "2Gi")


class Postgres(Bundled):
    """A one-node PostgreSQL: a database and a user for the catalogue and for MLflow, where these name none."""

    enabled: bool = Field(False, description="Instead of SQLite on volumes, which only its own pod can read.")
    existing_secret: Name = Field(
        "",
        description="Secret with `admin-password`, `<name>-password` and `<name>-uri` for `catalogue` and `mlflow`; "
        "empty: one is made in the cluster, once.",
    )
    resources: Resources = needing("100m", "256Mi", "1Gi")


class BundledKafka(Bundled):
    """A one-node broker, with one SASL user and the least rights for each service."""

    existing_secret: Name = Field(
        "",
        description="Secret with one password a user (`admin`, `object-store`, each login of files/topology.json) and "
        "`cluster-id` (22 characters of base64); empty: one is made in the cluster, once.",
    )
    heap: str = Field("512m", pattern=r"^\d+[mg]$", description="Heap of the Java virtual machine.")


class KafkaOauth(Values):
    """Client credentials with OAUTHBEARER: the client is `username`, its secret is `password` of `existingSecret`."""

    token_url: str = Field("", pattern=r"^(https?://.+)?$", description="Where tokens are given.")
    scope: str = Field("", description="Scope asked for; empty: none.")


class ExternalKafka(Values):
    """Brokers that are there already."""

    servers: str = Field("", description="Bootstrap servers, comma-separated.")
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field("SASL_SSL")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "GSSAPI"] = Field(
        "SCRAM-SHA-512", description="GSSAPI (Kerberos) is refused with what to use instead."
    )
    username: str = Field("", description="SASL user; empty: one user a service, named as the service.")
    existing_secret: Name = Field(
        "", description="Secret with `password`, or with one key a user where each service has its own."
    )
    ca_secret: SecretRef = Field(SecretRef(), description="Certificate authority; empty: the system's.")
    acls: bool = Field(
        False, description="Let the bootstrap job make one user's rights a service; takes an admin user."
    )
    admin_username: str = Field("", description="The admin user, with its password under `admin` in the secret.")
    client_cert_secret: Name = Field("", description="Secret of type kubernetes.io/tls, for mutual TLS.")
    oauth: KafkaOauth = Field(KafkaOauth(), description="Where tokens come from with OAUTHBEARER.")


class Strimzi(Values):
    """A Kafka cluster, its topics and its users as custom resources of Strimzi."""

    replicas: int = Field(3, ge=1, description="Brokers, each a controller as well.")
    version: str = Field("4.1.0", description="A Kafka version that the installed operator knows.")
    storage: Disk = Disk(size="100Gi")
    resources: Resources = needing("1", "4Gi", "6Gi")


class Kafka(Values):
    """The event log."""

    mode: Literal["bundled", "strimzi", "external"] = "bundled"
    topic_prefix: str = Field("", pattern=r"^[a-zA-Z0-9._-]*$", description="Put before every topic and group.")
    bundled: BundledKafka = BundledKafka()
    strimzi: Strimzi = Strimzi()
    external: ExternalKafka = ExternalKafka()


class ExternalStore(Values):
    """An S3 endpoint that is there already."""

    endpoint: str = Field("", description="Host and port; a URL's scheme decides `tls`.")
    tls: bool = True
    auth: Literal["keys", "workloadIdentity"] = Field(
        "keys",
        description="`keys`: from the secret. `workloadIdentity`: what the cloud gives the pod's account, no keys "
        "(AWS: IRSA, Pod Identity, instance roles).",
    )
    region: str = "us-east-1"
    existing_secret: Name = Field("", description="Secret with `access-key` and `secret-key`.")
    per_service: bool = Field(False, description="The secret holds `<service>-access-key` and `<service>-secret-key`.")
    ca_secret: SecretRef = Field(SecretRef(), description="Certificate authority; empty: the usual ones.")


class BundledStore(Bundled):
    """A one-node MinIO, with one user and the least rights for each service."""

    storage: Storage = Storage(size="50Gi")
    existing_secret: Name = Field(
        "",
        description="Secret with `<login>-access-key` and `<login>-secret-key` for `admin` and each login of "
        "files/topology.json; empty: one is made in the cluster, once.",
    )


class ObjectStore(Values):
    """Where every artifact lies."""

    mode: Literal["bundled", "external"] = "bundled"
    bucket_prefix: str = Field("", pattern=r"^([a-z0-9][a-z0-9-]*)?$", description="Put before every bucket's name.")
    bundled: BundledStore = BundledStore()
    external: ExternalStore = ExternalStore()


class ExternalMlflow(Values):
    """A tracking server that is there already."""

    uri: str = Field("", pattern=r"^(https?://.+)?$", description="Its address.")
    existing_secret: Name = Field("", description="Secret with `username` and `password`, where it asks for them.")
    ca_secret: SecretRef = Field(SecretRef(), description="Certificate authority; empty: the usual ones.")


class BundledMlflow(Bundled):
    """A tracking server with one worker; its database is SQLite on a volume, or a PostgreSQL of yours."""

    database: Database = Database()


class Mlflow(Values):
    """The model registry."""

    mode: Literal["bundled", "external"] = "bundled"
    bundled: BundledMlflow = BundledMlflow()
    external: ExternalMlflow = ExternalMlflow()


class ExternalLlm(Values):
    """An OpenAI-compatible endpoint that is there already."""

    url: str = Field("", pattern=r"^(https?://.+)?$", description="Base address, up to and with `/v1`.")
    existing_secret: Name = Field("", description="Secret with `api-key`; empty sends none.")


class QueueScaling(Values):
    """How the number of servers follows the texts that wait to be structured."""

    kind: Literal["none", "keda"] = Field("none", description="`none` (replicas as given) or `keda` (needs KEDA).")
    min_replicas: int = Field(0, ge=0, description="Fewest replicas; with 0 no GPU is held while nothing waits.")
    max_replicas: int = Field(2, ge=1, description="Most replicas.")
    lag: int = Field(200, ge=1, description="Articles and studies that wait for each replica.")


class ModelFetch(PodValues):
    """The job that fetches the model into the claim, once."""

    source: str = Field(
        "",
        pattern=r"^(|hub:[\w.-]+/[\w.-]+@[\w./-]+|s3://[a-z0-9][a-z0-9.-]+/.+)$",
        description="`hub:ORG/NAME@REVISION`, or `s3://BUCKET/PREFIX` of the release's store; empty: nothing.",
    )
    existing_secret: Name = Field("", description="Secret with `token` for a hub that asks for one.")
    resources: Resources = needing("250m", "512Mi", "2Gi")


class BundledLlm(PodValues):
    """A vLLM server in the cluster."""

    replicas: int = Field(1, ge=0, description="Servers, each with its own GPUs.")
    existing_secret: Name = Field("", description="Secret with `api-key`; empty: one is made in the cluster, once.")
    gpu: Gpu = Gpu()
    gpus: int = Field(1, ge=0, description="GPUs (or MIG slices) of the pod.")
    model_claim: Name = Field("", description="Claim that holds the model's folder; with `fetch` empty makes one.")
    model_path: str = Field("", description="The model's folder in that claim, or in the image.")
    model_image: str = Field("", description="An OCI artifact that holds the model, mounted instead of a claim.")
    storage: Disk = Field(Disk(size="100Gi"), description="The claim that is made for `fetch`.")
    fetch: ModelFetch = ModelFetch()
    autoscaling: QueueScaling = QueueScaling()
    args: list[str] = Field([], description="Further arguments of `vllm serve`.")
    shared_memory: Quantity = Field("2Gi", description="Size of /dev/shm.")
    resources: Resources = needing("4", "16Gi", "32Gi")


class LocalLlm(Values):
    """A model in the structuring pods themselves: reads reports; captions go to the rules."""

    model: str = Field(
        "",
        pattern=r"^(/srv/models/.+|models:/[^@/]+@[^@/]+)?$",
        description="A folder of `models.existingClaim`, below /srv/models, or `models:/NAME@ALIAS` of MLflow.",
    )


class Llm(Values):
    """The language model that makes records; none: measured rules do."""

    mode: Literal["none", "bundled", "external", "local"] = "none"
    model: str = Field("", description="Model name that requests ask for and answers must come from.")
    bundled: BundledLlm = BundledLlm()
    external: ExternalLlm = ExternalLlm()
    local: LocalLlm = LocalLlm()
