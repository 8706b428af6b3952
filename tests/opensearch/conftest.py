"""What tests of the cluster share."""

from collections.abc import Iterator

import pytest

from kb.opensearch import client


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """Nodes may take long to answer while both processors are busy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "ASKING", 30.0)
        yield
