"""The structuring service's settings, read once in `__main__`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from journalclip_shared.settings import Settings


class StructuringSettings(Settings):
    """Which structurer, and how to reach it."""

    structurer: Literal["rules", "endpoint", "local"] = Field("rules", description="Who makes the records.")
    endpoint_url: str = Field("", description="Base URL of an OpenAI-compatible endpoint, up to and with `/v1`.")
    endpoint_model: str = Field("", description="Model name that requests ask for and answers must come from.")
    endpoint_key: SecretStr = Field(SecretStr(""), description="Bearer token; empty sends none.")
    endpoint_concurrency: int = Field(8, ge=1, le=256, description="Requests in flight at once.")
    endpoint_per_minute: int = Field(600, ge=1, description="Requests started in any minute at most.")
    endpoint_timeout_s: float = Field(60.0, gt=0, description="Wall-clock limit of one attempt, slow drips included.")
    endpoint_attempts: int = Field(5, ge=1, le=20, description="Attempts a text before it is given up.")
    spend_cap_usd: float = Field(10.0, ge=0, description="No request starts that could take this process above it.")
    usd_per_million_in: float = Field(0.0, ge=0, description="Price of a million prompt tokens.")
    usd_per_million_out: float = Field(0.0, ge=0, description="Price of a million answer tokens.")
    report_language: Literal["en", "zh"] = Field("en", description="Language in which reports' records are rendered.")
    report_without_sequences: Literal["attach", "leave"] = Field(
        "attach", description="A report that names no sequence: said of every volume of its study, or of none."
    )
    local_model: str = Field("", description="Folder of a causal LM, or `models:/NAME@ALIAS` of the registry.")
