"""Slow: under every loss, the small pair learns two clusters of sines up to a stated spectral distance.

The pair is told which cluster it is asked for; one seed is run here. Distances of three, found by hand on one core:

    seed             0      1      2
    relativistic   0.34   0.33   0.28
    wgan_gp        0.33   0.30   0.32
    wgan           0.40   0.52   0.22
    hinge          0.47   0.46   0.42
    lsgan          0.53   0.52   0.48
    bce            0.57   0.57   0.57
"""

import numpy as np
import pytest
import torch

from audiogan import audio, training
from audiogan.config import Limit, RunConfig
from audiogan.examples import Clips, Examples
from audiogan.game import Game
from audiogan.runs import Run
from audiogan.settings import BELIEFS, PUBLISHED
from audiogan.training import train
from audiogan.transforms import make_transform
from tests.conftest import CLIP_SAMPLES, RATE, tiny_config

CPU = torch.device("cpu")

BOUND = 0.7
"""Distance to the nearest real clip, as a share of the distance between the clusters' middles. An untrained generator
stands at 1.0 to 1.1; the worst of the three seeds of any loss at 0.57."""

LEARNING = {
    # (generator steps, rate of the generator, rate of the discriminator): 2.5 to 10 times the published rates,
    # so that hundreds of steps do what the papers' hundreds of thousands do
    "relativistic": (150, 1e-3, 1e-3),
    "wgan_gp": (50, 1e-3, 1e-3),
    # after 200 steps one seed of three stood where it began, at 1.02
    "wgan": (300, 5e-4, 5e-4),
    # not at SAGAN's ratio of four: 5e-4 and 2e-3 came to 0.74 after 250 steps where these came to 0.69
    "hinge": (300, 1e-3, 1e-3),
    "lsgan": (250, 1e-3, 1e-3),
    "bce": (300, 1e-3, 1e-3),
}


def two_clusters() -> Clips:
    """24 sines at 300 Hz and 24 at 1,500 Hz, a quarter of a second each, of slightly different phase and level."""
    rng = np.random.default_rng(0)
    seconds = np.arange(CLIP_SAMPLES) / RATE
    waves = [
        rng.uniform(0.4, 0.6) * np.sin(2 * np.pi * hz * seconds + rng.uniform(-0.5, 0.5))
        for hz in (300, 1500)
        for _ in range(24)
    ]
    return Clips(np.stack([audio.to_int16(wave.astype(np.float32)) for wave in waves]), np.repeat([0, 1], 24))


def configuration(loss: str) -> RunConfig:
    """The loss as published, at the rates above."""
    _, rate_g, rate_d = LEARNING[loss]
    settings = PUBLISHED[loss] | {"rate_g": rate_g, "rate_d": rate_d}
    texts = [f"{name}={value}" for name, value in settings.items()]
    return tiny_config(f"loss={loss}", *texts, "width=16", "batch=16", "decay_steps=0", labels=("300", "1500"))


def distance_and_share(game: Game, clips: Clips) -> tuple[float, float]:
    """(mean distance of 200 generated clips to the nearest real one, share of them nearest to a sine of 1,500 Hz)."""
    real = Examples(clips, game.transform, CPU, 0)._seen.flatten(1)  # (48, M * F)
    torch.manual_seed(1)
    with torch.inference_mode():
        made = game.averaged(game.draw(200), torch.arange(200) % 2).flatten(1)
    nearest = torch.cdist(made, real).min(1)
    between = (real[:24].mean(0) - real[24:].mean(0)).norm()
    return float(nearest.values.mean() / between), float((nearest.indices >= 24).float().mean())


@pytest.mark.parametrize("loss", BELIEFS)
def test_every_loss_learns_two_clusters_of_sines(tmp_path, monkeypatch, loss):
    config, clips = configuration(loss), two_clusters()
    games = []
    monkeypatch.setattr(training, "Game", lambda *given: games.append(Game(*given)) or games[-1])
    run = Run.create(tmp_path, config, loss)
    train(run, clips, Limit(steps=LEARNING[loss][0]), CPU, watch=lambda tick: None, encode=lambda wave: b"")
    distance, share = distance_and_share(games[0], clips)
    assert distance < BOUND
    assert 0.15 <= share <= 0.85

    transform = make_transform(config)
    transform.load_state_dict(games[0].transform.state_dict())
    torch.manual_seed(config.seed)
    untrained, _ = distance_and_share(Game(config, transform, CPU), clips)
    assert untrained > BOUND
