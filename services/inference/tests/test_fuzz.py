"""The API asked everything its own description allows, and much that it does not: never a 5xx, never a stack trace."""

from __future__ import annotations

from typing import Any, TypeAlias

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from journalclip_devtools.doubles.collection import World
from journalclip_devtools.doubles.site import Site, make_site

Case: TypeAlias = schemathesis.Case[Any]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 12  # for each operation


@pytest.fixture(scope="module")
def fuzzed(served_world: World, tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = make_site(served_world, tmp_path_factory.mktemp("fuzz"))
    assert site.service.reloader.check()
    return site


def test_no_request_breaks_the_server(fuzzed: Site) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", fuzzed.service.app)
    headers = {"Authorization": f"Bearer {fuzzed.tokens['admin']}"}
    asked = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def ask(case: Case) -> None:
            nonlocal asked
            asked += 1
            answer = case.call(headers=headers)
            case.validate_response(answer, checks=CHECKS)
            assert b"Traceback" not in answer.content

        ask()
    assert asked >= 15 * EXAMPLES // 2
