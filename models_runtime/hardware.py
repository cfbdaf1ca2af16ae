"""What a device is called and how much memory is taken on it. Loads no library by itself."""

import os
import resource
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Device:
    """A device as this process sees it. `peak` is the most memory it has taken, in bytes."""

    name: str
    used: int
    peak: int
    total: int


def look_at(device: str) -> Device:
    """The device that a local model is on: `cpu`, `cuda` or `cuda:1`."""
    if device.startswith("cuda"):
        return _gpu(sys.modules["torch"], device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Device("CPU", peak, peak, total)


def own_gpu() -> Device | None:
    """The GPU that this process works with; None where it has none in use."""
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return _gpu(torch, "cuda")


def _gpu(torch: Any, device: str) -> Device:
    free, total = torch.cuda.mem_get_info(device)
    return Device(
        str(torch.cuda.get_device_name(device))[:100],
        int(total - free),
        int(torch.cuda.max_memory_reserved(device)),
        int(total),
    )
