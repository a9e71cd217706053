"""Settings: one frozen object a service, read once in its ``__main__`` and passed down.

Every setting is an environment variable ``JOURNALCLIP_<NAME>`` (nested: ``JOURNALCLIP_S3__ENDPOINT``). Secrets are
given as paths of files, never as values: an environment is printed too easily. Nothing else in the tree reads the
environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from journalclip_shared.errors import PermanentError
from journalclip_shared.kinds import KINDS, Kind
from journalclip_shared.names import registered_model


class KafkaSettings(BaseModel):
    """How to reach Kafka."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    servers: str = Field("127.0.0.1:9092", description="Bootstrap servers, comma-separated.")
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = "SCRAM-SHA-512"
    topic_prefix: str = Field("", pattern=r"^[a-zA-Z0-9._-]*$", description="Put before every topic and group.")
    username: str = ""
    password_file: Path | None = Field(
        None, description="File that holds the SASL password, or the client's secret with OAUTHBEARER."
    )
    token_url: str = Field("", description="OAUTHBEARER: where the client `username` gets its tokens.")
    scope: str = Field("", description="OAUTHBEARER: scope asked for; empty: none.")
    ca_file: Path | None = Field(None, description="Certificate authority of the brokers; empty means the system's.")
    cert_file: Path | None = Field(None, description="Client certificate, for mutual TLS.")
    key_file: Path | None = Field(None, description="Key of the client certificate.")
    max_poll_interval_s: float = Field(300.0, gt=0, description="A member that does not poll this long is out.")
    session_timeout_s: float = Field(45.0, gt=0, description="A member that sends no heartbeat this long is out.")
    reconnect_max_s: float = Field(5.0, gt=0, description="Longest pause before a broker is tried again.")
    request_timeout_s: float = Field(30.0, gt=0, description="Longest wait for one acknowledgement.")


class S3Settings(BaseModel):
    """How to reach the object store."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    endpoint: str = Field("127.0.0.1:9000", description="Host and port.")
    tls: bool = True
    region: str = "us-east-1"
    identity: Literal["keys", "workload"] = Field(
        "keys", description="`keys`: from the two files. `workload`: what AWS gives the pod or the machine."
    )
    access_key_file: Path | None = Field(None, description="File that holds the access key.")
    secret_key_file: Path | None = Field(None, description="File that holds the secret key.")
    ca_file: Path | None = Field(None, description="Certificate authority; empty means the usual ones.")
    bucket_prefix: str = Field("", pattern=r"^([a-z0-9][a-z0-9-]*)?$", description="Put before every bucket's name.")
    timeout_s: float = Field(30.0, gt=0, description="Longest silence of one request.")


class Settings(BaseSettings):
    """Base of every service's settings: where the event log and the artifacts are."""

    model_config = SettingsConfigDict(env_prefix="JOURNALCLIP_", env_nested_delimiter="__", frozen=True, extra="ignore")

    workdir: Path = Field(Path("journalclip-work"), description="Folder of the local log, artifacts and registry.")
    bus: Literal["sqlite", "kafka"] = Field("sqlite", description="`sqlite` (a file in workdir) or `kafka`.")
    artifacts: Literal["local", "s3"] = Field("local", description="`local` (a folder in workdir) or `s3`.")
    kafka: KafkaSettings = KafkaSettings()
    s3: S3Settings = S3Settings()
    mlflow_uri: str = Field("", description="Tracking server; empty means sqlite in workdir.")
    installation: str = Field(
        "", pattern=r"^([a-z0-9][a-z0-9-]{0,39})?$", description="Its name, where several share one MLflow."
    )
    catalogue_url: str = Field("", description="The catalogue's database; empty means a SQLite file in workdir.")
    concurrency: int = Field(1, ge=1, le=256, description="Events handled at once by one process.")
    log_json: bool = Field(False, description="Logs as JSON lines.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port of Prometheus metrics and health; 0 means none.")
    otlp_endpoint: str = Field("", description="Where traces go (OTLP over HTTP); empty means nowhere.")
    handler_limit_s: float = Field(
        3600.0, ge=0, description="Seconds that one event may be handled before the process ends; 0 means no limit."
    )
    park_after_crashes: int = Field(
        3, ge=0, description="An event in hand at so many deaths of its process is parked; 0 means never."
    )
    fail_points: str = Field("", description="For fault tests only: `name=action@n;...`.")
    drain: bool = Field(False, description="Empty the backlog and exit, instead of serving.")

    @property
    def registry_uri(self) -> str:
        """The tracking server, or the working folder's own sqlite file."""
        return self.mlflow_uri or f"sqlite:///{self.workdir.resolve() / 'mlflow.db'}"

    def registered_model(self, kind: Kind) -> str:
        """The name of this installation's registered model of a kind."""
        return registered_model(kind, self.installation)

    @property
    def own_keys(self) -> Path | None:
        """The working folder's own signing keys; none where artifacts lie elsewhere, and others write them."""
        return self.workdir / "keys" if self.artifacts == "local" else None


class KindSettings(BaseSettings):
    """Which kind a process serves. Every step is deployed once for each kind, so there is no default."""

    model_config = SettingsConfigDict(env_prefix="JOURNALCLIP_", frozen=True, extra="ignore")

    kind: Kind = Field(description="`articles` or `studies`.")


def deployed_kind() -> Kind:
    """The kind of this process. Raises `PermanentError` ``kind-missing`` where ``JOURNALCLIP_KIND`` names none."""
    try:
        return KindSettings().kind
    except ValidationError as error:
        remedy = f"Set JOURNALCLIP_KIND to one of: {', '.join(KINDS)}."
        raise PermanentError("kind-missing", "a step serves one kind, and none is named", remedy) from error
