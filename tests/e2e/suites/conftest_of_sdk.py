"""Stands in for the conftest of an SDK's own tests: the clients that they ask for, and nothing else.

Copied beside those tests, for which the settings of this repository do not hold.
"""

import importlib
import os

import pytest

NAME = os.environ["SUITE_SDK"]
SDK = importlib.import_module(NAME)
SYNC, ASYNC = (SDK.Anthropic, SDK.AsyncAnthropic) if NAME == "anthropic" else (SDK.OpenAI, SDK.AsyncOpenAI)
URL = os.environ["TEST_API_BASE_URL"]
MOCKED = ("respx_mock", "respx2_mock", "snapshot_client", "async_snapshot_client")


def pytest_collection_modifyitems(items):
    for item in items:
        if set(MOCKED) & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.skip(reason="sends nothing"))


def settings(request):
    param = getattr(request, "param", True)
    strict = param if isinstance(param, bool) else param.get("strict", True)
    return {"base_url": URL, "api_key": "a key", "max_retries": 0, "_strict_response_validation": strict}


@pytest.fixture(scope="session")
def client(request):
    with SYNC(**settings(request)) as made:
        yield made


@pytest.fixture(scope="session")
async def async_client(request):
    async with ASYNC(**settings(request)) as made:
        yield made


for _name in MOCKED:
    globals()[_name] = pytest.fixture(name=_name)(lambda: None)
