"""Real renders, where Blender and the assets are: twins, their truth, and a run that goes on."""

import json
from pathlib import Path

import pytest

pytest.importorskip("bpy", reason="Blender is in the environment of training/synth only")
ASSETS = Path(__file__).resolve().parents[3] / "runs" / "synth" / "assets"
if not (ASSETS / "mpfb2").is_dir():
    pytest.skip("training/synth/setup has not fetched the assets", allow_module_level=True)

from training.synth.__main__ import main  # noqa: E402
from training.synth.images import read_image  # noqa: E402


@pytest.mark.slow
def test_twins_are_rendered_with_their_truth_and_only_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["heads", "--out", str(tmp_path), "--seeds", "8", "10", "--recipe", "dark-caps", "--samples", "1"]
    command += ["--assets", str(ASSETS), "--force", "light=normal", "view=front"]
    assert main(command) == 0
    covered, bare = (json.loads(line) for line in (tmp_path / "crops.jsonl").read_text("utf-8").splitlines())
    assert (covered["scene"], covered["yaw_deg"]) == (bare["scene"], bare["yaw_deg"])
    assert covered["skull"] == bare["skull"]
    assert covered["hat"] != "none"
    assert covered["hat_px"] > 100
    assert (bare["hat"], bare["hat_px"]) == ("none", 0)
    assert bare["hair_px"] > covered["hair_px"]
    for row in (covered, bare):
        picture = read_image(tmp_path / row["file"])
        assert picture.shape == (192, 192, 3)
        assert picture.std() > 5
        x0, y0, x1, y1 = row["head"]
        assert 0 <= x0 < x1 <= 192
        assert 0 <= y0 < y1 <= 192
    capsys.readouterr()
    assert main(command) == 0
    assert "0 crops" in capsys.readouterr().out
