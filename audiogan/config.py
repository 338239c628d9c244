"""What a user may choose, and what a run was made with: frozen dataclasses that travel as JSON.

The text under a field is its documentation everywhere: in the page's widget, in `--set` errors and here.
"""

import ast
import difflib
import functools
import inspect
import itertools
import json
import math
import textwrap
from dataclasses import asdict, dataclass, field, fields, replace


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
    """Learn the data set's labels, so that you can ask for one of them (needs two labels or more)."""

    mels: int = within(0, 0, 256)
    """Mel bins; 0 chooses: for frames by sample rate (64 at 8 kHz to 128 at 44.1 kHz), for the mel image 256."""

    griffin_lim_iterations: int = within(32, 1, 500)
    """Rounds of Griffin-Lim phase estimation when a spectrum is turned back into sound."""

    batch: int = within(16, 2, 512)
    """Clips per step."""

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

    roll_seconds: float = within(0.0, 0.0, 1.0)
    """Augmentation: real and generated frames are rolled in time by up to this much, alike."""

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
        batch_normalised = self.normalisation == "batch" and self.architecture in BATCH_NORMALISED_CRITICS
        if batch_normalised and self.loss in PENALISED:
            raise SettingError(
                f"{self.loss} penalises each clip's own gradient, which batch normalisation in {self.architecture}'s "
                "discriminator would mix with the other clips': set normalisation=none."
            )

    def with_text(self, assignments: list[str]) -> "Settings":
        """These settings after `key=value` texts, as `--set` gives them.

        Another loss brings its PUBLISHED settings, except those that the texts name, wherever they stand.
        Raises SettingError for an unknown key (naming the nearest real one), a value of the wrong kind or out of range.
        """
        changes = {}
        known = {item.name: item for item in fields(self)}
        for assignment in assignments:
            key, equals, text = assignment.partition("=")
            if not equals:
                raise SettingError(f"'{assignment}' is not of the form key=value, for example batch=32.")
            if key not in known:
                raise SettingError(f"There is no setting '{key}'{_nearest(key, known)}")
            changes[key] = _parse(known[key], text)
        if changes.get("loss", self.loss) != self.loss:
            changes = PUBLISHED.get(changes["loss"], {}) | changes
        return replace(self, **changes)


def _nearest(word: str, known) -> str:
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


@dataclass(frozen=True)
class Preset:
    """Settings with a name, a plain sentence about what they are for, and the field's own sentence."""

    title: str
    """A few words for a chooser."""

    about: str
    """What it is for, in plain words."""

    source: str
    """Where its numbers come from."""

    settings: Settings


PRESETS: dict[str, Preset] = {
    "framegan": Preset(
        title="Quick (framegan)",
        about="Draws sounds as mel frames and turns them into audio. Minutes on a laptop's processor.",
        source="Own design: 1-D convolutions over log-mel frames, relativistic loss with R1 and R2 (R3GAN, "
        "arXiv 2501.05441), projection discriminator for labels (arXiv 1802.05637).",
        settings=Settings(batch=32, decay_steps=3000),
    ),
    "mlp": Preset(
        title="Dense GAN (mlp)",
        about="Dense layers only, from a latent straight to the samples; published for bird song. Small clips train "
        "on a processor; at 5 s and 44.1 kHz it needs 8 GB of memory.",
        source="Bird song GAN of dense layers: the layer table in `audiogan/models/mlp.py`.",
        settings=Settings(
            architecture="mlp",
            transform="waveform",
            loss="bce",
            latent_size=500,
            width=256,
            conditional=False,
            batch=32,
            rate_g=2e-4,
            rate_d=1e-3,
            beta1=0.5,
            beta2=0.999,
            penalty=10.0,
            penalty_every=1,
            ema=0.0,
            epochs=250,
        ),
    ),
    "dcgan1d": Preset(
        title="1-D DCGAN",
        about="Convolutions along the waveform with batch normalisation; published for one or two instruments. "
        "An hour or more on a processor, minutes on a graphics card.",
        source="A DCGAN (arXiv 1511.06434) in one dimension on FSDKaggle2018: `audiogan/models/dcgan1d.py`.",
        settings=Settings(
            architecture="dcgan1d",
            transform="waveform",
            loss="bce",
            latent_size=500,
            width=16,
            normalisation="batch",
            dropout=0.3,
            conditional=False,
            batch=32,
            rate_g=2e-4,
            rate_d=2e-4,
            beta1=0.5,
            beta2=0.999,
            penalty=10.0,
            penalty_every=1,
            ema=0.0,
            epochs=50,
        ),
    ),
    "wavegan_bce": Preset(
        title="WaveGAN with cross-entropy",
        about="A WaveGAN that ends in linear layers, with batch normalisation and dropout. Its discriminator tends to "
        "win: watch both losses.",
        source="A WaveGAN variant on FSDKaggle2018: `audiogan/models/wavegan_bce.py`.",
        settings=Settings(
            architecture="wavegan_bce",
            transform="waveform",
            loss="bce",
            latent_size=100,
            width=64,
            normalisation="batch",
            dropout=0.3,
            conditional=False,
            batch=64,
            rate_g=2e-4,
            rate_d=2e-4,
            beta1=0.5,
            beta2=0.999,
            penalty=10.0,
            penalty_every=1,
            ema=0.0,
            epochs=10_000,
        ),
    ),
    "specgan": Preset(
        title="SpecGAN",
        about="Paints spectrograms as pictures and finds the phase afterwards. A day or two on a graphics card; on a "
        "processor lower the width to 8 or 16 and expect hours.",
        source="Donahue, McAuley, Puckette: Adversarial Audio Synthesis, arXiv 1802.04208, with DCGAN's loss and "
        "normalisation. As in the paper: loss=wgan_gp normalisation=none critic_steps=5 rate_g=1e-4 rate_d=1e-4 "
        "beta2=0.9.",
        settings=Settings(
            architecture="specgan",
            transform="log_spectrogram",
            loss="bce",
            latent_size=100,
            latent="uniform",
            width=64,
            normalisation="batch",
            conditional=False,
            griffin_lim_iterations=16,
            batch=64,
            rate_g=2e-4,
            rate_d=2e-4,
            beta1=0.5,
            beta2=0.999,
            penalty=10.0,
            penalty_every=1,
            ema=0.0,
            log_every=1,
            epochs=1750,
        ),
    ),
    "melspec_wgan": Preset(
        title="Mel image WGAN",
        about="Paints five seconds of music as a mel image of 256 x 256. Hours on a graphics card; on a processor "
        "lower the width to 8 or 16.",
        source="WGAN-GP (arXiv 1704.00028) on mel images of one music compilation: `audiogan/models/melspec_wgan.py`.",
        settings=Settings(
            architecture="melspec_wgan",
            transform="mel_image",
            loss="wgan_gp",
            latent_size=128,
            width=64,
            normalisation="batch",
            dropout=0.3,
            conditional=False,
            critic_steps=3,
            rate_g=2e-4,
            rate_d=2e-4,
            beta1=0.5,
            beta2=0.9,
            penalty=10.0,
            penalty_every=1,
            ema=0.0,
            log_every=1,
            epochs=30,
        ),
    ),
    "wavegan": Preset(
        title="WaveGAN",
        about="Draws the waveform sample by sample, as published in 2018. Days on a large graphics card; "
        "on a processor lower the width to 8 or 16 and expect hours.",
        source="Donahue, McAuley, Puckette: Adversarial Audio Synthesis, arXiv 1802.04208.",
        settings=Settings(
            architecture="wavegan",
            transform="waveform",
            loss="wgan_gp",
            latent_size=100,
            latent="uniform",
            width=64,
            conditional=False,
            batch=64,
            critic_steps=5,
            rate_g=1e-4,
            rate_d=1e-4,
            beta1=0.5,
            beta2=0.9,
            penalty=10.0,
            penalty_every=1,
            ema=0.999,
            log_every=1,
            steps=200_000,
        ),
    ),
}


def preset(name: str) -> Preset:
    """The preset of that name. Raises SettingError naming the nearest one."""
    if name not in PRESETS:
        raise SettingError(f"There is no preset '{name}'{_nearest(name, PRESETS)}")
    return PRESETS[name]


@dataclass(frozen=True)
class Limit:
    """When a training ends: after so many generator steps, passes over the data, or minutes of training in all."""

    steps: int | None = None
    epochs: float | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if len(given) > 1:
            raise SettingError(f"Give one limit, not {' and '.join(given)} together.")
        if any(value <= 0 for value in given.values()):
            raise SettingError("A limit must be greater than 0.")

    def or_default(self, settings: Settings) -> "Limit":
        """This limit, or the preset's own when none was given."""
        if self != Limit():
            return self
        if settings.steps:
            return Limit(steps=settings.steps)
        return Limit(epochs=settings.epochs) if settings.epochs else Limit(minutes=settings.minutes)

    def describe(self) -> str:
        """In words: '500 steps', '10 minutes'."""
        for name, value in asdict(self).items():
            if value is not None:
                return f"{value:g} {name if value != 1 else name[:-1]}" if name != "steps" else f"{value:,} steps"
        return "the preset's own limit"


def check_seed(seed: int) -> None:
    """Raise SettingError unless torch and numpy can both begin their random numbers from this."""
    if not 0 <= seed < 2**63:
        raise SettingError(f"A seed is a whole number from 0 to {2**63 - 1}; {seed} is not.")


@dataclass(frozen=True)
class RunConfig:
    """What a run was made with: written once, before the first step, and never changed."""

    preset: str
    settings: Settings
    dataset: str
    """Name of the data set's folder."""

    fingerprint: str
    """The data set's content hash; a data set that changed since is refused on resume."""

    rate: int
    """Samples per second."""

    clip_samples: int
    labels: tuple[str, ...]
    """Names of the labels in the order of their numbers; empty when the data set has none."""

    seed: int = 0
    created: str = ""
    versions: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_seed(self.seed)

    @property
    def seconds(self) -> float:
        """Length of a clip."""
        return self.clip_samples / self.rate

    @property
    def n_labels(self) -> int:
        """How many labels the networks are given: 0 when unconditional, otherwise two or more."""
        return len(self.labels) if self.settings.conditional and len(self.labels) > 1 else 0

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "RunConfig":
        values = json.loads(text)
        values["settings"] = Settings(**values["settings"])
        values["labels"] = tuple(values["labels"])
        return cls(**values)
