"""Hands go where they are sent, turn as they are told, and the head bows; on a made-up skeleton."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_cook import tiny_human

from training.synth.gestures import Gesture, posed
from training.synth.mesh import Part, moved, turn
from training.synth.posing import Pose, root_at, skinned, solved

HUMAN = tiny_human()


@given(st.sampled_from("lr"), st.floats(0.05, 0.35), st.floats(-0.4, -0.1), st.floats(1.0, 1.5), st.floats(0, 20))
def test_a_hand_within_reach_gets_there(side: str, x: float, y: float, z: float, lean: float) -> None:
    goal = np.array([x if side == "l" else -x, y, z])
    shoulder = HUMAN.joints[f"upperarm_{side}"][0]
    pose = Pose(hands={side: goal})
    wrist = moved(HUMAN.joints[f"hand_{side}"][0], solved(HUMAN, pose)[f"hand_{side}"])
    reach = 0.985 * sum(
        np.linalg.norm(HUMAN.joints[f"{b}_{side}"][0] - HUMAN.joints[f"{a}_{side}"][0])
        for a, b in (("upperarm", "lowerarm"), ("lowerarm", "hand"))
    )
    if np.linalg.norm(goal - shoulder) < reach:
        assert np.linalg.norm(wrist - goal) < 1e-6
    else:
        assert np.linalg.norm(wrist - shoulder) == pytest.approx(reach)


def test_a_hand_turns_exactly_as_told_and_stays_in_place() -> None:
    wanted = HUMAN.hand_turn("r", (0.2, -0.9, 0.4), (-0.5, -0.2, 0.8))
    goal = np.array([-0.2, -0.3, 1.2])
    bones = solved(HUMAN, Pose(hands={"r": goal}, hand_turns={"r": wanted}))
    assert np.allclose(bones["hand_r"][:3, :3], wanted, atol=1e-6)
    assert np.allclose(moved(HUMAN.joints["hand_r"][0], bones["hand_r"]), goal, atol=1e-6)


def test_hand_axes_are_a_right_angle_each() -> None:
    fingers, back, grip = HUMAN.hand_axes("r")
    assert fingers @ back == pytest.approx(0, abs=1e-9)
    assert fingers @ grip == pytest.approx(0, abs=1e-9)
    assert back @ grip == pytest.approx(0, abs=1e-9)


def test_a_turned_hand_points_its_fingers_there() -> None:
    fingers, back, _ = HUMAN.hand_axes("l")
    turned = HUMAN.hand_turn("l", (0, -1, 0), (0, 0, 1))
    assert np.allclose(turned @ fingers, [0, -1, 0], atol=1e-9)
    assert np.allclose(turned @ back, [0, 0, 1], atol=1e-9)


@given(st.floats(-20, 35), st.floats(-40, 40))
def test_the_head_bows_and_turns_by_its_angles(bow: float, aside: float) -> None:
    bones = solved(HUMAN, Pose(head_bow=bow, head_turn=aside))
    forward = bones["head"][:3, :3] @ np.array([0, -1.0, 0])
    assert np.degrees(np.arcsin(-forward[2])) == pytest.approx(bow, abs=abs(aside) * 0.2 + 1e-6)
    if abs(bow) < 1:
        assert np.degrees(np.arctan2(forward[0], -forward[1])) == pytest.approx(aside, abs=1)


def test_leaning_moves_the_head_forwards_not_the_feet() -> None:
    bones = solved(HUMAN, Pose(lean=20))
    assert moved(HUMAN.hc, bones["head"])[1] < HUMAN.hc[1] - 0.1
    assert np.allclose(bones["calf_l"], np.eye(4))


def test_a_pose_without_hands_has_the_same_head() -> None:
    pose = Pose(lean=8, twist=5, head_bow=12, head_turn=-9, hands={"r": np.array([-0.2, -0.3, 1.2])})
    assert np.allclose(solved(HUMAN, pose)["head"], solved(HUMAN, pose.without_hands())["head"])


def test_skin_that_follows_one_bone_moves_rigidly() -> None:
    v = np.array([[0, 0, 1.6], [0, -0.1, 1.6]])
    part = Part("x", v, HUMAN.rigid(2), [])
    bones = solved(HUMAN, Pose(head_turn=30, lean=10))
    assert np.allclose(skinned(HUMAN, part, bones), moved(v, bones["head"]))


def test_curled_fingers_stay_with_their_hand() -> None:
    straight, curled = (solved(HUMAN, Pose(curl={"r": angle}))["index_03_r"] for angle in (0.0, 60.0))
    assert not np.allclose(straight, curled)
    assert np.allclose(straight, np.eye(4))


def test_somebody_at_yaw_0_faces_the_camera_side() -> None:
    assert moved(np.array([0, -1.0, 0]), root_at(2, 3, 0)).tolist() == [2, 2, 0]
    assert np.allclose(moved(np.array([0, -1.0, 0]), root_at(0, 0, -np.pi / 2)), [-1, 0, 0])


@pytest.mark.parametrize("mode", ["mouth", "near", "chest", "cup", "nose", "lips", "chin", "cheek"])
def test_every_gesture_brings_the_right_hand_up(mode: str) -> None:
    gesture = Gesture(mode, 30.0, np.array([0.0, -0.05, -0.1]), HUMAN.mouth + np.array([0, -0.08, -0.1]))
    for seed in range(5):
        pose = posed(HUMAN, gesture, random.Random(seed))
        assert pose.hands["r"][2] > 1.1
        assert "r" in pose.hand_turns or mode == "chest"


def test_a_cigarette_at_the_mouth_touches_it() -> None:
    offset = np.array([-0.02, -0.06, -0.08])
    pose = posed(HUMAN, Gesture("mouth", 20.0, offset), random.Random(3))
    bones = solved(HUMAN, pose)
    filter_end = pose.hands["r"] + pose.hand_turns["r"] @ offset
    assert np.linalg.norm(filter_end - moved(HUMAN.mouth, bones["head"])) < 0.02


def test_the_shortest_arm_still_bends() -> None:
    goal = HUMAN.joints["upperarm_r"][0] + np.array([0.0, -0.12, 0])
    bones = solved(HUMAN, Pose(hands={"r": goal}))
    assert np.allclose(moved(HUMAN.joints["hand_r"][0], bones["hand_r"]), goal, atol=1e-6)


def test_turns_are_rotations() -> None:
    for bone in solved(
        HUMAN, Pose(lean=9, twist=20, head_bow=15, hands={"l": np.array([0.2, -0.3, 1.1])})
    ).values():
        assert np.allclose(bone[:3, :3] @ bone[:3, :3].T, np.eye(3), atol=1e-9)
    assert np.allclose(turn([0, 0, 1], 0), np.eye(3))
