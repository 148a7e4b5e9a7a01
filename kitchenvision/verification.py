"""Whether written evidence is still what was written: every hash, of facts, pictures, trace and clip."""

import json
from pathlib import Path

from kitchenvision.wire import canonical_json, content_hash

# Whatever somebody put there: one bad folder must not end the check of the others.
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, RecursionError)


def verify_folder(folder: Path) -> list[str]:
    """What is wrong with a written evidence folder; empty when every hash fits."""
    path = folder / "evidence.json"
    try:
        sealed = json.loads(path.read_bytes())
        facts, expected = sealed["facts"], sealed["evidence_sha256"]
        files, found = dict(facts["files"]), content_hash(canonical_json(facts))
    except _UNREADABLE as error:
        return [f"{path}: cannot be read: {error}"]
    problems = []
    if found != expected:
        problems.append(f"{path}: the facts do not have the hash {str(expected)[:12]}...")
    for role, name in (("snapshot", "snapshot.jpg"), ("head_crop", "head.jpg"), ("trace", "trace.json")):
        file = folder / name
        if not file.is_file():
            problems.append(f"{file}: missing")
        elif content_hash(file.read_bytes()) != files.get(role):
            problems.append(f"{file}: not the bytes that the facts name")
    return problems + _verify_clip(folder, str(expected))


def _verify_clip(folder: Path, evidence_sha256: str) -> list[str]:
    """The same for the clip, which is made later than the facts; a violation may have none."""
    path = folder / "clip.json"
    if not path.exists():
        return [f"{file}: belongs to no clip.json" for file in sorted(folder.glob("clip.*"))]
    try:
        seal = json.loads(path.read_bytes())
        clip, expected, owner = folder / Path(seal["file"]).name, seal["sha256"], seal["evidence_sha256"]
    except _UNREADABLE as error:
        return [f"{path}: cannot be read: {error}"]
    problems = [] if owner == evidence_sha256 else [f"{path}: belongs to other evidence"]
    if not clip.is_file():
        problems.append(f"{clip}: missing")
    elif content_hash(clip.read_bytes()) != expected:
        problems.append(f"{clip}: not the bytes that clip.json names")
    return problems
