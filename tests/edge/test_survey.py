"""What `camera check` concludes: parts of the picture, sizes, light, and one sentence for each thing to change."""

import re
from dataclasses import replace

import numpy as np
import pytest
from builders import look, mask, track

from kitchenvision.build import chosen_rules
from kitchenvision.edge.advice_words import ADVICE_WORDS
from kitchenvision.edge.gate import HEIGHT, WIDTH, Luma
from kitchenvision.edge.survey import Survey, Surveyor, grade, part_of, why_not
from kitchenvision.types import HeadLook, Track, Zone

RULES = chosen_rules(None)
SETTINGS = {rule_id: rule.defaults for rule_id, rule in RULES.items()}
SIZE = (1920, 1080)
LEFT = Zone("left", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)), ("no_hat", "no_mask"))
RIGHT = Zone("right", ((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)), ("no_hat",))


def luma(level: int = 120) -> Luma:
    return np.full((HEIGHT, WIDTH), level, np.int16)


def sized(px: float) -> HeadLook:
    """A look at a head of so many pixels."""
    return look(head_px=px)


def surveyed(
    *seen: tuple[Track, HeadLook], frames: int = 10, level: int = 120, zones: tuple[Zone, ...] = ()
) -> Survey:
    """So many equal frames."""
    surveyor = Surveyor(RULES, SETTINGS, zones)
    for i in range(frames):
        surveyor.add(i / 2, SIZE, luma(level), seen)
    return surveyor.result()


@pytest.mark.parametrize(
    ("point", "name"), [((0, 0), "A1"), ((1919, 1079), "F4"), ((2500, -3), "F1"), ((960, 540), "D3")]
)
def test_parts_are_named_like_a_chessboards(point: tuple[float, float], name: str) -> None:
    """Also a head whose middle is outside of the picture is somewhere."""
    assert part_of(point, SIZE) == name


def test_large_heads_in_good_light_need_no_advice() -> None:
    """The sentence "nothing to change" must be possible."""
    survey = surveyed((track(px=60), sized(60)))
    assert survey.advice == ()
    assert (survey.heads, survey.frames, survey.seconds) == (10, 10, 4.5)
    (part,) = survey.parts
    assert (part.heads, part.px, set(part.judged.values())) == (10, 60.0, {1.0})
    assert grade(part) == "all"


def test_a_head_between_two_rules_sizes_serves_one_and_the_advice_says_how_much_is_missing() -> None:
    """20 pixels: enough for a hat (18), not for a mask (22) or a cigarette (24)."""
    survey = surveyed((track(px=20), sized(20)))
    (part,) = survey.parts
    assert part.judged == {"no_hat": 1.0, "no_mask": 0.0, "smoking": 0.0}
    words = {rule.rule_id: why_not(part, rule) for rule in survey.rules}
    assert words == {"no_hat": "ok", "no_mask": "small", "smoking": "small"}
    assert grade(part) == "some"
    mask, smoking = survey.sentences()
    assert mask.startswith("no_mask needs heads of 22 pixels; in ")
    assert "zoom in 1.1 times" in mask
    assert "91% of the distance" in mask
    assert "more pixels" not in mask  # it is a main stream already
    assert smoking.startswith("smoking")


def test_nobody_seen_asks_for_somebody_to_walk() -> None:
    """An empty kitchen says nothing of its camera."""
    survey = surveyed()
    assert survey.sharpness is None
    assert [line for line in survey.sentences() if "walk through" in line]


def test_people_who_turn_their_backs_and_blurred_heads_are_told() -> None:
    """Both look like large heads to whoever only counts pixels."""
    turned = surveyed((track(px=60), replace(sized(60), mask=mask(none=0.1, cannot=0.8))))
    assert any("turned away" in line and line.startswith("no_mask") for line in turned.sentences())
    blurred = surveyed((track(px=60), replace(sized(60), sharpness=0.2)))
    assert any("wipe the lens" in line for line in blurred.sentences())


@pytest.mark.parametrize(("level", "words"), [(20, "dark"), (255, "burnt white"), (120, "")])
def test_light_is_told(level: int, words: str) -> None:
    """Too little and too much."""
    advice = surveyed((track(px=60), sized(60)), level=level).sentences()
    assert words in " ".join(advice)
    assert len(advice) == bool(words)


def test_a_zone_is_told_where_nobody_stood_and_where_heads_are_too_small() -> None:
    """The zones decide where a rule is due, so that is where heads must be large enough."""
    survey = surveyed((track(x=300, px=20), sized(20)), zones=(LEFT, RIGHT))
    by_zone = {(zone.zone, zone.rule_id): zone for zone in survey.zones}
    assert by_zone[("left", "no_hat")].judged == 10
    assert by_zone[("left", "no_mask")].judged == 0
    assert by_zone[("right", "no_hat")].heads == 0
    assert any(line.startswith("Nobody stood in right") for line in survey.sentences())
    assert any(line.startswith("In left no_mask is due") for line in survey.sentences())


def numbers(sentence: str) -> set[str]:
    """That stand in it, with their per cent."""
    return {number.strip(".") for number in re.findall(r"[0-9.]*[0-9][0-9.]*%?", sentence)}


def test_the_advice_is_there_in_chinese_with_the_same_numbers() -> None:
    """A rule stands in it by its name and by the id that settings use."""
    survey = surveyed((track(x=300, px=20), sized(20)), zones=(LEFT, RIGHT), level=20)
    english, chinese = survey.sentences("en"), survey.sentences("zh")
    assert len(english) == len(chinese) == len(survey.advice) >= 4
    for one, other in zip(english, chinese, strict=True):
        assert any("一" <= sign <= "鿿" for sign in other), other
        assert numbers(one) == numbers(other)
    assert any("未戴口罩（no_mask）要求头部至少 22 像素" in line for line in chinese)
    assert not any("name" in line or "{" in line for line in chinese)
    assert survey.row("zh")["advice"] == chinese
    assert survey.row()["advice"] == english


def test_every_advice_has_both_languages() -> None:
    """And what stands in it in one may stand in it in the other; a rule's name is in Chinese only."""
    for key, texts in ADVICE_WORDS.items():
        fields = {language: set(re.findall(r"{(\w+)}", text)) - {"name"} for language, text in texts.items()}
        assert fields["en"] == fields["zh"], key
        assert "{name}" not in texts["en"]
