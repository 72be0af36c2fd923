"""The description promises, the server keeps: whatever is sent, no 5xx and no answer that is not described."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.shop import shop

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = 7
GOOD, BAD = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
HEALTH = 0  # takes nothing that could be wrong
CASES = [(k, mode) for mode in (GOOD, BAD) for k in range(OPERATIONS) if (k, mode) != (HEALTH, BAD)]


@pytest.fixture(scope="module")
def operations(tmp_path_factory):
    with shop(tmp_path_factory.mktemp("results"), queue=4) as (client, _):
        api = schemathesis.openapi.from_asgi("/openapi.json", client.app)
        yield [each.ok() for each in api.get_all_operations()]


@pytest.mark.parametrize(("index", "mode"), CASES, ids=lambda value: getattr(value, "value", value))
def test_whatever_is_sent_is_answered_as_described(operations, index, mode):
    assert len(operations) == OPERATIONS

    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operations[index].as_strategy(generation_mode=mode))
    def answered(case):
        case.call_and_validate(checks=CHECKS)

    answered()
