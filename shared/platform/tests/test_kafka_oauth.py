"""Tokens for Kafka by client credentials, from a small server that is ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from journalclip_shared.bus.kafka import client_options
from journalclip_shared.bus.kafka_oauth import ClientCredentials
from journalclip_shared.errors import ConfigurationError, TransientError
from journalclip_shared.settings import KafkaSettings


@contextmanager
def tokens(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    left, asked = list(answers), list[dict[str, list[str]]]()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append({**parse_qs(body), "login": [self.headers["Authorization"]]})
            code, answer = left.pop(0)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it
            """Nothing to say."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token", asked
        server.shutdown()


def settings(url: str, scope: str = "") -> KafkaSettings:
    return KafkaSettings(security="SASL_SSL", sasl_mechanism="OAUTHBEARER", username="jc", token_url=url, scope=scope)


@pytest.mark.enable_socket
def test_a_token_is_asked_for_once_and_again_before_it_ends() -> None:
    now = [0.0]
    first, second = b'{"access_token": "one", "expires_in": 300}', b'{"access_token": "two"}'
    with tokens((200, first), (200, second)) as (url, asked):
        provider = ClientCredentials(settings(url, "kafka"), "secret", lambda: now[0])
        assert [provider.token(), provider.token()] == ["one", "one"]
        now[0] = 241.0  # a minute before its end
        assert provider.token() == "two"
    assert [each["grant_type"] for each in asked] == [["client_credentials"]] * 2
    assert asked[0]["scope"] == ["kafka"]
    assert asked[0]["login"] == ["Basic amM6c2VjcmV0"]


@pytest.mark.enable_socket
def test_a_wrong_secret_is_ours_and_an_answer_without_a_token_is_the_world_s() -> None:
    with tokens((401, b""), (200, b"{}")) as (url, _):
        provider = ClientCredentials(settings(url), "wrong")
        with pytest.raises(ConfigurationError, match="401"):
            provider.token()
        with pytest.raises(TransientError, match="without a token"):
            provider.token()


def test_clients_are_made_with_it(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    options = client_options(settings("http://t.example/token").model_copy(update={"password_file": secret}))
    assert isinstance(options["sasl_oauth_token_provider"], ClientCredentials)
    assert "sasl_plain_password" not in options
