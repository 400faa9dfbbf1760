"""Names as real files have them: plain, awkward, and made of anything at all."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["ATTRIBUTE_KEYS", "ATTRIBUTE_TEXTS", "NODE_NAMES", "ODD_NAMES"]

ODD_NAMES = (
    "in_stem_conv1_3*3_conv2d_weight",
    "vggish/input",
    ".$0",
    "stage1+unit2",
    "conv[0]",
    "glob:x",
    "op:relu",
    "id:0",
    "regex:.*",
    "arg:w",
    "aux:m",
    "a b",
    " ",
    "it's",
    'say "hi"',
    "back\\slash",
    "relu0_output",
    "output",
    "relu0_output0",
    "_",
    "__lr_mult__",
    "größe",
    "重み",
    "🧠",
    "0",
    "null",
    "None",
    "${prefix}",
    "{braces}",
    "%s",
    "#id",
    "a\tb",
    "-",
)
"""Names that once broke a tool, or could: patterns, prefixes, quotes, other scripts."""

_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


_SAFE = st.characters(exclude_categories=["Cs"], exclude_characters='\0"\\\t\r\n')

_PLAIN = ("data", "conv0", "fc1", "fc1_weight", "bn0_gamma", "relu0", "x", "w")

NODE_NAMES: st.SearchStrategy[str] = st.one_of(
    st.sampled_from((*_PLAIN, *_PLAIN, *_PLAIN, "", *ODD_NAMES)),
    st.sampled_from((*_PLAIN, "", *ODD_NAMES)),
    st.sampled_from(_PLAIN),
    st.text(_CHARACTERS, max_size=6),
)
"""The name of a node: mostly plain, often awkward, at times empty or arbitrary text."""

ATTRIBUTE_TEXTS: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(("1", "0.5", "gpu0", "True", "(1, 3, 8, 8)", '["zero", {}]', "", "a\\b\n")),
    st.text(_CHARACTERS, max_size=5),
)
"""The text of an attribute that nobody parses."""

ATTRIBUTE_KEYS: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(("mood", "__mood__", "größe", "a b", "", "__a", "____")),
    st.text(_SAFE, max_size=4),
)
"""The key of a user's own attribute.

No quote, backslash, tab or line break: MXNet does not escape keys when it saves them.
"""
