"""What a training runs on: which device, how much memory it has and holds, how many threads."""

import contextlib
import os
import shutil
import sys
from pathlib import Path

from audiogan.runs import RunError


def pick_device(name: str = "auto"):
    """The torch device of that name; 'auto' is CUDA, else Apple's GPU, else the processor.

    Of several processes on one machine each takes the CUDA device of its own number, unless one is named ('cuda:1').
    Raises RunError when the device named is not there.
    """
    import torch

    from audiogan import ranks

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in present.items() if there)
    if not present.get(name.split(":")[0], False):
        raise RunError(f"This machine has no '{name}' device that torch can use: leave out --device, or use cpu.")
    if ranks.COUNT > 1 and name.startswith("mps"):
        raise RunError("Apple's graphics card cannot be shared by several processes: leave out torchrun.")
    if ranks.COUNT > 1 and name == "cuda":
        which, processes = ranks.here()
        if processes > torch.cuda.device_count():
            raise RunError(
                f"torchrun started {processes} processes on a machine with {torch.cuda.device_count()} CUDA devices: "
                "start one for each with --nproc-per-node, or use --device cpu."
            )
        # NCCL asks for the present device, whatever the tensors lie on
        torch.cuda.set_device(which)
        return torch.device("cuda", which)
    return torch.device(name)


def one_device(name: str = "auto") -> str:
    """The device of that name as the one piece of hardware it is: 'cpu', 'cuda:0', 'mps'. Raises RunError."""
    device = pick_device(name)
    return f"cuda:{device.index or 0}" if device.type == "cuda" else device.type


def use_threads(count: int) -> None:
    """Let torch use so many threads; 0 leaves one core free, and the others to the processes of this training alike.

    Two threads on two cores gain a third, and lose all of it and more as soon as another process wants a core: torch's
    threads wait for each other by spinning.
    """
    import torch

    from audiogan import ranks

    _, processes = ranks.here()
    torch.set_num_threads(count or max(1, ((os.cpu_count() or 1) - 1) // processes))
    # numbers too small for normal arithmetic are a hundred times slower, and zero to the ear
    torch.set_flush_denormal(True)
    # shapes never change while training: NVIDIA's library tries its kernels once and keeps the fastest
    torch.backends.cudnn.benchmark = True


def describe_device(name: str = "auto") -> str:
    """The device in words: 'NVIDIA H200 (CUDA)', 'Apple GPU', 'processor, 2 cores', 'processor, 2 cores; 4 ranks'."""
    import torch

    from audiogan import ranks

    device = pick_device(name)
    among = f"; {ranks.COUNT} ranks" if ranks.COUNT > 1 else ""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} (CUDA){among}"
    return "Apple GPU" if device.type == "mps" else f"processor, {os.cpu_count()} cores{among}"


def has_cuda() -> bool:
    """Whether torch can use an NVIDIA card; torch, which takes seconds to import, is only asked where there is one."""
    if not shutil.which("nvidia-smi"):
        return False
    import torch

    return torch.cuda.is_available()


def computes_in_bfloat16(device) -> bool:
    """Whether the device multiplies numbers of 16 bits itself, and not by way of 32: NVIDIA cards since Ampere,
    processors with AVX-512 BF16 or AMX."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    # torch before 2.13 may not say what the processor can do
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def device_memory_bytes(device) -> int | None:
    """All memory of the graphics card, or what this process may have of the machine's; None where nobody says."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    limits = group_limits()
    try:
        page_bytes, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        # Windows has no sysconf, and not every system knows these two names
        page_bytes = pages = -1
    return min([*limits, page_bytes * pages] if page_bytes > 0 and pages > 0 else limits, default=None)


def group_limits(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """The memory limits in bytes of the control groups this process is in, as containers set them; none but on Linux.

    A group of version 2 says so in `memory.max`, one of version 1 in `memory.limit_in_bytes`; those above it hold too.
    """
    found = []
    with contextlib.suppress(OSError):
        for line in groups.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            base, name = (root / "memory", "memory.limit_in_bytes") if controllers else (root, "memory.max")
            group = base / path.lstrip("/")
            # in a container the group is often mounted at the root, while its path is still the host's
            for place in (group, *group.parents):
                if (place / name).is_file():
                    text = (place / name).read_text().strip()
                    found += [int(text)] if text.isdecimal() else []  # "max" is no limit
    return found


def memory_bytes(device) -> int:
    """The most memory held so far: of the graphics card, or of this process."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type == "mps":
        return torch.mps.driver_allocated_memory()
    try:
        import resource
    except ImportError:  # Windows has no such module
        return 0
    # Linux counts kibibytes, macOS bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
