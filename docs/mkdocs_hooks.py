"""What the site does to pages: links to files outside the docs become plain text."""

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./|examples)[^)]*\)")
_LANGUAGE = re.compile(r"^```(\w+) [\w ]+$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page with such links taken out, and marks of the tests with them."""
    return _LANGUAGE.sub(r"```\1", _OUTSIDE.sub(r"\1", markdown))
