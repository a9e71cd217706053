"""Settings of the inference service: where it listens, whom it lets in, how much it takes on at once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from journalclip_shared.settings import Settings


class InferenceSettings(Settings):
    """Environment ``JOURNALCLIP_<NAME>``."""

    part: Literal["serve", "index", "segments"] = Field(
        "serve",
        description="Answer readers, index new champions' datasets (of the kind `JOURNALCLIP_KIND`), or index sources "
        "of that kind that come later.",
    )
    device: str = Field(
        "cpu", description="Where the model is: `cpu`, `cuda`, or `cuda:N`. On Ray `encoder_gpus` says it."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535)
    anonymous: bool = Field(False, description="Let readers in without a token; only ever from this machine itself.")
    tokens: Path | None = Field(None, description="JSON file of token digests with names and roles.")
    oidc_issuer: str = Field("", description="OpenID Connect issuer whose access tokens are accepted; empty: none.")
    oidc_audience: str = Field("journalclip", description="The audience those tokens must name.")
    oidc_role_claim: str = Field(
        "journalclip_role", description="The claim that holds the role; with dots where it lies deeper."
    )
    oidc_name_claim: str = Field("preferred_username", description="The claim that names the person; else `sub` does.")
    oidc_client_id: str = Field("", description="With it the page offers signing in at the issuer (code with PKCE).")
    oidc_client_secret_file: Path | None = Field(None, description="File of the client's secret, where it has one.")
    sessions_url: str = Field(
        "", description="Database of sign-ins and saved searches; empty: a SQLite file in workdir. Servers share one."
    )
    public_url: str = Field("", description="Where browsers find this server, if not where their requests say.")
    max_batch: int = Field(32, ge=1, description="Queries the encoder takes in one pass.")
    batch_wait_ms: float = Field(2.0, ge=0, description="How long a lone query waits for company.")
    max_waiting: int = Field(256, ge=1, description="Queries that may wait; more are refused with 429.")
    max_body_bytes: int = Field(24_000_000, ge=1, description="Largest request; an image in base64 is a third larger.")
    max_study_bytes: int = Field(600_000_000, ge=1, description="Largest study that may be dropped.")
    max_image_bytes: int = Field(16_000_000, ge=1)
    max_pixels: int = Field(50_000_000, ge=1, description="Largest picture that is decoded.")
    requests_a_minute: int = Field(
        600, ge=0, description="Requests that one named caller may send; 0: no limit. Readers of this machine: none."
    )
    unknown_tokens_a_minute: int = Field(60, ge=1, description="Unknown tokens that one address may send.")
    cors_origins: tuple[str, ...] = Field(
        (), description="Origins whose pages may ask with a token of their own; cookies are never sent from there."
    )
    decoded_pixels: int = Field(60_000_000, ge=1, description="Pixels of sent pictures that are decoded at one time.")
    coverage_every_s: float = Field(
        60.0, gt=0, description="How often `segments` counts the structured sources that the champion lacks."
    )
    poll_s: float = Field(5.0, gt=0, description="How often the champion alias is looked at, besides events.")

    # Only on Ray: replicas, and what each asks of the cluster. CPUs are what Ray's scheduler counts, not a limit.
    door_replicas: int = Field(1, ge=1)
    encoder_replicas: int = Field(1, ge=1, description="Each holds the model; more only where GPUs or cores are left.")
    encoder_max_replicas: int = Field(
        0, ge=0, description="With it Serve scales encoders from `encoder_replicas` to it."
    )
    index_replicas: int = Field(1, ge=1)
    door_cpus: float = Field(0.5, ge=0)
    encoder_cpus: float = Field(1.0, ge=0)
    encoder_gpus: float = Field(0.0, ge=0, description="More than 0 puts the model on a GPU.")
    encoder_threads: int = Field(0, ge=0, description="Threads of one encoder; 0: one a core of its machine.")
    index_cpus: float = Field(0.5, ge=0)

    @property
    def cache(self) -> Path:
        """Models and collections as fetched, and drawn pages; safe to delete."""
        return self.workdir / "cache"
