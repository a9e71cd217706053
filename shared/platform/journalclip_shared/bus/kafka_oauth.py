"""OAUTHBEARER for Kafka: a client's id and secret are exchanged for a token (RFC 6749, section 4.4)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import urllib3
from kafka.net.sasl.oauth import AbstractTokenProvider
from pydantic import BaseModel, Field, ValidationError
from urllib3.exceptions import HTTPError

from journalclip_shared.errors import ConfigurationError, TransientError
from journalclip_shared.settings import KafkaSettings

_EARLIER_S = 60.0  # a token this near to its end is not handed out: a connection takes time
_TIMEOUT_S = 10.0


class _Granted(BaseModel):
    access_token: str
    expires_in: float = Field(300.0, gt=0)


class ClientCredentials(AbstractTokenProvider):  # type: ignore[misc]  # the library has no types
    """Tokens for one client; the broker's connections of a process share them."""

    def __init__(self, settings: KafkaSettings, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._settings, self._secret, self._clock = settings, secret, clock
        trusted = str(settings.ca_file) if settings.ca_file else None
        self._pool = urllib3.PoolManager(ca_certs=trusted, timeout=_TIMEOUT_S, retries=urllib3.Retry(2))
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0

    def token(self) -> str:
        """A token that is good for a while. Raises `ConfigurationError` ``kafka-denied``, `TransientError`."""
        with self._lock:
            if self._clock() >= self._until:
                granted = self._ask()
                self._token = granted.access_token
                self._until = self._clock() + max(0.0, granted.expires_in - _EARLIER_S)
            return self._token

    def _ask(self) -> _Granted:
        fields = {"grant_type": "client_credentials"}
        if self._settings.scope:
            fields["scope"] = self._settings.scope
        headers = urllib3.make_headers(basic_auth=f"{self._settings.username}:{self._secret}")
        try:
            answer = self._pool.request(
                "POST", self._settings.token_url, fields=fields, encode_multipart=False, headers=headers
            )
        except HTTPError as error:
            raise TransientError(f"Kafka's token server does not answer: {error}", "bus") from error
        if 400 <= answer.status < 500:
            raise ConfigurationError(
                "kafka-denied",
                f"{self._settings.token_url} answered {answer.status}",
                "Check JOURNALCLIP_KAFKA__TOKEN_URL, __USERNAME (the client's id) and __PASSWORD_FILE (its secret).",
            )
        try:
            return _Granted.model_validate_json(answer.data)
        except ValidationError as error:
            raise TransientError(f"Kafka's token server answered {answer.status} without a token", "bus") from error
