"""The real regulator in a process of its own: ``python -m faults.regulator_process DATA PORT``."""

import sys
from pathlib import Path

from kitchenvision.regulator.serve import serve
from kitchenvision.regulator.settings import RegulatorSettings


def main() -> None:
    """Serve on loopback until killed; prints ``ready`` once requests are answered."""
    settings = RegulatorSettings(data_dir=Path(sys.argv[1]), port=int(sys.argv[2]))
    serve(settings, on_ready=lambda _: print("ready", flush=True))


if __name__ == "__main__":
    main()
