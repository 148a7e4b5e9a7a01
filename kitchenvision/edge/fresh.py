"""What a camera begins with: a fresh line that watches it, and the ledger of its observed time."""

from datetime import datetime

from kitchenvision import __version__
from kitchenvision.build import Eyes, build_stages, chosen_rules, rule_settings
from kitchenvision.config import timezone_of
from kitchenvision.edge.line import Watch
from kitchenvision.edge.observed import ObservedLedger, Watched
from kitchenvision.edge.settings import CameraSection, EdgeSettings
from kitchenvision.evidence import Place
from kitchenvision.outbox import Outbox
from kitchenvision.pipeline import Pipeline
from kitchenvision.wire import canonical_json, content_hash


def new_watch(eyes: Eyes, all_settings: EdgeSettings, section: CameraSection, video: str, began: datetime) -> Watch:
    """A fresh line for one camera; `began` is the instant of media time 0 and names this run in every finding."""
    settings, rules = all_settings.of_camera(section), chosen_rules(None)
    stages = build_stages(eyes, rules, settings)
    place = Place(
        canteen_id=settings.canteen_id,
        camera_id=section.id,
        video=video,
        source_id=content_hash(canonical_json([settings.canteen_id, section.id, began.isoformat()])),
        captured_at_source="camera",
        model=eyes.model,
        software_version=__version__,
    )
    due = rule_settings(rules, settings, eyes.card)
    pipeline = Pipeline(stages, place, due, timezone_of(settings.timezone, "timezone"))
    return Watch(pipeline, stages.engine.building)


def new_ledger(settings: EdgeSettings, section: CameraSection, outbox: Outbox) -> ObservedLedger:
    """What counts the observed time of one camera; goes on where the last run was killed."""
    zones = settings.of_camera(section).zone_values(tuple(chosen_rules(None)))
    timezone = timezone_of(settings.timezone, "timezone")
    watched = Watched(settings.canteen_id, section.id, zones, timezone, settings.observed_minutes)
    return ObservedLedger(watched, settings.data / "observed" / f"{section.id}.json", outbox.put_observed)
