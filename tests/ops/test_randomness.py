"""Which operators draw random numbers."""

from __future__ import annotations

import pytest

from graphpass.ops.meaning import randomness


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
    assert randomness(op, attrs) == answer
