"""The description promises, the server keeps: whatever is sent, no 5xx and no answer that is not described."""

import pytest

from tests.web.shop import shop

schemathesis = pytest.importorskip("schemathesis")
from hypothesis import HealthCheck, given, settings  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = 7


@pytest.fixture(scope="module")
def operations(tmp_path_factory):
    with shop(tmp_path_factory.mktemp("results"), queue=4) as (client, _):
        api = schemathesis.openapi.from_asgi("/openapi.json", client.app)
        yield [each.ok() for each in api.get_all_operations()]


@pytest.mark.parametrize("index", range(OPERATIONS))
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_whatever_is_sent_is_answered_as_described(operations, index, mode):
    assert len(operations) == OPERATIONS
    if index == 0 and mode is schemathesis.GenerationMode.NEGATIVE:
        pytest.skip("/health takes nothing that could be wrong")

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
