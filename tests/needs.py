"""What a test needs and this machine may lack. Installs nothing."""

import os
from importlib import import_module
from typing import Any, NoReturn

import pytest


def unavailable(what: str, *, always_optional: bool = False) -> NoReturn:
    """Skips the test for want of `what`, or fails it where `KB_TEST_REQUIRE` asks for it."""
    required = os.environ.get("KB_TEST_REQUIRE", "")
    if required == "all" or (required not in ("", "0") and not always_optional):
        pytest.fail(f"{what}, and KB_TEST_REQUIRE={required} asks for it", pytrace=False)
    pytest.skip(what)


def library(module: str, package: str) -> Any:
    """A library that only tests use; `make test` installs it."""
    try:
        return import_module(module)
    except ImportError:
        unavailable(f"{package} is not installed; `make test` installs it")
