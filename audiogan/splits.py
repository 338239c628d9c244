"""Which clips are kept back from training, so that there are real sounds that a generator has never seen."""

import numpy as np

FEWEST_UNITS = 20
"""Files, or stretches of a long recording, below which nothing is kept back: a tenth of fewer is one sound, of which
no measure can say anything and which training would miss."""

STRETCH_CLIPS = 8
"""Consecutive clips of a long recording that stay together. Neighbours share a note or a room's mood, and most clips of
a stretch have their neighbours on its own side."""

GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, taken modulo 1, fill the unit interval as evenly as any sequence can, however many there are."""


def held_out(files: np.ndarray, labels: np.ndarray, share: float) -> np.ndarray:
    """bool (N,): the clips to keep back, from each clip's file (N,) and label (N,).

    Whole files are kept back, since clips of one file know too much of each other. Where there are fewer than 20
    files, stretches of 8 consecutive clips take their place; where these are fewer too, nothing is kept back. Each
    label gives about its share, spread evenly over its files in their order (hence over the speakers or takes that
    names sort by), and always keeps a file to train on. A larger share keeps back the same clips and more.

    Raises ValueError unless 0 <= share < 1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"The share of clips kept back must be at least 0 and less than 1, not {share:g}.")
    units = _numbered(files)
    if units.max(initial=-1) + 1 < FEWEST_UNITS:
        units = _stretches(units)
    count = units.max(initial=-1) + 1
    if count < FEWEST_UNITS:
        return np.zeros(len(files), bool)
    label_of_unit = np.zeros(count, np.int64)
    label_of_unit[units] = labels
    in_order = np.argsort(label_of_unit, kind="stable")
    # one sequence over all labels: any stretch of it is evenly filled, hence each label, and so is the whole
    places = np.empty(count)
    places[in_order] = (0.5 + GOLDEN * np.arange(count)) % 1
    last_of_label = np.zeros(label_of_unit.max() + 1)
    np.maximum.at(last_of_label, label_of_unit, places)
    kept_back = (places < share) & (places < last_of_label[label_of_unit])
    return kept_back[units]


def in_proportion(shares: np.ndarray, numbers: np.ndarray | range, stride: float = GOLDEN) -> np.ndarray:
    """(n,) which of the groups with these shares (k,) each number falls to.

    Any stretch of numbers falls to the groups in their proportions, to within one or two, and where a number falls does
    not depend on how many others there are. With another irrational `stride` it falls independently of the first.
    """
    ends = np.cumsum(shares)
    places = (0.5 + stride * np.asarray(numbers)) % 1 * ends[-1]
    return np.searchsorted(ends, places, side="right")


def _numbered(values: np.ndarray) -> np.ndarray:
    """(N,) numbers from 0 on, equal where the values are, in the order of the values."""
    return np.unique(values, return_inverse=True)[1]


def _stretches(files: np.ndarray) -> np.ndarray:
    """(N,) the number of each clip's stretch; none reaches from one file into the next."""
    order = np.argsort(files, kind="stable")
    begins = np.searchsorted(files[order], files[order])
    within_file = np.empty(len(files), np.int64)
    within_file[order] = np.arange(len(files)) - begins
    stretch = within_file // STRETCH_CLIPS
    return _numbered(files * (stretch.max(initial=0) + 1) + stretch)
