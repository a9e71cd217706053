"""The structuring service's settings, read once in `__main__`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr

from journalclip_shared.settings import Settings


class StructuringSettings(Settings):
    """Which structurer, and how to reach it."""

    structurer: Literal["rules", "endpoint", "local"] = Field("rules", description="Who makes the records.")
    endpoint_url: str = Field("", description="Base URL of an OpenAI-compatible endpoint, up to and with `/v1`.")
    endpoint_model: str = Field("", description="Model name that requests ask for and answers must come from.")
    endpoint_answers_as: tuple[str, ...] = Field(
        (),
        description="JSON list of further names under which the endpoint may answer for that model: an alias, a path.",
    )
    endpoint_format: Literal["json_schema", "json_object", "text"] = Field(
        "json_schema", description="How the answer's form is asked for; a weaker one is tried where it is refused."
    )
    endpoint_extra: dict[str, Any] = Field(
        default_factory=dict, description="JSON merged into each request; null takes a key out of it."
    )
    endpoint_key: SecretStr = Field(SecretStr(""), description="Bearer token; empty sends none.")
    endpoint_concurrency: int = Field(8, ge=1, le=256, description="Requests in flight at once.")
    endpoint_per_minute: int = Field(600, ge=1, description="Requests started in any minute at most.")
    endpoint_timeout_s: float = Field(60.0, gt=0, description="Wall-clock limit of one attempt, slow drips included.")
    endpoint_attempts: int = Field(5, ge=1, le=20, description="Attempts a text before it is given up.")
    spend_cap_usd: float = Field(
        10.0, ge=0, description="No request starts that could take the account above it, over restarts and replicas."
    )
    spend_account: str = Field(
        "default",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="What the cap counts for; a new name starts at 0.",
    )
    usd_per_million_in: float = Field(0.0, ge=0, description="Price of a million prompt tokens.")
    usd_per_million_out: float = Field(0.0, ge=0, description="Price of a million answer tokens.")
    structurer_fallback: bool = Field(
        False, description="Let the rules write what the endpoint or the model could not, under their own name."
    )
    report_language: Literal["en", "zh"] = Field("en", description="Language in which reports' records are rendered.")
    report_without_sequences: Literal["attach", "leave"] = Field(
        "attach", description="A report that names no sequence: said of every volume of its study, or of none."
    )
    reports_key_file: Path | None = Field(None, description="Key of the reports that the intake of studies sealed.")
    vault_key_file: Path | None = Field(None, description="Key of the vault of reports; empty: no vault.")
    local_model: str = Field("", description="Folder of a causal LM, or `models:/NAME@ALIAS` of the registry.")
