"""From settings to the structurer they name. Heavy libraries are imported only for the structurer that needs them."""

from __future__ import annotations

from pathlib import Path

from journalclip_structuring.errors import BadSetting
from journalclip_structuring.rules import RuleStructurer
from journalclip_structuring.settings import StructuringSettings
from journalclip_structuring.structurer import Structurer


def build_structurer(settings: StructuringSettings) -> Structurer:
    """Raises `BadSetting` for one that cannot be built."""
    if settings.structurer == "rules":
        return RuleStructurer()
    if settings.structurer == "endpoint":
        return _endpoint(settings)
    return _local(settings)


def structurer_named(name: str) -> Structurer:
    """`rules`, `endpoint` (as the environment's settings say), or the local model in the folder of that name."""
    chosen = {"structurer": name} if name in {"rules", "endpoint"} else {"structurer": "local", "local_model": name}
    return build_structurer(StructuringSettings().model_copy(update=chosen))


def _endpoint(settings: StructuringSettings) -> Structurer:
    from journalclip_structuring.endpoint.cache import AnswerCache
    from journalclip_structuring.endpoint.client import EndpointOptions, EndpointStructurer
    from journalclip_structuring.endpoint.journal import FileJournal
    from journalclip_structuring.endpoint.spend import Budget, Prices, RateLimit

    if not settings.endpoint_url or not settings.endpoint_model:
        raise BadSetting("the endpoint has no URL or no model", "Set JOURNALCLIP_ENDPOINT_URL and _ENDPOINT_MODEL.")
    options = EndpointOptions(
        url=settings.endpoint_url,
        model=settings.endpoint_model,
        key=settings.endpoint_key.get_secret_value(),
        concurrency=settings.endpoint_concurrency,
        attempts=settings.endpoint_attempts,
        timeout_s=settings.endpoint_timeout_s,
    )
    folder = settings.workdir / "structuring"
    return EndpointStructurer(
        options,
        Budget(settings.spend_cap_usd),
        Prices(settings.usd_per_million_in, settings.usd_per_million_out),
        RateLimit(settings.endpoint_per_minute),
        AnswerCache(folder / "answers"),
        FileJournal(folder / "attempts.jsonl"),
    )


def _local(settings: StructuringSettings) -> Structurer:
    from journalclip_structuring.lm.local import LocalStructurer
    from journalclip_structuring.lm.registry import ReloadingStructurer, StructurerRegistry, parse_alias

    if not settings.local_model:
        raise BadSetting("no local model is named", "Set JOURNALCLIP_LOCAL_MODEL to a folder or models:/NAME@ALIAS.")
    alias = parse_alias(settings.local_model)
    if alias is None:
        return LocalStructurer(Path(settings.local_model))
    registry = StructurerRegistry(settings.mlflow_uri or f"sqlite:///{settings.workdir / 'mlflow.db'}")
    folder = settings.workdir / "structuring"
    folder.mkdir(parents=True, exist_ok=True)
    return ReloadingStructurer(
        lambda: registry.version(*alias), lambda version: LocalStructurer(registry.fetch(alias[0], version, folder))
    )
