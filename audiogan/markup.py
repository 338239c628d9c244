"""HTML and SVG from Python: whatever is not markup already is escaped on its way in."""

from html import escape

VOID = {"circle", "img", "line", "meta", "path", "polyline", "rect"}
"""Elements without content."""


class Html(str):
    """Text that is markup already."""


def tag(element: str, /, *content: str, **attributes: str | float | None) -> Html:
    """An element; `class_` is its class, other underscores in attribute names are dashes, and None is left out."""
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if element in VOID:
        return Html(f"<{element}{words}/>")
    return Html(f"<{element}{words}>{join(*content)}</{element}>")


def join(*content: str) -> Html:
    """Markup as it is, other text escaped."""
    return Html("".join(part if isinstance(part, Html) else escape(part) for part in content))
