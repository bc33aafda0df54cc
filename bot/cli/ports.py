"""Which TCP ports are free, and what to say of one that is not."""

from __future__ import annotations

import random
import socket

from bot.cli.machine import occupant
from bot.cli.refusals import Refusal

# Below the range from which kernels give ports to outgoing connections: one of those may be taken at any moment.
INNER_PORTS = range(20000, 30000)


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections that linger after a stop are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def require_free(host: str, port: int) -> None:
    """Raises Refusal that names the port, its holder where the system tells, and a free port near it."""
    if is_free(host, port):
        return
    if not is_free(host, 0):
        raise Refusal(
            f"{host} is no address of this machine", "set RAPPORT_HOST to one that is, or to 127.0.0.1 or 0.0.0.0"
        )
    if port < 1024 and occupant(port) is None:
        raise Refusal(f"port {port} is only for the system's administrator", "choose one: `PORT=8000 make run`")
    near = next((p for p in range(port + 1, 65536) if is_free(host, p)), 8000)
    holder = occupant(port) or "another program"
    raise Refusal(f"port {port} is taken by {holder}", f"stop that, or choose another: `PORT={near} make run`")


def free_inner_ports(count: int) -> list[int]:
    """Free ports of the loopback for processes that only we talk to."""
    shuffled = random.sample(INNER_PORTS, len(INNER_PORTS))
    free = (port for port in shuffled if is_free("127.0.0.1", port))
    return [next(free) for _ in range(count)]
