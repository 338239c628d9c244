"""audiogan: train a small GAN on a folder of sounds, on your own machine, and play it.

The modules stand in the order in which sound passes through them:

    sources, downloads -> files -> audio, labels -> survey -> datasets -> transforms
    -> clustering, models, losses, game, training -> runs -> latent, instrument, cleaning -> judging -> handout

Axis letters, the same in every docstring: B batch, C channels, T samples in time, F frames, M mel bins,
Z latent size, N clips, K directions or kernel taps. A *clip* is one training sound; a *sample* is one point in time.
"""

__version__ = "0.1.0"
