"""JSON schemas of what a chart renders, for kubeconform: Kubernetes' own kinds and the custom resources of others.

Kubernetes' come from the OpenAPI file in its Go module; custom resources from the definitions (CRDs) in the Go modules
of KEDA, the Prometheus operator and the Gateway API, and from folders that a caller names (KubeRay and Strimzi publish
no module with theirs). Both are made as strict as an API server is: an unknown field is an error.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import JsonValue

from journalclip_devtools.servers.build import building, default_cache
from journalclip_devtools.servers.tools import KUBERNETES, missing
from journalclip_shared.errors import PermanentError

Schema = dict[str, JsonValue]

_KUBERNETES = f"k8s.io/kubernetes@v{KUBERNETES}"
CUSTOM = {
    "github.com/kedacore/keda/v2@v2.17.2": "config/crd/bases",
    "github.com/prometheus-operator/prometheus-operator@v0.84.0": "example/prometheus-operator-crd",
    "sigs.k8s.io/gateway-api@v1.6.3": "config/crd/standard",
}
_DEFINITIONS = "definitions.json"
# kubeconform fills these in: kind in lower case, first label of the group (none for the core), version.
PATTERN = "{{ .ResourceKind }}{{ .KindSuffix }}.json"


class _Loader(yaml.SafeLoader):
    """Some definitions list the operator `=` as a bare scalar, which YAML 1.1 takes for a special value."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda _loader, node: str(node.value))


def schemas(cache: Path) -> Path:
    """The folder of schemas from Go modules, made if need be. Raises `PermanentError`."""
    target = cache / f"schemas-{KUBERNETES}"
    with building("schemas", target, cache, missing("kube", cache)) as into:
        if into is not None:
            write_kubernetes(module(_KUBERNETES) / "api" / "openapi-spec" / "swagger.json", into)
            for name, folder in CUSTOM.items():
                write_custom(sorted((module(name) / folder).glob("*.yaml")), into)
    return target


def definitions() -> list[Path]:
    """The files of the CRDs in Go modules, for an API server. Raises `PermanentError`."""
    return [path for name, folder in CUSTOM.items() for path in sorted((module(name) / folder).glob("*.yaml"))]


def module(name: str) -> Path:
    """The folder of a Go module, downloaded if need be. Raises `PermanentError`."""
    done = subprocess.run(["go", "mod", "download", "-json", name], capture_output=True, text=True, check=False)
    found = json.loads(done.stdout or "{}")
    if done.returncode != 0 or "Dir" not in found:
        raise PermanentError("server-build-failed", f"{name}: {found.get('Error', done.stderr)}", "See the registry.")
    return Path(found["Dir"])


def write_kubernetes(openapi: Path, into: Path) -> int:
    """One small file a kind, all referring to one file of definitions; returns how many."""
    kinds: dict[str, Schema] = json.loads(openapi.read_text())["definitions"]
    for kind in kinds.values():
        if "properties" in kind:
            kind.setdefault("additionalProperties", False)
    kinds["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {"type": ["string", "number"]}
    text = json.dumps({"definitions": _adjusted(dict[str, JsonValue](kinds))})
    (into / _DEFINITIONS).write_text(text.replace('"#/definitions/', f'"{_DEFINITIONS}#/definitions/'))
    count = 0
    for name, kind in kinds.items():
        versions = kind.get("x-kubernetes-group-version-kind", [])
        if isinstance(versions, list) and len(versions) == 1 and isinstance(version := versions[0], dict):
            reference: Schema = {"$ref": f"{_DEFINITIONS}#/definitions/{name}"}
            _write(into, str(version["kind"]), str(version["group"]), str(version["version"]), reference)
            count += 1
    return count


def write_custom(files: Iterable[Path], into: Path) -> int:
    """One file for each version of each custom resource; returns how many."""
    count = 0
    for definition in custom_definitions(files):
        spec = definition["spec"]
        for version in spec["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            schema["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {}}
            _write(into, spec["names"]["kind"], spec["group"], version["name"], _closed(schema))
            count += 1
    return count


def custom_definitions(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """The CRDs in files, whatever else they hold."""
    for path in files:
        for document in yaml.load_all(path.read_text(), Loader=_Loader):
            if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
                yield document


def _write(into: Path, kind: str, group: str, version: str, schema: Schema) -> None:
    parts = [kind.lower(), *([group.split(".")[0]] if group else []), version.lower()]
    (into / f"{'-'.join(parts)}.json").write_text(json.dumps(schema))


def _adjusted(node: JsonValue) -> JsonValue:
    """OpenAPI's own notion of a number or a word, in JSON Schema's."""
    if isinstance(node, list):
        return [_adjusted(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "int-or-string":
        return {"type": ["integer", "string"]}
    return {name: _adjusted(value) for name, value in node.items()}


def _closed(node: JsonValue) -> Schema:
    """A custom resource's schema with no room for fields that it does not name, unless it asks to keep them."""
    if not isinstance(node, dict):
        raise TypeError("a schema is an object")
    found: Schema = {}
    for name, value in node.items():
        if name == "properties" and isinstance(value, dict):
            found[name] = {key: _closed(each) for key, each in value.items()}
        elif name in {"items", "additionalProperties"} and isinstance(value, dict):
            found[name] = _closed(value)
        else:
            found[name] = value
    if node.get("x-kubernetes-int-or-string"):
        found["type"] = ["integer", "string"]
    elif node.get("nullable") and isinstance(kind := node.get("type"), str):
        found["type"] = [kind, "null"]
    if "properties" in node and not node.get("x-kubernetes-preserve-unknown-fields"):
        found.setdefault("additionalProperties", False)
    return found


if __name__ == "__main__":
    print(schemas(default_cache()))
    sys.exit(0)
