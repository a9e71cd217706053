"""From settings to the structurer they name. Heavy libraries are imported only for the structurer that needs them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from journalclip_shared import wiring
from journalclip_shared.artifacts import Bucket
from journalclip_structuring.errors import BadSetting
from journalclip_structuring.fallback import WithRules
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.settings import StructuringSettings
from journalclip_structuring.structurer import Structurer

if TYPE_CHECKING:
    from journalclip_structuring.endpoint.structurer import EndpointStructurer


def build_structurer(settings: StructuringSettings, bucket: Bucket = "figures") -> Structurer:
    """``bucket`` holds the account of what is spent. Raises `BadSetting` for one that cannot be built."""
    if settings.structurer == "rules":
        return RuleStructurer()
    made = endpoint_of(settings, bucket) if settings.structurer == "endpoint" else _local(settings)
    return WithRules(made) if settings.structurer_fallback else made


def structurer_named(name: str, workdir: Path | None = None, bucket: Bucket = "figures") -> Structurer:
    """`rules`, `endpoint` or `local` (as the environment says), or the local model of that folder or registry alias.

    Raises `BadSetting` for one that cannot be built.
    """
    return build_structurer(_settings_of(name, workdir), bucket)


def check_structurer(name: str, workdir: Path | None = None) -> None:
    """Is it one that can be tried? Loads no model and asks no server. Raises `BadSetting`."""
    settings = _settings_of(name, workdir)
    if settings.structurer == "endpoint":
        _check_endpoint(settings)
    elif settings.structurer == "local":
        _check_local(settings)


def _settings_of(name: str, workdir: Path | None) -> StructuringSettings:
    chosen: dict[str, object] = {"structurer": name}
    if name not in {"rules", "endpoint", "local"}:
        chosen = {"structurer": "local", "local_model": name}
    if workdir is not None:
        chosen["workdir"] = workdir
    return StructuringSettings().model_copy(update=chosen)


def _check_endpoint(settings: StructuringSettings) -> None:
    if not settings.endpoint_url or not settings.endpoint_model:
        raise BadSetting("the endpoint has no URL or no model", "Set JOURNALCLIP_ENDPOINT_URL and _ENDPOINT_MODEL.")


def _check_local(settings: StructuringSettings) -> None:
    """A folder that is there, or an alias of the registry."""
    if not settings.local_model:
        raise BadSetting("no local model is named", "Set JOURNALCLIP_LOCAL_MODEL to a folder or models:/NAME@ALIAS.")
    if not settings.local_model.startswith("models:/") and not Path(settings.local_model).is_dir():
        raise BadSetting(
            f"{settings.local_model} is no structurer, and not a folder",
            "Say rules, endpoint, local, a model folder, or models:/NAME@ALIAS.",
        )


def endpoint_of(settings: StructuringSettings, bucket: Bucket = "studies") -> EndpointStructurer:
    """The endpoint that the settings name, for any task. Raises `BadSetting`."""
    from journalclip_structuring.endpoint.cache import AnswerCache
    from journalclip_structuring.endpoint.client import EndpointOptions
    from journalclip_structuring.endpoint.journal import FileJournal
    from journalclip_structuring.endpoint.spend import Budget, Prices, RateLimit, StoredGrants
    from journalclip_structuring.endpoint.structurer import EndpointStructurer

    _check_endpoint(settings)
    options = EndpointOptions(
        url=settings.endpoint_url,
        model=settings.endpoint_model,
        key=settings.endpoint_key.get_secret_value(),
        concurrency=settings.endpoint_concurrency,
        attempts=settings.endpoint_attempts,
        timeout_s=settings.endpoint_timeout_s,
        answers_as=settings.endpoint_answers_as,
        format=settings.endpoint_format,
        extra=settings.endpoint_extra,
    )
    folder = settings.workdir / "structuring"
    store = wiring.open_artifacts(settings)
    return EndpointStructurer(
        options,
        Budget(StoredGrants(store, bucket, settings.spend_account, settings.spend_cap_usd)),
        Prices(settings.usd_per_million_in, settings.usd_per_million_out),
        RateLimit(settings.endpoint_per_minute),
        AnswerCache(folder / "answers"),
        FileJournal(folder / "attempts.jsonl"),
    )


def _local(settings: StructuringSettings) -> Structurer:
    from journalclip_structuring.lm.local import LocalStructurer
    from journalclip_structuring.lm.registry import ReloadingStructurer, StructurerRegistry, parse_alias

    _check_local(settings)
    alias = parse_alias(settings.local_model)
    if alias is None:
        return LocalStructurer(Path(settings.local_model))
    registry = StructurerRegistry(settings.mlflow_uri or f"sqlite:///{settings.workdir / 'mlflow.db'}")
    folder = settings.workdir / "structuring"
    folder.mkdir(parents=True, exist_ok=True)
    return ReloadingStructurer(
        lambda: registry.version(*alias), lambda version: LocalStructurer(registry.fetch(alias[0], version, folder))
    )
