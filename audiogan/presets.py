"""The presets: settings with a name, as the six systems were published and as framegan was measured to be best."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from audiogan.settings import PUBLISHED, SettingError, Settings, nearest


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


def _published(architecture: str, loss: str, **changes) -> Settings:
    """Settings as the sources have them: each loss's own, no labels, no averaged weights, except what is changed."""
    usual = {"transform": "waveform", "conditional": False, "ema": 0.0}
    return Settings(architecture=architecture, loss=loss, **(usual | PUBLISHED[loss] | changes))


OURS = {
    "modulation": True,
    "class_layers": True,
    "penalty": 3.0,
    "ema": 0.9999,
    "precision": "auto",
    "phases": "peaks",
    "exemplars": 1024,
    "onsets": 256,
    "griffin_lim_iterations": 8,
}
"""What both sizes of framegan have in common: measured in docs/quality.md."""

PRESETS: dict[str, Preset] = {
    "framegan": Preset(
        title="Quick (framegan)",
        about="Draws sounds as mel frames and turns them into audio. Minutes on a laptop's processor.",
        source="Own design: 1-D convolutions over log-mel frames, relativistic loss with R1 and R2 (R3GAN, "
        "arXiv 2501.05441), projection discriminator for labels (arXiv 1802.05637), feature-wise modulation (arXiv "
        "1709.07871).",
        settings=Settings(batch=32, decay_steps=3000, **OURS),
    ),
    "studio": Preset(
        title="Studio (framegan, twice as wide)",
        about="The same design with four times the weights, in larger batches. Tens of minutes on a graphics card; "
        "hours on a processor.",
        source="framegan, scaled up: width and batch doubled, rates and running average slowed accordingly.",
        settings=Settings(width=96, batch=64, decay_steps=10_000, minutes=30.0, **OURS),
    ),
    "mlp": Preset(
        title="Dense GAN (mlp)",
        about="Dense layers only, from a latent straight to the samples; published for bird song. Small clips train "
        "on a processor; at 5 s and 44.1 kHz it needs 8 GB of memory.",
        source="Bird song GAN of dense layers: the layer table in `audiogan/models/mlp.py`.",
        settings=_published("mlp", "bce", latent_size=500, width=256, batch=32, rate_d=1e-3, epochs=250),
    ),
    "dcgan1d": Preset(
        title="1-D DCGAN",
        about="Convolutions along the waveform with batch normalisation; published for one or two instruments. "
        "An hour or more on a processor, minutes on a graphics card.",
        source="A DCGAN (arXiv 1511.06434) in one dimension on FSDKaggle2018: `audiogan/models/dcgan1d.py`.",
        settings=_published(
            "dcgan1d", "bce", latent_size=500, width=16, normalisation="batch", dropout=0.3, batch=32, epochs=50
        ),
    ),
    "wavegan_bce": Preset(
        title="WaveGAN with cross-entropy",
        about="A WaveGAN that ends in linear layers, with batch normalisation and dropout. Its discriminator tends to "
        "win: watch both losses.",
        source="A WaveGAN variant on FSDKaggle2018: `audiogan/models/wavegan_bce.py`.",
        settings=_published(
            "wavegan_bce", "bce", latent_size=100, width=64, normalisation="batch", dropout=0.3, batch=64, epochs=10_000
        ),
    ),
    "specgan": Preset(
        title="SpecGAN",
        about="Paints spectrograms as pictures and finds the phase afterwards. A day or two on a graphics card; on a "
        "processor lower the width to 8 or 16 and expect hours.",
        source="Donahue, McAuley, Puckette: Adversarial Audio Synthesis, arXiv 1802.04208, with DCGAN's loss and "
        "normalisation. As in the paper: loss=wgan_gp normalisation=none critic_steps=5 rate_g=1e-4 rate_d=1e-4 "
        "beta2=0.9.",
        settings=_published(
            "specgan",
            "bce",
            transform="log_spectrogram",
            latent_size=100,
            latent="uniform",
            width=64,
            normalisation="batch",
            griffin_lim_iterations=16,
            batch=64,
            log_every=1,
            epochs=1750,
        ),
    ),
    "melspec_wgan": Preset(
        title="Mel image WGAN",
        about="Paints five seconds of music as a mel image of 256 x 256. Hours on a graphics card; on a processor "
        "lower the width to 8 or 16.",
        source="WGAN-GP (arXiv 1704.00028) on mel images of one music compilation: `audiogan/models/melspec_wgan.py`.",
        settings=_published(
            "melspec_wgan",
            "wgan_gp",
            transform="mel_image",
            latent_size=128,
            width=64,
            normalisation="batch",
            dropout=0.3,
            critic_steps=3,
            rate_g=2e-4,
            rate_d=2e-4,
            log_every=1,
            epochs=30,
        ),
    ),
    "wavegan": Preset(
        title="WaveGAN",
        about="Draws the waveform sample by sample, as published in 2018. Days on a large graphics card; "
        "on a processor lower the width to 8 or 16 and expect hours.",
        source="Donahue, McAuley, Puckette: Adversarial Audio Synthesis, arXiv 1802.04208.",
        settings=_published(
            "wavegan",
            "wgan_gp",
            latent_size=100,
            latent="uniform",
            width=64,
            batch=64,
            ema=0.999,
            log_every=1,
            steps=200_000,
        ),
    ),
}


MOST_GROUPS = 16
"""That stand in for labels in a large data set: as many as can be looked through."""

MOST_KINDS = 4
"""Into which a label or group with many clips is divided."""

CLIPS_PER_PART = 16
"""On average, at least: a discriminator learns the few clips of a smaller kind by heart."""


SMALL_SET = 200
"""Clips up to which a training is expected to begin to copy them before its time is over."""

SMALL_SET_PATIENCE = 10.0
"""Minutes without a better snapshot after which it then stops by itself."""

SMALL_SET_AUGMENT = 0.5
"""How often it then changes what the discriminator sees, which slows down copying."""

SMALL_SET_PENALTY = 10.0
"""Weight of the relativistic loss's penalties then: a flatter discriminator learns fewer clips by heart."""


def number_of_parts(n_clips: int, most: int = MOST_KINDS) -> int:
    """How many groups or kinds are told apart among so many clips; 1, which is none, where there are too few."""
    return max(1, min(most, n_clips // CLIPS_PER_PART))


def suited(settings: Settings, named: Collection[str], n_clips: int, commonest: int) -> Settings:
    """The settings for so many training clips, of which the commonest label has so many (0: there are no labels):
    chosen is what they leave open, and nobody has named."""
    # published presets learn labels and groups whole, and train for as long as they were published with
    is_ours = settings.architecture == "framegan"
    if settings.conditional and settings.groups == 0 and not commonest:
        settings = replace(settings, groups=number_of_parts(n_clips, MOST_GROUPS))
    if settings.conditional and settings.kinds == 0 and is_ours:
        has_some = commonest or settings.groups > 1
        settings = replace(settings, kinds=number_of_parts(commonest or n_clips // settings.groups) if has_some else 1)
    if is_ours and n_clips <= SMALL_SET:
        small = {"patience": SMALL_SET_PATIENCE, "augment": SMALL_SET_AUGMENT}
        if settings.loss == "relativistic":
            small["penalty"] = SMALL_SET_PENALTY
        settings = replace(settings, **{name: value for name, value in small.items() if name not in named})
    return settings


def preset(name: str) -> Preset:
    """The preset of that name. Raises SettingError naming the nearest one."""
    if name not in PRESETS:
        raise SettingError(f"There is no preset '{name}'{nearest(name, PRESETS)}")
    return PRESETS[name]
