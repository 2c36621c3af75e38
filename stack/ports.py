"""Free ports on this machine's loopback, the same ones again when they are still free."""

import socket
from collections.abc import Iterable, Mapping

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_ports(names: Iterable[str], *, previous: Mapping[str, int], running: Iterable[str]) -> dict[str, int]:
    """One port per name: the previous one while its service runs or the port is free, else one the system picks.

    The probes stay open until all are chosen, so that no port is handed out twice.
    """
    chosen: dict[str, int] = {}
    probes: list[socket.socket] = []
    kept = set(running)
    try:
        for name in names:
            before = previous.get(name)
            if before and (name in kept or is_free(before)) and before not in chosen.values():
                chosen[name] = before
                continue
            probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            probes.append(probe)
            probe.bind((LOOPBACK, 0))
            chosen[name] = int(probe.getsockname()[1])
    finally:
        for probe in probes:
            probe.close()
    return chosen
