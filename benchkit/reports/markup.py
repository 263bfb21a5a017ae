"""Words in Markdown that stay words."""

from __future__ import annotations

import re

_MARKUP = re.compile(r"([\\`*_{}\[\]<>|#~])")


def escaped(text: str) -> str:
    r"""With nothing in it that GitHub's Markdown would take for markup, or for the end of a cell.

    >>> print(escaped("a|b <i>*c*</i>"))
    a\|b \<i\>\*c\*\</i\>
    """
    return _MARKUP.sub(r"\\\1", text)
