"""The little of Kubernetes that the training launcher needs: read and make objects with a pod's own account.

The account's folder is what Kubernetes mounts into a pod: token, authorities and namespace. The token is read anew for
each request, since Kubernetes replaces it every hour. Answers are checked by the caller's types.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import urllib3
from pydantic import JsonValue, TypeAdapter
from urllib3.exceptions import HTTPError

from journalclip_shared.errors import PermanentError, TransientError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
Resource = dict[str, JsonValue]

_RESOURCE = TypeAdapter(Resource)
_TIMEOUT_S = 20.0


class Kubernetes:
    """One namespace of a cluster's API server."""

    def __init__(self, server: str, namespace: str, account: Path = ACCOUNT) -> None:
        self._base = server.rstrip("/")
        self._namespace = namespace
        self._token = account / "token"
        self._pool = urllib3.PoolManager(ca_certs=str(account / "ca.crt"), timeout=_TIMEOUT_S, retries=False)

    def get(self, group: str, plural: str, name: str) -> Resource | None:
        """The object of that name; None where there is none. Raises as `_ask`."""
        return self._ask("GET", f"{self._path(group, plural)}/{name}")

    def create(self, group: str, plural: str, body: Mapping[str, JsonValue]) -> Resource | None:
        """The new object; None where another one has its name. Raises as `_ask`."""
        return self._ask("POST", self._path(group, plural), body)

    def patch(self, group: str, plural: str, name: str, body: Mapping[str, JsonValue]) -> Resource | None:
        """The object with what ``body`` says laid over it. Raises as `_ask`."""
        return self._ask("PATCH", f"{self._path(group, plural)}/{name}", body)

    def _path(self, group: str, plural: str) -> str:
        root = f"/api/{group}" if "/" not in group else f"/apis/{group}"
        return f"{self._base}{root}/namespaces/{self._namespace}/{plural}"

    def _ask(self, method: str, url: str, body: Mapping[str, JsonValue] | None = None) -> Resource | None:
        """Raises `PermanentError` ``cluster-refused``, `TransientError` where asking again may help."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {self._token.read_text().strip()}", "Content-Type": kind}
        try:
            answer = self._pool.request(method, url, json=body, headers=headers)
        except HTTPError as error:
            raise TransientError(f"the Kubernetes API does not answer: {error}") from error
        if answer.status < 300:
            return _RESOURCE.validate_json(answer.data)
        if (method, answer.status) in {("GET", 404), ("POST", 409)}:
            return None
        said = answer.data.decode(errors="replace")[:500]
        if answer.status in {403, 404, 422}:
            remedy = "Compare the release's Role and the cluster's custom resource definitions with the chart's."
            raise PermanentError("cluster-refused", f"{method} {url}: {answer.status} {said}", remedy)
        raise TransientError(f"the Kubernetes API answered {answer.status}: {said}")
