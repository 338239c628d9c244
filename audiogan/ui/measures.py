"""What each measure of a report card means, in one plain sentence, and how its numbers are written."""

from typing import NamedTuple


class Measure(NamedTuple):
    """One row of the table."""

    style: str
    about: str


MEASURES = {
    "broken": Measure(".1%", "The share of clips that hold something else than numbers, as a failed training makes."),
    "silence": Measure(".1%", "The share of clips in which nothing can be heard."),
    "whiteness": Measure(".2f", "How evenly power is spread over the frequencies: 1 is white noise, 0 a single tone."),
    "repetition": Measure(
        ".0%", "The share of clips that have a nearly equal one among the others: the model repeats itself."
    ),
    "copies": Measure(
        ".0%", "The share of clips that are nearly equal to a training clip: the model learned by heart."
    ),
    "direction": Measure(".1f", "How much worse the clips would be played backwards; below zero they would be better."),
    "highs": Measure("+.1f", "How loud the upper half of the spectrum is beside the lower, in dB from real sounds."),
    "pitch": Measure(".0f", "By how many semitones the whole spectrum is shifted from that of real sounds."),
    "background": Measure("+.1f", "How loud the quietest moments are, in dB from those of real sounds: hiss or hum."),
    "labels": Measure(
        ".0%", "The share of clips that would need another label for all labels to come up as often as they should."
    ),
    "spectrum": Measure(
        ".1f", "How far the mean spectrum is from that of real sounds, in dB over all bands; loudness does not count."
    ),
    "coverage": Measure(
        ".0%", "The share of real clips that have a generated one near them: low where kinds of sounds are missing."
    ),
    "diversity": Measure(
        ".0%", "How far apart the clips are from each other, beside real ones: low where they are all much the same."
    ),
    "mel_kernel_distance": Measure(
        ".1f", "How far the clips as a whole are from real ones in timbre and course; 0 cannot be told from real."
    ),
    "sound_kernel_distance": Measure(".1f", "The same distance, as a classifier trained on this data set hears it."),
    "own_kernel_distance": Measure(".1f", "The same distance, as your own embedder hears it."),
    "precision": Measure(
        ".0%", "The share of clips that lie where real ones lie: low where many sound like nothing in the data set."
    ),
    "inception_score": Measure(
        ".2f", "High where each clip is clearly one label and all labels come up; at most the number of labels."
    ),
    "label_accuracy": Measure(".0%", "The share of clips that are heard as the label they were asked to have."),
    "frechet_distance": Measure(
        ".1f", "A distance of means and spreads, as others publish it; it falls as the number of clips grows."
    ),
    "frechet_distance_at_infinity": Measure(
        ".1f", "The same distance as it would be with endlessly many clips, by extrapolation."
    ),
}
"""By the measure's name, in the order of the table."""


def written(measure: str, value: float) -> str:
    """A value as the table shows it."""
    text = format(value, MEASURES[measure].style)
    # no measure knows a negative zero
    return text.replace("-", "−") if float(text.rstrip("%")) else text.lstrip("-")
