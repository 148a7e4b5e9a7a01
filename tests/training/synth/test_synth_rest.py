"""The kitchen, the camera's look, the texture cache, the command line, and who may import Blender."""

import ast
import gzip
import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from test_synth_mesh import open_edges

from training.labels import rendered_heads
from training.synth import __main__ as command
from training.synth.bodies import Assets, AssetsMissing, BaseBody, metres, read_garment, read_obj, unpacked
from training.synth.casting import LIGHTS
from training.synth.cctv import crop_shot
from training.synth.images import read_image
from training.synth.kitchen import Room, Table, chamfered, furnished
from training.synth.sheet import write_sheet
from training.synth.textures import detail, small

SYNTH = Path(__file__).resolve().parents[3] / "training" / "synth"
ROW = {
    **{
        "file": "000001.webp",
        "seed": 1,
        "hat": "cap",
        "hat_colour": [0.01, 0.01, 0.01],
        "hat_px": 300,
        "mask": "on",
    },
    **{"head": [60, 60, 110, 120], "face_visible": True, "yaw_deg": 10.0, "head_hidden_by_scene": 0.0},
    **{"effective_head_px": 40.0, "render_head_px": 60.0, "hair": "short"},
    "cigarette": {"where": "none", "held": False, "box": None, "visible_fraction": 0.0, "length_px": 0.0},
}


def test_a_box_with_broken_edges_is_closed_and_as_large_as_asked() -> None:
    v, faces = chamfered((2.0, 1.0, 0.4))
    assert open_edges(faces) == 0
    assert np.ptp(v, axis=0) == pytest.approx([2, 1, 0.4])


def test_thin_boxes_do_not_turn_inside_out() -> None:
    v, _ = chamfered((1.0, 1.0, 0.004))
    assert np.ptp(v[:, 2]) == pytest.approx(0.004)
    assert (np.abs(v) <= [0.5, 0.5, 0.002]).all()


@pytest.mark.parametrize("seed", [0, 5, 36])
def test_a_kitchen_is_the_same_by_the_same_seed_and_stays_in_its_walls(seed: int) -> None:
    one, other = furnished(seed), furnished(seed)
    assert all((a[0] == b[0]).all() for a, b in zip(one.solids, other.solids, strict=True))
    every = np.concatenate([v for v, _, _ in one.solids])
    assert (every.min(0) > -0.35).all()
    assert (every.max(0) < np.array([one.width, one.depth, one.height]) + 0.35).all()
    assert one.lamps
    assert all(lamp.at[2] == pytest.approx(one.height - 0.06) for lamp in one.lamps)


def test_a_scene_gets_its_table() -> None:
    room = furnished(3, Table(2.5, 4.0, 2.0, 0.75))
    assert room.island == Table(2.5, 4.0, 2.0, 0.75)
    tops = [v for v, _, _ in room.solids if np.ptp(v, axis=0) == pytest.approx([2.0, 0.75, 0.04])]
    assert len(tops) == 1


@pytest.mark.parametrize(("along", "axis"), [("x", 0), ("y", 1), ("z", 2)])
def test_a_cylinder_lies_along_its_axis(along: str, axis: int) -> None:
    room = Room(5, 5, 3)
    room.cylinder((1, 2, 1), (0.1, 0.1), 0.8, furnished(1).solids[0][2], along)
    assert np.ptp(room.solids[0][0], axis=0)[axis] == pytest.approx(0.8)


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("scale", [0.2, 1.0])
def test_a_shot_has_the_crops_size_and_is_the_same_by_the_same_seed(light: str, scale: float) -> None:
    clean = np.random.default_rng(3).integers(0, 255, (192, 192, 3)).astype(np.uint8)
    one, again = (crop_shot(clean, scale, light, np.random.default_rng(9)) for _ in range(2))
    assert one.image.shape == (192, 192, 3)
    assert one.image.dtype == np.uint8
    assert (one.image == again.image).all()
    assert 34 <= one.quality < 90


def test_infrared_is_grey() -> None:
    clean = np.zeros((192, 192, 3), np.uint8)
    clean[:, :96] = (20, 40, 220)
    image = crop_shot(clean, 1.0, "infrared", np.random.default_rng(1)).image.astype(int)
    assert np.abs(image[..., 0] - image[..., 2]).mean() < 6


def test_a_small_shot_has_lost_its_detail() -> None:
    clean = np.zeros((192, 192, 3), np.uint8)
    clean[::2] = 255
    rough, fine = (crop_shot(clean, s, "normal", np.random.default_rng(2)).image.std(0).mean() for s in (0.15, 1.0))
    assert rough < fine


def test_textures_are_made_small_once(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "big.png"), np.full((2048, 2048, 3), 80, np.uint8))
    first = small(tmp_path / "big.png", "colour", tmp_path / "cache")
    assert read_image(first).shape == (1024, 1024, 3)
    stamp = first.stat().st_mtime_ns
    assert small(tmp_path / "big.png", "colour", tmp_path / "cache").stat().st_mtime_ns == stamp


def test_detail_is_grey_from_a_half_to_one() -> None:
    image = np.random.default_rng(1).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    out = detail(image, np.ones((64, 64), bool))
    assert out.min() >= 127
    assert (out[..., 0] == out[..., 2]).all()


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_text("no")
    with pytest.raises(FileNotFoundError, match="not a picture"):
        read_image(tmp_path / "x.png")


def test_missing_assets_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(AssetsMissing, match="training/synth/setup"):
        Assets(tmp_path).path("mpfb2/3dobjs/base.obj")
    (tmp_path / "makehuman").mkdir()
    with pytest.raises(AssetsMissing, match="no skin"):
        Assets(tmp_path).skins("young", "asian", "male")


def test_a_body_file_is_read_by_groups(tmp_path: Path) -> None:
    (tmp_path / "b.obj").write_text(
        "v 1 2 3\nv 0 0 1\nv 0 1 0\nvt 0.5 0.25\ng skin\nf 1/1 2/1 3/1\n\ng joint\nf 1 2 3\n"
    )
    v, uv, groups = read_obj(tmp_path / "b.obj")
    assert v.shape == (3, 3)
    assert uv.tolist() == [[0.5, 0.25]]
    assert groups["skin"] == [([0, 1, 2], [0, 0, 0])]
    assert groups["joint"] == [([0, 1, 2], [0, 0, 0])]
    assert metres([1.0, 2.0, 3.0]).tolist() == pytest.approx([0.1, -0.3, 0.2])


@pytest.fixture
def tiny_assets(tmp_path: Path) -> Assets:
    """A body of four vertices with two bones and one target."""
    mpfb = tmp_path / "mpfb2"
    (mpfb / "3dobjs").mkdir(parents=True)
    lines = ["v 0 0 0", "v 1 0 0", "v 1 1 0", "v 0 1 0", "vt 0 0", "g body", "f 1/1 2/1 3/1 4/1"]
    (mpfb / "3dobjs/base.obj").write_text("\n".join([*lines, "g joint-a", "f 1 2 3"]))
    (mpfb / "rigs/standard").mkdir(parents=True)
    rig = {"bones": {"head": {"parent": "pelvis"}, "pelvis": {"parent": None}}}
    (mpfb / "rigs/standard/rig.game_engine.json").write_text(json.dumps(rig))
    weights = {"weights": {"head": [[2, 0.5], [3, 0.25]], "pelvis": [[0, 1.0], [3, 0.75]]}}
    (mpfb / "rigs/standard/weights.game_engine.json").write_text(json.dumps(weights))
    (mpfb / "targets/nose").mkdir(parents=True)
    with gzip.open(mpfb / "targets/nose/longer.target.gz", "wt", encoding="utf-8") as out:
        out.write("# moves one vertex\n2 0 0.5 0\n")
    return Assets(tmp_path)


def test_a_body_has_parents_before_children_and_weights_that_sum_to_one(tiny_assets: Assets) -> None:
    body = BaseBody(tiny_assets)
    assert body.bones == ["pelvis", "head"]
    assert body.weights.sum(1) == pytest.approx(1)
    assert body.weights[2].tolist() == [0, 1]
    assert body.weights[1].tolist() == [1, 0], "what follows nothing follows the pelvis"
    assert body.weights[3].tolist() == pytest.approx([0.75, 0.25])
    assert body.joints == {"joint-a": [0, 1, 2]}
    assert body.body_faces[0].tolist() == [[0, 1, 2, 3]]


def test_a_target_moves_its_vertices(tiny_assets: Assets) -> None:
    body = BaseBody(tiny_assets)
    assert body.targets("nose") == ["nose/longer"]
    assert body.target("nose/longer").tolist() == [[0, 0, 0], [0, 0, 0], [0, 0.5, 0], [0, 0, 0]]


def test_packed_faces_are_unpacked_by_their_bits() -> None:
    """A quad with material and UVs, then a plain triangle."""
    faces, uv_faces = unpacked([1 | 2 | 8, 0, 1, 2, 3, 9, 4, 5, 6, 7, 0, 1, 2, 3])
    assert faces == [[0, 1, 2, 3], [1, 2, 3]]
    assert uv_faces == [[4, 5, 6, 7]]


def test_a_garment_names_its_pictures(tmp_path: Path) -> None:
    raw = {
        **{"ref_vIdxs": [[0, 1, 2]], "weights": [[1, 0, 0]], "offsets": [[0, 0, 0]], "faces": [0, 0, 0, 0]},
        **{"uvs": [[0, 0]], "materials": [{"mapDiffuse": "a.png"}]},
    }
    garment = read_garment(raw, tmp_path)
    assert garment.texture == str(tmp_path / "a.png")
    assert garment.normals is None


def test_a_row_is_what_training_reads() -> None:
    seen, clean = rendered_heads(ROW, held_out=False)
    assert seen.boxes[0].hat == clean.boxes[0].hat == "covered"
    assert seen.boxes[0].mask == "worn"
    assert seen.file == "synth/heads/000001.webp"


def test_a_sheet_shows_the_last_crops(tmp_path: Path) -> None:
    rows = [{**ROW, "file": f"{i}.png", "seed": i} for i in range(5)]
    for row in rows:
        cv2.imwrite(str(tmp_path / str(row["file"])), np.full((192, 192, 3), 50, np.uint8))
    (tmp_path / "crops.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert write_sheet(tmp_path, tmp_path / "sheet.png", columns=2, count=3) == 3
    assert read_image(tmp_path / "sheet.png").shape == (384, 384, 3)


def test_a_wrong_force_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["heads", "--out", str(tmp_path), "--seeds", "0", "1", "--force", "hat=fez"]) == 2
    assert "toque" in capsys.readouterr().err


def test_without_blender_it_says_where_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(_: str) -> SimpleNamespace:
        raise ModuleNotFoundError("No module named 'bpy'", name="bpy")

    monkeypatch.setattr(command.importlib, "import_module", missing)
    assert command.main(["clip", "G1", "--out", str(tmp_path)]) == 2
    assert "README" in capsys.readouterr().err


def test_a_time_of_day_becomes_a_moment() -> None:
    assert command.until(None) is None
    noon, later = command.until("12:00"), command.until("12:30")
    assert noon is not None
    assert later == noon + 1800


def test_only_the_blender_folder_imports_blender() -> None:
    wrong = []
    for path in SYNTH.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            heavy = [
                n
                for n in names
                if n.split(".")[0] in ("bpy", "mathutils") or n.startswith("training.synth.blender")
            ]
            if heavy and path.parent.name != "blender":
                wrong.append(f"{path.name}:{node.lineno}: {heavy}")
    assert not wrong


def test_modules_are_small() -> None:
    long = {path.name: n for path in SYNTH.rglob("*.py") if (n := len(path.read_text("utf-8").splitlines())) > 350}
    assert not long
