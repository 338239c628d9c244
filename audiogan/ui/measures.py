"""What each measure of a report card means, in one plain sentence."""

MEASURES = {
    "broken": "The share of clips that hold something else than numbers, as a failed training makes.",
    "silence": "The share of clips in which nothing can be heard.",
    "whiteness": "How evenly power is spread over the frequencies: 1 is white noise, 0 a single tone.",
    "repetition": "The share of clips that have a nearly equal one among the others: the model repeats itself.",
    "copies": "The share of clips that are nearly equal to a training clip: the model learned by heart.",
    "nearest_neighbour_ratio": "How far the nearest training clip is, beside real ones: far below 1 they are copies.",
    "direction": "How much worse the clips would be played backwards; below zero they would be better.",
    "highs": "How loud the upper part of the spectrum is beside the lower, in dB from real sounds.",
    "background": "How loud the quietest moments are, in dB from those of real sounds: hiss or hum.",
    "pitch": "How much nearer to real sounds the clips would be if all were higher or lower by one interval.",
    "spectrum": "How far the mean spectrum is from that of real sounds, in dB; loudness alone does not count.",
    "labels": "The share of clips that would need another label for every label to come up as often as it should.",
    "coverage": "The share of real clips that have a generated one near them: low where kinds of sounds are missing.",
    "diversity": "How far apart the clips are from each other, beside real ones: low where all are much the same.",
    "mel_kernel_distance": "How far all clips together are from real ones in timbre and course; 0 is no difference.",
    "sound_kernel_distance": "The same distance, as a classifier hears it that was trained on this data set.",
    "own_kernel_distance": "The same distance, as your own embedder hears it.",
    "precision": "The share of clips that lie where real ones lie: low where many sound like nothing in the data set.",
    "inception_score": "High where each clip is clearly one label and all labels come up; at most their number.",
    "label_accuracy": "The share of clips that are heard as the label they were asked to have.",
    "frechet_distance": "A distance of means and spreads that others publish; it falls as the number of clips grows.",
    "frechet_distance_at_infinity": "The same distance as it would be of endlessly many clips, by extrapolation.",
    "mean_square_error": (
        "The mean squared difference between samples of generated and real clips. It says nothing about quality: two "
        "clips of one drum differ as much as two different drums, and silence beats nearly everything."
    ),
}
"""By the measure's name."""
