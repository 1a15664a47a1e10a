"""Plot how sure a tracker was over a video, from the CSV file of `strrn track`.

    strrn track talk.mp4 --landmarks talk.csv
    python examples/plot_reliability.py talk.csv talk.png

The reliability is the probability that the mean error is below 5 % of the eye distance.
"""

import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd

mpl.use("Agg")
import matplotlib.pyplot as plt

from strrn_tf.drawing import reliability_colour

LIMIT = 0.5


def plot(rows: pd.DataFrame, title: str, target: Path) -> None:
    """Write a picture with one line for every face.

    Args:
        rows: columns "time" in seconds, "id", "state" and "reliability" in [0, 1].
        title: of the picture.
        target: file to write; the suffix says the format.
    """
    figure, axis = plt.subplots(figsize=(9, 3), layout="constrained")
    for number, face in rows.dropna(subset="id").groupby("id"):
        label = f"face {number:.0f}"
        axis.plot(face["time"], face["reliability"], color="0.6", label=label, zorder=1)
        colours = [
            [value / 255 for value in reliability_colour(reliability)]
            for reliability in face["reliability"]
        ]
        axis.scatter(face["time"], face["reliability"], c=colours, s=22, zorder=2)
    axis.axhline(LIMIT, color="0.8", linestyle="--", zorder=0)
    axis.set(title=title, xlabel="time in s", ylabel="reliability", ylim=(-0.03, 1.03))
    axis.legend(loc="lower right", frameon=False)
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(Path, sys.argv[1:])
    try:
        plot(pd.read_csv(source), f"reliability of {source.name}", target)
    except (OSError, KeyError, ValueError) as error:
        sys.exit(f"{source}: not a CSV file that `strrn track` wrote ({error})")
    print(f"{target} shows the reliability of every frame")
