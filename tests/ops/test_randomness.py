"""Which operators draw random numbers."""

from __future__ import annotations

import pytest

from graphpass.ops import canonical_name, find, meaning, operator_names


def test_every_name_is_one_of_the_operator_table() -> None:
    for name in meaning._OTHERS:
        assert canonical_name(name) == name
        assert find(name) is not None
    for prefix in meaning._PREFIXES:
        assert any(name.startswith(prefix) for name in operator_names())


@pytest.mark.parametrize(
    ("op", "attrs", "answer"),
    [
        ("null", {}, "never"),
        ("relu", {}, "never"),
        ("BatchNorm", {}, "never"),
        ("_random_pdf_normal", {}, "never"),
        ("_random_uniform", {}, "always"),
        ("_random_normal_like", {}, "always"),
        ("_sample_multinomial", {}, "always"),
        ("_shuffle", {}, "always"),
        ("Dropout", {}, "training"),
        ("Dropout", {"p": "0"}, "never"),
        ("Dropout", {"mode": "always"}, "always"),
        ("Dropout", {"mode": "always", "p": "0.0"}, "never"),
        ("Dropout", {"p": "what"}, "unknown"),
        ("LeakyReLU", {}, "never"),
        ("LeakyReLU", {"act_type": "rrelu"}, "training"),
        ("RNN", {"mode": "lstm"}, "never"),
        ("RNN", {"mode": "lstm", "p": "0.5"}, "training"),
        ("Custom", {}, "unknown"),
        ("VendorThing", {}, "unknown"),
    ],
)
def test_randomness(op: str, attrs: dict[str, str], answer: str) -> None:
    assert meaning.randomness(op, attrs) == answer
