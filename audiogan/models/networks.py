"""What every pair of networks has in common: how latents enter, how a score comes out, and classes in both."""

import torch
from torch import Tensor, nn

from audiogan import ranks
from audiogan.settings import Settings

CLASS_SIZE = 32
"""Numbers that describe a class to the generator."""


class Generator(nn.Module):
    """(B, Z), classes (B,) or None -> what the network sees (B, *shape).

    `dense` is always the first layer. Its first Z columns belong to the latents, so that its strongest directions are
    directions of the latent space; those of the embedded class follow.
    """

    def __init__(self, latent_size: int, n_classes: int, outputs: int, bias: bool = True) -> None:
        super().__init__()
        # its name in the files of runs that there are
        self.label_embedding = nn.Embedding(n_classes, CLASS_SIZE) if n_classes else None
        self.dense = nn.Linear(latent_size + (CLASS_SIZE if n_classes else 0), outputs, bias)

    def enter(self, latents: Tensor, classes: Tensor | None) -> Tensor:
        """(B, Z) and classes through the first layer: (B, outputs)."""
        if self.label_embedding is not None:
            latents = torch.cat([latents, self.label_embedding(classes)], dim=1)
        return self.dense(latents)

    def describe(self) -> str:
        """What the layers do to make this shape, beside the published ones; no full stop."""
        raise NotImplementedError


class Discriminator(nn.Module):
    """(B, *shape), classes (B,) or None -> scores (B,), unbounded: no loss here wants a sigmoid inside the network."""

    def end_with(
        self, channels: int, positions: int, n_classes: int, beside: int = 0, class_layers: bool = False
    ) -> None:
        """The last layer, for features of so many channels at so many positions, and `beside` numbers after them; with
        `class_layers` one for each class besides."""
        self.dense = nn.Linear(channels * positions + beside, 1)
        self.positions = positions
        self.label_embedding = nn.Embedding(n_classes, channels) if n_classes else None
        self.class_layers = nn.Embedding(n_classes, channels * positions) if n_classes and class_layers else None
        if self.class_layers is not None:
            # every class begins with what is common to all
            nn.init.zeros_(self.class_layers.weight)

    def features(self, seen: Tensor, classes: Tensor | None = None) -> Tensor:
        """(B, N) what the last layer reads; classes, where known, only say which clips are compared with each other."""
        raise NotImplementedError

    def forward(self, seen: Tensor, classes: Tensor | None = None) -> Tensor:
        features = self.features(seen, classes)
        scores = self.dense(features).squeeze(1)
        if self.label_embedding is not None:
            # projection discriminator (Miyato and Koyama 2018, eq. 3) on each channel's mean over its positions
            channels = self.label_embedding.embedding_dim
            placed = features[:, : channels * self.positions]
            means = placed.unflatten(1, (channels, -1)).mean(2)
            scores = scores + (self.label_embedding(classes) * means).sum(1)
            if self.class_layers is not None:
                scores = scores + (self.class_layers(classes) * placed).sum(1)
        return scores


def leaky_relu(x: Tensor) -> Tensor:
    """max(x, 0.2 x), its slope held constant: a gradient penalty's own gradient does not run through it.

    The slope has no gradient anyway, except where x is 0, but torch's leaky_relu hands zeros on for it, and a backward
    pass through the whole network is then spent on them.
    """
    return torch.ops.aten.leaky_relu_backward(x, x.detach(), 0.2, False)


class LeakyReLU(nn.Module):
    """`leaky_relu` as a layer of a discriminator."""

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(x)


def normalisation(settings: Settings, kind: type[nn.Module], channels: int) -> nn.Module:
    """A batch normalisation of that kind, or nothing, as the settings say."""
    return kind(channels) if settings.normalisation == "batch" else nn.Identity()


def instead(count: int | str, published: int | str, what: str) -> str:
    """'5 layers', or '6 layers instead of 5'."""
    return f"{count} {what}" if count == published else f"{count} {what} instead of {published}"


def painted(layers: nn.Sequential, kind: type[nn.Module], published_start: str) -> str:
    """How layers of that kind, each doubling both sides, paint an image from where they start."""
    doublings = sum(isinstance(layer, kind) for layer in layers)
    (start,) = (layer.unflattened_size[1:] for layer in layers if isinstance(layer, nn.Unflatten))
    height, frames = (side * 2**doublings for side in start)
    begin = instead(" x ".join(map(str, start)), published_start, "points")
    return f"{doublings} layers from {begin} make an image of {height} x {frames:,}"


def kept(made_samples: int, clip_samples: int) -> str:
    """What becomes of the samples that layers of fixed strides make."""
    if made_samples == clip_samples:
        return f"{made_samples:,} samples, all of them the clip's"
    return (
        f"{made_samples:,} samples, of which the clip's {clip_samples:,} are kept (the discriminator is shown silence "
        "in place of the others)"
    )


class _AcrossRanks:
    """A batch normalisation whose statistics are those of the clips of all ranks, as torch's SyncBatchNorm's are.

    That one runs on graphics cards alone, and its gradient has no gradient.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or ranks.COUNT == 1:
            return super().forward(x)
        dims = [0, *range(2, x.dim())]
        mean = ranks.gather(x.mean(dims, keepdim=True)).mean(0, keepdim=True)  # (1, C, ...)
        centred = x - mean
        variance = ranks.gather(centred.square().mean(dims, keepdim=True)).mean(0, keepdim=True)
        with torch.no_grad():
            count = ranks.COUNT * x.numel() / x.shape[1]
            self.running_mean.lerp_(mean.flatten(), self.momentum)
            self.running_var.lerp_(variance.flatten() * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        weight, bias = (value.view_as(mean) for value in (self.weight, self.bias))
        return centred * (variance + self.eps).rsqrt() * weight + bias


class BatchNorm1d(_AcrossRanks, nn.BatchNorm1d):
    """(B, C) or (B, C, F)."""


class BatchNorm2d(_AcrossRanks, nn.BatchNorm2d):
    """(B, C, H, W)."""


class Dropout(nn.Dropout):
    """Dropout that leaves out other values on every rank."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.p or ranks.COUNT == 1:
            return super().forward(x)
        keep = ranks.rows(lambda count: x.new_empty(count, *x.shape[1:]).bernoulli_(1 - self.p), len(x))
        return x * keep / (1 - self.p)
