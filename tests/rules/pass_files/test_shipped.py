"""Shipped passes are found in the package."""

from __future__ import annotations

import pytest

from graphpass import passes
from graphpass.errors import UsageError
from graphpass.rules import load_pass
from graphpass.rules.pass_files.loading import shipped_names, shipped_text


def test_names_are_those_of_the_files() -> None:
    assert "siamese" in shipped_names()
    assert list(shipped_names()) == sorted(shipped_names())
    assert passes.shipped_names is shipped_names


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_pass_loads_and_says_what_it_is_for(name: str) -> None:
    loaded = load_pass(name)
    assert loaded.name == name
    assert len(loaded.description) > 20
    assert shipped_text(name).startswith("graphpass: 1\n")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^there is no pass 'siames'; nearest: siamese"):
        shipped_text("siames")
