"""Which settings of a service are the operator's to choose, and which the chart decides.

The chart decides where servers are, where files lie and what a process listens on: those follow from its other values,
and giving them twice would let them disagree. All others may be set under ``<service>.settings`` by the names that the
service's own README and ``--help`` use, and are checked by the very types that the service reads them with.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue
from pydantic_settings import BaseSettings

from journalclip_catalogue.settings import CatalogueSettings
from journalclip_extraction.settings import ExtractionSettings
from journalclip_freezing.settings import FreezingSettings
from journalclip_inference.settings import InferenceSettings
from journalclip_intake.settings import IntakeSettings
from journalclip_promotion.settings import PromotionSettings
from journalclip_shared.settings import Settings
from journalclip_structuring.settings import StructuringSettings
from journalclip_training.settings import TrainingSettings

Schema = dict[str, JsonValue]

# What the base's settings say of the place a service runs in.
_PLACE = frozenset({
    "catalogue_url", "workdir", "bus", "artifacts", "mlflow_uri", "metrics_port", "otlp_endpoint", "fail_points",
    "drain",
    "kafka.servers", "kafka.security", "kafka.sasl_mechanism", "kafka.topic_prefix", "kafka.username",
    "kafka.password_file", "kafka.ca_file", "kafka.cert_file", "kafka.key_file", "kafka.token_url", "kafka.scope",
    "s3.endpoint", "s3.tls", "s3.identity", "s3.region",
    "s3.access_key_file", "s3.secret_key_file", "s3.ca_file", "s3.bucket_prefix",
})  # fmt: skip

# What all services must agree on: the base's block offers it, no service's own does.
_ONE_FOR_ALL = frozenset({"installation"})


@dataclass(frozen=True)
class Offered:
    """One service's settings and what of them is not offered."""

    kind: type[BaseSettings]
    decided: frozenset[str] = frozenset()
    only: tuple[str, ...] = ()  # prefixes, where one settings class serves several services

    def schema(self) -> Schema:
        """JSON Schema of the block ``settings``: no reference, no key that is not offered."""
        whole = inlined(self.kind.model_json_schema())
        one_for_all = frozenset[str]() if self.kind is Settings else _ONE_FOR_ALL
        return pruned(whole, _PLACE | one_for_all | self.decided, self.only)


_TRAINING = frozenset(
    {
        "general_reference",
        "signing_key_file",
        "device",
        "ray_workers",
        "ray_address",
        "ray_failures",
        "ray_gpus",
        "ray_storage",
    }
)
_BASE = ("concurrency", "log_json", "kafka", "s3")
_INFERENCE = frozenset(
    {
        "part",
        "host",
        "port",
        "device",
        "anonymous",
        "tokens",
        "sessions_url",
        "cache",
        "encoder_replicas",
        "encoder_max_replicas",
        "encoder_gpus",
        "oidc_issuer",
        "oidc_client_id",
        "oidc_client_secret_file",
    }
)
_STRUCTURING = Offered(
    StructuringSettings, frozenset({"structurer", "endpoint_url", "endpoint_model", "endpoint_key", "local_model"})
)
_FREEZING = Offered(FreezingSettings, only=(*_BASE, "freeze_"))
_PROMOTION = Offered(PromotionSettings, frozenset({"device", "verify_key_file", "suites", "lock"}))
_INDEX = Offered(InferenceSettings, only=_BASE)
# By the place of the block in the values.
OFFERED = {
    "": Offered(Settings),
    "intake": Offered(IntakeSettings, only=(*_BASE, "reconcile_s", "upload_max_mb")),
    "extraction": Offered(ExtractionSettings, frozenset({"parser", "quality_model"})),
    "structuring": _STRUCTURING,
    "freezing": _FREEZING,
    "training": Offered(TrainingSettings, _TRAINING),
    "promotion": _PROMOTION,
    "index": _INDEX,
    "segments": _INDEX,
    "inference": Offered(InferenceSettings, _INFERENCE),
    "catalogue": Offered(CatalogueSettings, only=(*_BASE, "batch")),
    "studies.extraction": Offered(ExtractionSettings, only=_BASE),
    "studies.structuring": _STRUCTURING,
    "studies.freezing": _FREEZING,
    "studies.training": Offered(TrainingSettings, _TRAINING),
    "studies.promotion": _PROMOTION,
    "studies.index": _INDEX,
    "studies.segments": _INDEX,
}


def inlined(schema: Schema) -> Schema:
    """The same schema with each reference replaced by what it names; ours are not recursive."""
    definitions = schema.get("$defs", {})

    def walk(node: JsonValue) -> JsonValue:
        if isinstance(node, list):
            return [walk(each) for each in node]
        if not isinstance(node, dict):
            return node
        found: Schema = {name: walk(value) for name, value in node.items() if name not in {"$ref", "$defs"}}
        reference = node.get("$ref")
        if isinstance(reference, str) and isinstance(definitions, dict):
            target = walk(definitions[reference.rpartition("/")[2]])
            if isinstance(target, dict):
                return target | found  # what is said at the place of use counts
        return found

    walked = walk(schema)
    if not isinstance(walked, dict):
        raise TypeError("a schema is an object")
    return walked


def pruned(schema: Schema, decided: frozenset[str], only: tuple[str, ...] = (), at: str = "") -> Schema:
    """``schema`` without the settings in ``decided``, and with those alone that begin with one of ``only``."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return schema
    kept: Schema = {}
    for name, value in properties.items():
        path = f"{at}{name}"
        if path in decided or (only and not path.startswith(only)):
            continue
        kept[name] = pruned(value, decided, (), f"{path}.") if isinstance(value, dict) else value
    return {**schema, "properties": kept, "additionalProperties": False}
