"""How hard the properties are tried: the same examples every time, unless someone explores.

``pytest tests/property --hypothesis-profile=explore`` draws other examples each time, and many;
``unshrunk`` draws the usual ones and half as many again, and is content with the first that fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings

if TYPE_CHECKING:
    import pytest


def pytest_configure(config: pytest.Config) -> None:
    # Neither a slow machine nor the size of a fleet says anything about the numbers.
    unhurried = settings(
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        phases=set(Phase) - {Phase.explain},  # explaining takes longer than shrinking, and says less than the diff
        print_blob=True,
    )
    settings.register_profile("repeatable", unhurried, max_examples=32, derandomize=True, database=None)
    settings.register_profile(
        "unshrunk", settings.get_profile("repeatable"), max_examples=48, phases=[Phase.explicit, Phase.generate]
    )
    settings.register_profile("explore", unhurried, max_examples=2000)
    settings.load_profile(config.getoption("--hypothesis-profile") or "repeatable")
