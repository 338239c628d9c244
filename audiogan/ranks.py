"""Several processes that train one model: who this one is, and what it says to the others.

torchrun starts the processes and `torch.distributed` carries the messages; here is only what a GAN needs of them.
Alone, every function is the identity, so that training reads the same. Every rank holds the same weights and its own
rows of each batch; random numbers are drawn for the whole batch by all of them, from the same seed, and cut to those
rows. W ranks at batch B then train like one process at batch W * B.
"""

import atexit
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, distributed

RANK, COUNT = 0, 1
"""Which process this is, and of how many. Read them as `ranks.RANK`: `join` changes them."""


class RankLost(RuntimeError):
    """Another process of this training is gone, so that no update can be completed."""


def join() -> None:
    """Meet the other processes when torchrun started this one; alone, or called again, nothing happens.

    Tensors on a graphics card travel by NCCL where torch has it, those of the processor by Gloo.
    """
    global RANK, COUNT
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or distributed.is_initialized():
        return
    has_nccl = torch.cuda.is_available() and distributed.is_nccl_available()
    with _together():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if has_nccl else "gloo")
    atexit.register(distributed.destroy_process_group)
    RANK, COUNT = distributed.get_rank(), distributed.get_world_size()


def here() -> tuple[int, int]:
    """(which, of how many) among the processes of this training on this machine."""
    return (int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])) if COUNT > 1 else (0, 1)


# what is mine


def part(number: int) -> int:
    """The number of this rank's batch of B when the ranks together are at batch `number` of W * B."""
    return number * COUNT + RANK


def rows(draw: Callable[[int], Tensor], count: int) -> Tensor:
    """This rank's `count` rows of what `draw` gives for all W * count of them."""
    return draw(count) if COUNT == 1 else draw(count * COUNT)[RANK * count : (RANK + 1) * count]


# what we share


@torch.no_grad()
def average(tensors: Sequence[Tensor]) -> None:
    """Replace each tensor by its mean over the ranks, all in one message: each costs far more than its bytes."""
    if COUNT == 1:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors]) / COUNT
    with _together():
        distributed.all_reduce(flat)
    parts = flat.split([tensor.numel() for tensor in tensors])
    torch._foreach_copy_(list(tensors), [part.view_as(of) for part, of in zip(parts, tensors, strict=True)])


@torch.no_grad()
def equalise(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by the first rank's."""
    if COUNT == 1:
        return
    for tensor in tensors:
        sent = tensor.contiguous()
        with _together():
            distributed.broadcast(sent, 0)
        tensor.copy_(sent)


def gather(x: Tensor) -> Tensor:
    """(B, ...) -> (W * B, ...) the rows of all ranks, in their order. Differentiable as often as wanted."""
    return x if COUNT == 1 else _Gather.apply(x)


def largest(value: float) -> float:
    """The largest of the ranks' numbers, on every rank."""
    if COUNT == 1:
        return value
    found = torch.tensor(value, dtype=torch.float64)
    with _together():
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return found.item()


def agree(value: float) -> bool:
    """Whether every rank has the same number."""
    return largest(value) == -largest(-value)


def strongest(value: str | None, order: tuple[str | None, ...]) -> str | None:
    """Of what the ranks hold, that which comes last in `order`."""
    return value if COUNT == 1 else order[int(largest(order.index(value)))]


def from_first(ask: Callable[[], object]) -> object:
    """What `ask` answers on the first rank, a JSON value, on every rank.

    Where it raises there, the others leave without a word: the first one says why.
    """
    if COUNT == 1:
        return ask()
    if RANK == 0:
        try:
            _tell(json.dumps({"answer": (answer := ask())}))
        except (ValueError, OSError):
            _tell(json.dumps({}))
            raise
        return answer
    message = json.loads(_tell(""))
    if "answer" not in message:
        raise SystemExit(1)
    return message["answer"]


def _tell(text: str) -> str:
    """The first rank's text."""
    data = torch.tensor(list(text.encode()), dtype=torch.uint8)
    length = torch.tensor(len(data))
    equalise([length])
    data = data if RANK == 0 else torch.empty(int(length), dtype=torch.uint8)
    equalise([data])
    return bytes(data.tolist()).decode()


class _Gather(torch.autograd.Function):
    """Rows of all ranks. Each rank's rows are used by all, so what comes back is the sum of what they send: `_Own`."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        parts = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(COUNT)]
        with _together():
            distributed.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _Own.apply(gradient)


class _Own(torch.autograd.Function):
    """The sum over the ranks, cut to this rank's rows: the transpose of `_Gather`, which is therefore its gradient."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        with _together():
            distributed.all_reduce(total)
        return total.chunk(COUNT)[RANK]

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return _Gather.apply(gradient)


@contextmanager
def _together() -> Iterator[None]:
    """A message fails when the one it is for has died: torch tells so in the terms of its transport."""
    try:
        yield
    except RuntimeError as error:
        raise RankLost(f"Another process of this training ended before this one ({error}).") from error
