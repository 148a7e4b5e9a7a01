"""Processes of a model that looks along which do what a test wants."""

import os
import time

from kitchenvision.edge.settings import EdgeSettings
from kitchenvision.edge.shadow_link import Way


def lives(settings: EdgeSettings, way: Way) -> None:
    """Until it is ended."""
    time.sleep(600)


def dies(settings: EdgeSettings, way: Way) -> None:
    """As native code does."""
    os._exit(139)
