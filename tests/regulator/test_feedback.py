"""Promises of feedback: what a decision says for certain becomes a label that training reads, the rest does not."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.conftest import Regulator, made
from regulator.sample import boxes_at, drawn, sample, send
from regulator.test_case_pages import People
from typer.testing import CliRunner

from kitchenvision.cli import app
from kitchenvision.errors import SettingsError
from kitchenvision.regulator import history
from kitchenvision.regulator.access import EVERYTHING
from kitchenvision.regulator.blobs import LocalBlobStore
from kitchenvision.regulator.decisions import Step, Verdict
from kitchenvision.regulator.feedback import Example, Group, Meaning, examples, meaning_of
from kitchenvision.regulator.parts import now
from training.own_footage import own_pictures

CIGARETTE = (300.0, 120.0, 312.0, 126.0)


def decided(regulator: Regulator, *wanted: tuple[int, str, int | None]) -> None:
    """Violations by number, rule and reason (None: confirmed); those of smoking have a cigarette's box."""
    for number, rule_id, reason in wanted:
        boxes = boxes_at(sample(number).confirmed.captured_at)
        if rule_id == "smoking":
            boxes = boxes.model_copy(update={"cigarette_xyxy": CIGARETTE})
        one = sample(number, rule_id, boxes=boxes)
        send(regulator.client, regulator.token, [one])
        step = Step(Verdict.CONFIRMED) if reason is None else Step(Verdict.REJECTED, reason, "a note")
        with regulator.app.state.parts.database.writing() as session:
            history.decide(session, EVERYTHING, (one.violation_id, 0), step, 1, now())


def export(regulator: Regulator, out: Path, *words: str) -> str:
    """What the command prints; errors of settings are raised."""
    data = str(regulator.settings.data_dir)
    result = CliRunner().invoke(app, ["feedback", "export", "--out", str(out), "--data", data, *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize(
    ("rule_id", "reason", "expected"),
    [
        ("no_hat", None, (Group.OWN, Meaning.BARE)),
        ("no_hat", 1, (Group.OWN, Meaning.COVERED)),
        ("no_hat", 2, (Group.OWN, Meaning.NOT_HEAD)),
        ("no_hat", 3, (Group.OWN, Meaning.BARE)),
        ("no_hat", 5, (Group.OWN, Meaning.HAT_UNSEEN)),
        ("no_hat", 6, (Group.TO_LABEL, None)),
        ("no_mask", None, (Group.TO_LABEL, None)),
        ("no_mask", 1, (Group.OWN, Meaning.MASK_WORN)),
        ("no_mask", 5, (Group.OWN, Meaning.MASK_UNSEEN)),
        ("smoking", None, (Group.OWN, Meaning.CIGARETTE)),
        ("smoking", 2, (Group.OWN, Meaning.NOT_HEAD)),
        ("smoking", 4, (Group.NO_CIGARETTE, None)),
        ("smoking", 5, (Group.TO_LABEL, None)),
        ("rats", 1, (Group.TO_LABEL, None)),
    ],
)
def test_what_a_decision_says_of_the_box(
    rule_id: str, reason: int | None, expected: tuple[Group, Meaning | None]
) -> None:
    assert meaning_of(rule_id, reason, cigarette=True) == expected


def test_smoking_without_the_box_of_a_cigarette_is_for_a_person_to_label() -> None:
    assert meaning_of("smoking", None, cigarette=False) == (Group.TO_LABEL, None)


def test_the_set_is_read_by_training(regulator: Regulator, tmp_path: Path) -> None:
    decided(
        regulator,
        (1, "no_hat", 1),
        (2, "no_hat", 2),
        (3, "smoking", None),
        (4, "smoking", 4),
        (5, "no_mask", 1),
        (6, "no_hat", 6),
    )
    out = tmp_path / "set"
    export(regulator, out, "--confirmed", "1")
    boxes = {
        picture.file.rsplit("/", 1)[1].split(".")[0]: picture.boxes[0] for picture in own_pictures(out / "own")
    }
    assert {sample(n).violation_id for n in (1, 2, 3, 5)} == set(boxes)
    worn, pot, cigarette, mask = (boxes[sample(n).violation_id] for n in (1, 2, 3, 5))
    assert (worn.kind, worn.hat, worn.mask) == ("head", "covered", None)
    assert worn.xyxy == pytest.approx(boxes_at(now()).head_xyxy, abs=0.01)
    assert pot.kind == "not_head"
    assert cigarette.kind == "cigarette"
    assert cigarette.xyxy == pytest.approx(CIGARETTE, abs=0.01)
    assert (mask.hat, mask.mask) == (None, "worn")
    (clean,) = own_pictures(out / "own-no-cigarette")
    assert (clean.boxes, clean.known["cigarette"], clean.known["head"]) == ([], "all", "none")
    assert (clean.width, clean.height) == (121, 261)
    assert [path.stem for path in (out / "to-label" / "images").iterdir()] == [sample(6).violation_id]


def test_the_cut_shows_the_person_and_nothing_else(regulator: Regulator, tmp_path: Path) -> None:
    decided(regulator, (4, "smoking", 4))
    export(regulator, tmp_path / "set")
    (path,) = (tmp_path / "set" / "own-no-cigarette" / "images").iterdir()
    sent = drawn(4, boxes_at(sample(4).confirmed.captured_at))
    whole = cv2.imdecode(np.frombuffer(sent, np.uint8), cv2.IMREAD_COLOR)
    assert (cv2.imread(str(path)) == whole[80:341, 220:341]).all()


def test_overturned_pictures_are_in_it_with_the_reason_that_was_given(regulator: Regulator, tmp_path: Path) -> None:
    people = People(regulator)
    address = people.open_case()
    people.post(people.chef, f"{address}/answer", kind="appealed", words="戴着帽子")
    ruled = people.post(people.li, f"{address}/ruling", kind="overturned", words="戴着帽子", reason="1")
    assert ruled.status_code == 303
    export(regulator, tmp_path / "set", "--confirmed", "0")
    (picture,) = own_pictures(tmp_path / "set" / "own")
    assert picture.boxes[0].hat == "covered"


def test_nothing_open_or_undecidable_is_in_it_and_confirmed_ones_only_by_their_share(
    regulator: Regulator, tmp_path: Path
) -> None:
    decided(regulator, *((number, "no_hat", None) for number in range(1, 9)))
    send(regulator.client, regulator.token, [sample(20)])
    assert export(regulator, tmp_path / "none", "--confirmed", "0") == "nothing was decided yet\n"
    with regulator.app.state.parts.database.reading() as session:
        shares = [{one.violation_id for one in examples(session, EVERYTHING, share)} for share in (0.3, 0.6, 1.0)]
    assert shares[0] <= shares[1] <= shares[2] == {sample(number).violation_id for number in range(1, 9)}
    assert shares[0] != shares[2]


def test_the_table_says_where_each_picture_comes_from_and_names_no_person(
    regulator: Regulator, tmp_path: Path
) -> None:
    decided(regulator, (1, "no_hat", 1))
    export(regulator, tmp_path / "set")
    text = (tmp_path / "set" / "feedback.csv").read_text("utf-8")
    (row,) = csv.DictReader(text.splitlines())
    assert (row["rule_id"], row["reason"], row["meaning"]) == ("no_hat", "1", "covered")
    assert (tmp_path / "set" / row["file"]).is_file()
    assert "admin" not in text


def test_a_folder_that_holds_something_is_left_alone(regulator: Regulator, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(SettingsError, match="not empty"):
        export(regulator, tmp_path)


def test_the_export_leaves_an_upload_of_the_running_service_alone(tmp_path: Path) -> None:
    with made(tmp_path) as regulator:
        folder = regulator.settings.data_dir / "blobs"
        half = folder / "incoming" / "half"
        half.write_bytes(b"on its way")
        export(regulator, tmp_path / "set")
        assert half.is_file()
    LocalBlobStore(folder)
    assert not half.exists()


@given(st.tuples(*[st.floats(-50, 700)] * 4))
def test_a_label_never_leaves_the_picture(box: tuple[float, float, float, float]) -> None:
    x0, x1, y0, y1 = *sorted(box[:2]), *sorted(box[2:])
    one = examples_of((x0, y0, x1, y1))
    number, cx, cy, width, height = (float(word) for word in one.split())
    assert number == 1
    assert cx - width / 2 + 1e-5 >= 0
    assert cx + width / 2 <= 1 + 1e-5
    assert cy - height / 2 + 1e-5 >= 0
    assert cy + height / 2 <= 1 + 1e-5


def examples_of(box: tuple[float, float, float, float]) -> str:
    """The label of a bare head there, in a picture of 640 x 360."""
    at = sample().confirmed.captured_at
    one = Example(
        "v", "c", "k", "no_hat", at, at, None, Group.OWN, Meaning.BARE, box, (640, 360), "a", "image/jpeg"
    )
    return one.label
