"""Colour, where it is asked for: spans of text with a style each, to the signs that a terminal takes."""

from __future__ import annotations

Span = tuple[str, str]
Line = list[Span]

_STYLES = {
    "PASS": "bold green",
    "FAIL": "bold red",
    "INCONCLUSIVE": "bold yellow",
    "NOT MEASURED": "bold yellow",
    "UNFIT": "bold magenta",
    "INTERRUPTED": "bold yellow",
}


def style_of(word: str) -> str:
    """The style of a verdict's word. The word says the same, so that nothing hangs on seeing colours."""
    return _STYLES.get(word.upper().split(",")[0], "bold")


def painted(line: Line, *, color: bool) -> str:
    """The line as one text, with or without escapes."""
    if not color:
        return "".join(text for text, _ in line).rstrip()
    from rich.color import ColorSystem  # noqa: PLC0415  57 ms, only where there is colour
    from rich.style import Style  # noqa: PLC0415  as above

    # The sixteen colours that a person's own terminal theme decides about.
    return "".join(
        Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style else text
        for text, style in line
    )
