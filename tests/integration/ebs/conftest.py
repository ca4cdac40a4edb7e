"""An account of AWS that the tests of a module share, and a source that keeps its connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ebs_reading import Runs, source_of
from ebs_site import Account, account

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.storage.ebs import EbsSource


@pytest.fixture(scope="module")
def of_module() -> Iterator[Account]:
    """Have an account with three items to a page."""
    with account(page_items=3) as site, pytest.MonkeyPatch.context() as patch:
        for name, value in site.environment.items():
            patch.setenv(name, value)
        yield site


@pytest.fixture
def site(of_module: Account) -> Account:
    """Return the account, in which nothing is."""
    of_module.clear()
    return of_module


@pytest.fixture(scope="module")
def source(of_module: Account) -> Iterator[EbsSource]:
    """Have a source of the account."""
    made = source_of(of_module)
    yield made
    made.close()


@pytest.fixture
def runs(source: EbsSource) -> Runs:
    """Return runs of which none was made yet; they share the connections of the others."""
    return Runs(source)
