"""Parts that the pictures of several reports have in common."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import matplotlib.axes

# Shares of the width of a table that columns of text take together.
TEXT_SHARE = 0.6


def plot_table(
    axis: "matplotlib.axes.Axes", rows: Sequence[Sequence[str]], texts: Collection[int]
) -> None:
    """Draw a table that fills the axis.

    Args:
        axis: to fill.
        rows: all of one length, the first the headings.
        texts: numbers of the columns of text; the others hold numbers.
    """
    axis.axis("off")
    counts = len(rows[0]) - len(texts)
    share = TEXT_SHARE if counts else 1.0
    widths = [
        share / len(texts) if i in texts else (1 - share) / counts
        for i in range(len(rows[0]))
    ]
    cells = [[printable(cell) for cell in row] for row in rows]
    table = axis.table(
        cellText=cells, colWidths=widths, bbox=(0, 0, 1, 1), edges="horizontal"
    )
    table.auto_set_font_size(False)
    table.set_fontsize(8)
    for (row, column), cell in table.get_celld().items():
        cell.get_text().set_ha("left" if column in texts else "right")
        if row == 0:
            cell.get_text().set_weight("bold")


def printable(text: str) -> str:
    """Return the text for Matplotlib: in ASCII, which its font has, and no formula."""
    return text.encode("ascii", "backslashreplace").decode().replace("$", r"\$")


def shorten(text: str, longest: int = 50) -> str:
    """Return the text, cut to a length."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
