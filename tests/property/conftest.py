"""How hard the properties are tried: the same examples every time, unless someone explores.

``pytest tests/property --hypothesis-profile=explore`` draws other examples each time, and many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings

if TYPE_CHECKING:
    import pytest

# Neither a slow machine nor the size of a fleet says anything about the numbers.
_UNHURRIED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}


def pytest_configure(config: pytest.Config) -> None:
    settings.register_profile("repeatable", max_examples=96, derandomize=True, database=None, **_UNHURRIED)
    settings.register_profile("explore", max_examples=2000, **_UNHURRIED)
    settings.load_profile(config.getoption("--hypothesis-profile") or "repeatable")
