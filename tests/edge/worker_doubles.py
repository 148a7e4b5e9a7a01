"""Worker processes that do what a test wants: tell, die, or fall silent. Cameras' names say which."""

import os
import time
from multiprocessing.connection import Connection

from kitchenvision.edge.job import Job
from kitchenvision.edge.state import CameraState


def obedient(job: Job, link: Connection) -> None:
    """Tells ten times a second until told to stop; a camera called ``abort`` ends it as native code does."""
    while True:
        if link.poll():
            said = link.recv()
            if not isinstance(said, Job):
                return
            job = said
        link.send([CameraState(each, each, "rtsp://camera", "live", fps=5.0) for each in job.camera_ids])
        if "abort" in job.camera_ids:
            os.abort()
        time.sleep(0.1)


def deaf(job: Job, link: Connection) -> None:
    """Never ends by itself, whatever it is told."""
    link.send([CameraState(each, each, "rtsp://camera", "live") for each in job.camera_ids])
    time.sleep(600)
