"""People: how they look, and one figure in one moment of its step."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin

import numpy as np

from model.walkway.canvas import Canvas, Colour, Point, shade

TOPS: tuple[Colour, ...] = (
    (196, 48, 44),
    (38, 62, 122),
    (232, 230, 222),
    (44, 44, 48),
    (70, 118, 84),
    (226, 176, 64),
    (122, 78, 132),
    (112, 148, 190),
    (148, 140, 130),
    (206, 124, 132),
)
TROUSERS: tuple[Colour, ...] = ((44, 56, 88), (36, 36, 40), (146, 128, 100), (92, 92, 98), (70, 84, 120), (88, 66, 52))
SKIN: tuple[Colour, ...] = ((236, 196, 170), (206, 158, 124), (150, 104, 76), (98, 66, 50))
HAIR: tuple[Colour, ...] = ((38, 28, 24), (74, 50, 34), (150, 116, 70), (20, 20, 22), (140, 136, 132))
THIGH = SHIN = 0.46  # metres, of a person of 1.75 m
STRIDE = 1.5  # metres walked in one cycle of both legs


@dataclass(frozen=True)
class Look:
    """What stays the same about a person through a clip."""

    size: float  # body height over 1.75 m
    build: float  # torso width, metres
    top: Colour
    trousers: Colour
    skin: Colour
    hair: Colour
    bag: Colour | None
    skirt: bool


@dataclass(frozen=True)
class Gait:
    """How the body moves; angles in radians."""

    thigh: float  # largest swing
    knee: float  # largest bend
    elbow: float
    lean: float
    bounce: float  # metres


WALK = Gait(thigh=0.42, knee=0.7, elbow=0.25, lean=0.03, bounce=0.0)
RUN = Gait(thigh=0.85, knee=1.6, elbow=1.5, lean=0.22, bounce=0.09)
STAND = Gait(thigh=0.03, knee=0.0, elbow=0.15, lean=0.0, bounce=0.0)


def draw_look(rng: np.random.Generator) -> Look:
    """A person at random."""

    def pick(colours: tuple[Colour, ...]) -> Colour:
        return shade(colours[rng.integers(len(colours))], rng.uniform(0.85, 1.1))

    return Look(
        size=float(np.clip(rng.normal(1.0, 0.07), 0.8, 1.15)),
        build=rng.uniform(0.28, 0.4),
        top=pick(TOPS),
        trousers=pick(TROUSERS),
        skin=pick(SKIN),
        hair=pick(HAIR),
        bag=pick(TOPS) if rng.random() < 0.4 else None,
        skirt=bool(rng.random() < 0.15),
    )


def person(canvas: Canvas, look: Look, gait: Gait, phase: float) -> None:
    """A standing, walking or running figure; `phase` (radians) is where in the cycle of both legs it is."""
    hip = (THIGH + SHIN) * cos(gait.thigh * sin(phase)) + gait.bounce * abs(cos(phase))
    chest = (0.5 * sin(gait.lean), 0.0, hip + 0.5 * cos(gait.lean))
    far = canvas.far
    _arm(canvas, look, gait, phase, chest, far)
    _leg(canvas, look, gait, phase, hip, far)
    _leg(canvas, look, gait, phase, hip, -far)
    if look.skirt:
        canvas.line((0, 0, hip - 0.28), (0, 0, hip - 0.05), look.build + 0.08, shade(look.top, 0.85))
    if look.bag:
        canvas.line((chest[0] - 0.2, 0, hip + 0.12), (chest[0] - 0.2, 0, chest[2] - 0.1), 0.24, look.bag)
    torso(canvas, look, (0, 0, hip + 0.06), chest)
    _arm(canvas, look, gait, phase, chest, -far)


def torso(canvas: Canvas, look: Look, hip: Point, chest: Point) -> None:
    """Upper body and head between hip and chest."""
    canvas.line(hip, (chest[0], 0, chest[2] - 0.1), look.build, look.top)
    neck = (chest[0] + 0.03, 0.0, chest[2] + 0.06)
    canvas.line((neck[0], 0, neck[2] - 0.04), neck, 0.12, shade(look.skin, 0.8))
    canvas.disc((neck[0] + 0.02, 0, neck[2] + 0.15), 0.135, look.hair)
    canvas.disc((neck[0] + 0.05, 0, neck[2] + 0.11), 0.1, look.skin)


def limb(canvas: Canvas, points: tuple[Point, Point, Point], width: float, upper: Colour, lower: Colour) -> None:
    """Two strokes joined at a knee or an elbow."""
    canvas.line(points[0], points[1], width, upper)
    canvas.line(points[1], points[2], 0.8 * width, lower)


def _leg(canvas: Canvas, look: Look, gait: Gait, phase: float, hip: float, side: float) -> None:
    own = phase + (0 if side > 0 else pi)
    swing, bend = gait.thigh * sin(own), gait.knee * max(0.0, cos(own))
    across = 0.09 * side
    knee = (THIGH * sin(swing), across, hip - THIGH * cos(swing))
    ankle = (knee[0] + SHIN * sin(swing - bend), across, knee[2] - SHIN * cos(swing - bend) + 0.05)
    light = 0.7 if side == canvas.far else 1.0
    lower = look.skin if look.skirt else look.trousers
    limb(canvas, ((0, across, hip), knee, ankle), 0.17, shade(look.trousers, light), shade(lower, light))
    canvas.line(ankle, (ankle[0] + 0.14, across, ankle[2] - 0.02), 0.09, (40 * light, 36 * light, 34 * light))


def _arm(canvas: Canvas, look: Look, gait: Gait, phase: float, chest: Point, side: float) -> None:
    swing = -1.1 * gait.thigh * sin(phase + (0 if side > 0 else pi))
    across = side * (look.build / 2 + 0.02)
    shoulder = (chest[0], across, chest[2] - 0.06)
    elbow = (shoulder[0] + 0.27 * sin(swing), across, shoulder[2] - 0.27 * cos(swing))
    hand = (elbow[0] + 0.25 * sin(swing + gait.elbow), across, elbow[2] - 0.25 * cos(swing + gait.elbow))
    light = 0.65 if side == canvas.far else 0.9
    limb(canvas, (shoulder, elbow, hand), 0.12, shade(look.top, light), shade(look.skin, light))
