"""Every choice of a run: hyperparameters with their ranges, as fields of one frozen dataclass.

The text under a field is its documentation everywhere: in the page's widget, in `--set` errors and here.
"""

import ast
import difflib
import functools
import inspect
import itertools
import math
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace


class SettingError(ValueError):
    """A setting that does not exist or cannot hold this value; the message says what to do."""


def within(default, low, high):
    """A number field that accepts low to high, both ends included."""
    return field(default=default, metadata={"low": low, "high": high})


def one_of(default: str, *options: str):
    """A text field that accepts only the options named."""
    return field(default=default, metadata={"options": options})


BELIEFS = {
    "relativistic": "p(real beats generated): 0.5 = cannot tell",
    "wgan_gp": "critic's score (no scale)",
    "wgan": "critic's score (no scale)",
    "hinge": "score (margins at +1 and -1)",
    "lsgan": "score (1 = real, 0 = generated)",
    "bce": "probability of being real",
}
"""The losses there are, and what the discriminator's belief means under each: a critic's score is no probability."""

PENALISED = ("relativistic", "wgan_gp")
"""Losses that penalise the gradient of each clip's own score."""

PUBLISHED = {
    # Huang et al. 2024 (R3GAN): train.py starts at 2e-4 with beta2 rising to 0.99, R1 and R2 in every step; gamma grows
    # with the picture, from 0.05 at 32 x 32 to 150 at 256 x 256: here that of ImageNet at 64 x 64
    "relativistic": {
        "critic_steps": 1,
        "rate_g": 2e-4,
        "rate_d": 2e-4,
        "beta1": 0.0,
        "beta2": 0.99,
        "penalty": 1.0,
        "penalty_every": 1,
    },
    # Gulrajani et al. 2017, algorithm 1, with the beta1 of WaveGAN's train_wavegan.py (theirs is 0)
    "wgan_gp": {
        "critic_steps": 5,
        "rate_g": 1e-4,
        "rate_d": 1e-4,
        "beta1": 0.5,
        "beta2": 0.9,
        "penalty": 10.0,
        "penalty_every": 1,
    },
    # Arjovsky et al. 2017, main.py: RMSprop, which is Adam without first momentum (beta1 = 0; Adam's early steps differ
    # by its correction of the bias); beta2 is that of torch's RMSprop
    "wgan": {
        "critic_steps": 5,
        "rate_g": 5e-5,
        "rate_d": 5e-5,
        "beta1": 0.0,
        "beta2": 0.99,
        "penalty": 0.01,
        "penalty_every": 1,
    },
    # Zhang et al. 2019 (SAGAN), section 4: a faster discriminator instead of several of its steps
    "hinge": {
        "critic_steps": 1,
        "rate_g": 1e-4,
        "rate_d": 4e-4,
        "beta1": 0.0,
        "beta2": 0.9,
        "penalty": 0.0,
        "penalty_every": 1,
    },
    # WaveGAN's train_wavegan.py: RMSprop, as above, with the 0.9 of TensorFlow's. One step of the discriminator, as for
    # bce, is that of Gulrajani's gan_64x64.py, where both lines come from; WaveGAN's default of 5 is for wgan_gp
    "lsgan": {
        "critic_steps": 1,
        "rate_g": 1e-4,
        "rate_d": 1e-4,
        "beta1": 0.0,
        "beta2": 0.9,
        "penalty": 0.0,
        "penalty_every": 1,
    },
    # the same program's dcgan (Radford et al. 2016, section 4); beta2 is TensorFlow's default
    "bce": {
        "critic_steps": 1,
        "rate_g": 2e-4,
        "rate_d": 2e-4,
        "beta1": 0.5,
        "beta2": 0.999,
        "penalty": 0.0,
        "penalty_every": 1,
    },
}
"""The settings each loss was published with; a loss without a penalty has the penalty 0, which nothing reads."""

IMAGES = ("log_spectrogram", "log_mel_spectrogram", "mel_image")

SEES = {
    "framegan": ("frames",),
    "mlp": ("waveform",),
    "dcgan1d": ("waveform",),
    "wavegan_bce": ("waveform",),
    "specgan": IMAGES,
    "melspec_wgan": IMAGES,
    "wavegan": ("waveform",),
}
"""The architectures there are, and the transforms whose shape each is made for."""

LENT_BY_FRAMES = ("exemplars", "onsets")
"""What frames of the training clips lend to generated ones: no other transform has either."""

BATCH_NORMALISED_CRITICS = ("dcgan1d", "specgan")
"""Architectures whose discriminator follows `normalisation` too; the others' have none."""


@dataclass(frozen=True)
class Settings:
    """Every hyperparameter of a run. A preset is a Settings with published or measured values."""

    architecture: str = one_of("framegan", *SEES)
    """The pair of networks, generator and discriminator, named as its file in `audiogan/models`."""

    transform: str = one_of("frames", "frames", "waveform", *IMAGES)
    """What the network sees of a clip: log-mel frames, the waveform itself, or an image of its spectrum."""

    loss: str = one_of("relativistic", *BELIEFS)
    """The game between the two networks. Another loss than the preset's brings the settings it was published with
    (critic_steps, rates, betas, penalty, penalty_every), except those you name yourself."""

    latent_size: int = within(64, 1, 1024)
    """How many numbers describe one sound (the length of the latent vector)."""

    latent: str = one_of("normal", "normal", "uniform")
    """The distribution those numbers are drawn from: normal(0, 1) or uniform(-1, 1)."""

    width: int = within(48, 4, 256)
    """Channels of the widest-in-time layer (WaveGAN's d), in mlp units of the smallest; cost grows with its square."""

    kernel: int = within(25, 3, 51)
    """Taps of each convolution along a waveform (an odd number)."""

    modulation: bool = False
    """Let a sound's numbers and its label act on every stage of the generator, not only on the first (framegan)."""

    class_layers: bool = False
    """Judge each label, or kind of it, by a layer of its own that hears what sounds when in the clip, and not only how
    much of it on average (framegan)."""

    normalisation: str = one_of("none", "none", "batch")
    """Whether batch normalisation follows the layers where the source has it (dcgan1d, wavegan_bce, specgan and
    melspec_wgan)."""

    dropout: float = within(0.0, 0.0, 0.9)
    """Share of values that are dropped between layers in training (mlp, dcgan1d, wavegan_bce and melspec_wgan)."""

    phase_shuffle: int = within(2, 0, 16)
    """Largest shift, in samples, of the discriminator's phase shuffle; 0 switches it off (WaveGAN only)."""

    phase_shuffle_per: str = one_of("clip", "clip", "batch")
    """Whether each clip draws its own shift, or one shift serves the batch as in the authors' program."""

    conditional: bool = True
    """Learn the data set's labels, so that you can ask for one of them, or groups in their place where it has fewer
    than two."""

    groups: int = within(0, 0, 256)
    """Groups of alike clips that stand in for labels in a conditional run on a data set without any; 0 chooses by the
    number of clips, 1 does without."""

    kinds: int = within(0, 0, 256)
    """Kinds of alike clips, of 16 clips or more, that a conditional run divides each label or group into at most and
    learns one by one; 0 chooses by the number of clips (framegan), 1 learns labels whole."""

    mels: int = within(0, 0, 256)
    """Mel bins; 0 chooses: for frames by sample rate (64 at 8 kHz to 128 at 44.1 kHz), for the mel image 256."""

    floor_db: float = within(-60.0, -120.0, -20.0)
    """Levels of frames so far under the data set's loudest count as silence: lower keeps longer tails, and learns
    slower."""

    griffin_lim_iterations: int = within(32, 1, 500)
    """Rounds of Griffin-Lim phase estimation when a spectrum is turned back into sound: 8 do where phases begin well
    (phases=peaks and onsets), random ones take 32 and more."""

    phases: str = one_of("random", "random", "peaks")
    """Where Griffin-Lim begins: at random phases, as in the published systems, or at 'peaks', the phases of partials
    followed from frame to frame, which takes fewer rounds and keeps tones pure (nothing to do for waveforms)."""

    exemplars: int = within(0, 0, 8192)
    """How many frames of the training clips are kept with the model: a generated one borrows from the most like it the
    detail inside each mel bin, which keeps tones pure (framegan). 0 keeps none, and tones above 1 kHz become noisier.
    """

    onsets: int = within(0, 0, 8192)
    """How many frames in which training clips begin to sound are kept with the model: where a generated one begins, it
    borrows the phases of the one most like it, which keeps attacks short (framegan). 0 keeps none, and attacks are
    blurred."""

    batch: int = within(16, 2, 512)
    """Clips per step; under torchrun in each process."""

    critic_steps: int = within(1, 1, 20)
    """Discriminator updates for each generator update."""

    rate_g: float = within(5e-4, 1e-7, 1e-1)
    """Learning rate of the generator (Adam)."""

    rate_d: float = within(5e-4, 1e-7, 1e-1)
    """Learning rate of the discriminator (Adam)."""

    beta1: float = within(0.0, 0.0, 0.999)
    """Adam's first momentum."""

    beta2: float = within(0.99, 0.0, 0.9999)
    """Adam's second momentum."""

    decay_steps: int = within(0, 0, 10_000_000)
    """Learning rates fall as 1 / sqrt(1 + step / decay_steps); 0 keeps them constant."""

    penalty: float = within(0.3, 0.0, 1000.0)
    """Weight of the gradient penalty: gamma of R1 and R2, lambda of WGAN-GP, the clipping bound of plain WGAN."""

    penalty_every: int = within(8, 1, 64)
    """Apply the gradient penalty every so many steps, multiplied by this number (lazy regularisation)."""

    ema: float = within(0.998, 0.0, 0.99999)
    """Decay of the generator's running average, the weights that are heard; 0 uses the last weights."""

    augment: float = within(0.0, 0.0, 0.9)
    """Augmentation: how often each of four changes (in time, pitch, level, brightness) is made to a picture that the
    discriminator sees, real or generated, so that it does not learn a small data set by heart."""

    hold_out: float = within(0.1, 0.0, 0.5)
    """Share of the files that training never sees, so that its sounds can be held against real ones that are new to
    it; nothing is kept back from fewer than 20 files."""

    precision: str = one_of("full", "full", "mixed", "auto")
    """Numbers of 32 bits, or of 16 (bfloat16) in all that gradient penalties do not read: faster where the device
    computes with them, which is where auto uses them."""

    cuda_graphs: bool = False
    """Record each step once and replay it whole (NVIDIA cards only): small networks wait for their launches."""

    patience: float = within(0.0, 0.0, 100_000.0)
    """Stop by itself when the best snapshot is so many minutes of training old; 0 goes on to the limit."""

    threads: int = within(0, 0, 256)
    """Processor threads of the trainer; 0 leaves one core to the app, whose sounds would stutter otherwise."""

    log_every: int = within(10, 1, 10_000)
    """Steps that one point of the live charts averages."""

    steps: int = within(0, 0, 100_000_000)
    """Generator steps of a training that names no other limit; 0 uses `epochs` instead."""

    epochs: int = within(0, 0, 1_000_000)
    """Passes over the data set of a training that names no other limit, when `steps` is 0; 0 uses `minutes`."""

    minutes: float = within(10.0, 0.01, 100_000.0)
    """Minutes of a training that names no other limit, when `steps` and `epochs` are 0."""

    def __post_init__(self) -> None:
        for item in fields(self):
            _check(item, getattr(self, item.name))
        if self.kernel % 2 == 0:
            raise SettingError(f"kernel must be odd, so that a layer keeps its place in time; {self.kernel} is even.")
        if self.transform not in SEES[self.architecture]:
            seen = " or ".join(SEES[self.architecture])
            raise SettingError(f"{self.architecture} is made for transform={seen}, not {self.transform}.")
        if self.transform == "mel_image" and self.mels % 32:
            raise SettingError(f"mels of a mel image must be a multiple of 32, the image's steps; {self.mels} is not.")
        for name in LENT_BY_FRAMES:
            if getattr(self, name) and self.transform != "frames":
                raise SettingError(f"Only frames keep {name}; {self.architecture} has none: set {name}=0.")
        if self.augment and self.transform == "waveform":
            raise SettingError(f"Only pictures of sounds are augmented; {self.architecture} sees waveforms: augment=0.")
        if self.cuda_graphs and self.phase_shuffle_per == "batch":
            raise SettingError(
                "A recorded step draws no shift of a whole batch anew: with cuda_graphs, set phase_shuffle_per=clip."
            )
        batch_normalised = self.normalisation == "batch" and self.architecture in BATCH_NORMALISED_CRITICS
        if batch_normalised and self.loss in PENALISED:
            raise SettingError(
                f"{self.loss} penalises each clip's own gradient, which batch normalisation in {self.architecture}'s "
                "discriminator would mix with the other clips': set normalisation=none."
            )

    def with_text(self, assignments: list[str]) -> "Settings":
        """These settings after `key=value` texts, as `--set` gives them.

        Another loss brings its PUBLISHED settings, except those that the texts name, wherever they stand; another
        transform than frames keeps no exemplars and no onsets.
        Raises SettingError for an unknown key (naming the nearest real one), a value of the wrong kind or out of range.
        """
        changes = {}
        known = {item.name: item for item in fields(self)}
        for assignment in assignments:
            key, equals, text = assignment.partition("=")
            if not equals:
                raise SettingError(f"'{assignment}' is not of the form key=value, for example batch=32.")
            if key not in known:
                raise SettingError(f"There is no setting '{key}'{nearest(key, known)}")
            changes[key] = _parse(known[key], text)
        if changes.get("transform", self.transform) != "frames":
            changes = dict.fromkeys(LENT_BY_FRAMES, 0) | changes
        if changes.get("loss", self.loss) != self.loss:
            changes = PUBLISHED.get(changes["loss"], {}) | changes
        return replace(self, **changes)


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that says which name was probably meant, or which there are."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f". The settings are: {', '.join(known)}."


def _parse(item, text: str):
    """The text of a `key=value` as the field's own type."""
    if item.type is bool:
        if text.lower() not in ("true", "false"):
            raise SettingError(f"{item.name} is true or false, not '{text}'.")
        return text.lower() == "true"
    try:
        return item.type(text)
    except ValueError:
        kind = "a whole number" if item.type is int else "a number"
        raise SettingError(f"{item.name} must be {kind}, not '{text}'.") from None


def _check(item, value) -> None:
    """Raise SettingError when the value lies outside what its field accepts."""
    rule = item.metadata
    if "options" in rule and value not in rule["options"]:
        raise SettingError(f"{item.name} is one of {', '.join(rule['options'])}; '{value}' is not.")
    if "low" in rule and not (math.isfinite(value) and rule["low"] <= value <= rule["high"]):
        help_text = documentation(Settings).get(item.name, "")
        raise SettingError(
            f"{item.name} must lie between {rule['low']} and {rule['high']}; {value} does not. ({help_text})"
        )


@functools.cache
def documentation(config_class: type) -> dict[str, str]:
    """field name -> the text written under it in the source of a dataclass."""
    body = ast.parse(textwrap.dedent(inspect.getsource(config_class))).body[0].body
    texts = {}
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(following, ast.Expr):
            texts[statement.target.id] = inspect.cleandoc(following.value.value)
    return texts
