"""The service that tests of pages run on is called as the real one is."""

import inspect

import pytest
from fakes import FakeBase

from kb.service import KnowledgeBase

METHODS = sorted(
    name for name, value in vars(FakeBase).items() if callable(value) and not name.startswith("_")
)


def parameters(method):
    """Name, kind and default of each parameter; the fake says nothing of types."""
    return [
        (each.name, each.kind, each.default)
        for each in inspect.signature(method).parameters.values()
    ]


@pytest.mark.parametrize("name", METHODS)
def test_a_method_of_the_fake_takes_what_the_service_takes(name):
    assert parameters(getattr(FakeBase, name)) == parameters(getattr(KnowledgeBase, name))
