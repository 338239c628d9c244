"""Numbers in plain words, the same on pages and in the terminal."""


def duration(seconds: float) -> str:
    """'45 s', '12 min', '3.5 h', '8 days'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def size(count: float) -> str:
    """'830 kB', '1.4 GB': decimal, as disks are sold."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def pace(steps_per_second: float) -> str:
    """'14 / s', or '90 s each' for slow steps: short enough for a narrow column."""
    if steps_per_second >= 1 or steps_per_second <= 0:
        return f"{steps_per_second:.3g} / s"
    return f"{duration(1 / steps_per_second)} each"


def plural(count: int, noun: str) -> str:
    """'1 clip', '1,200 clips'."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
