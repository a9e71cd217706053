"""The API asked everything its own description allows, and much that it does not: never a 5xx, never a stack trace."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from journalclip_inference.testing.site import Site, make_site
from journalclip_inference.testing.world import World


@pytest.fixture(scope="module")
def fuzzed(served_world: World, tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = make_site(served_world, tmp_path_factory.mktemp("fuzz"))
    assert site.service.reloader.check()
    return site


@pytest.fixture(scope="module")
def api(fuzzed: Site) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", fuzzed.service.app)


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_breaks_the_server(case: schemathesis.Case[Any], fuzzed: Site) -> None:
    answer = case.call(headers={"Authorization": f"Bearer {fuzzed.tokens['admin']}"})
    case.validate_response(
        answer,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )
    assert "Traceback" not in answer.text
