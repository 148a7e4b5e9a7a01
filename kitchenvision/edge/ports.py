"""Takes a port first, so that a used one is said at once and clearly."""

import socket

from kitchenvision.errors import PortInUse


def bound(host: str, port: int) -> socket.socket:
    """A listening socket there; port 0 takes a free one.

    Raises:
        PortInUse: something listens there already, or it may not be taken.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(64)
    except OSError as error:
        listening.close()
        raise PortInUse(f"the status page cannot listen on {host}:{port}: {error.strerror}") from error
    return listening
