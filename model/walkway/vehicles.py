"""What does not belong on the walkway: bicycle, cart and skateboard, each with its rider."""

from __future__ import annotations

from math import cos, pi, sin

from model.walkway.canvas import Canvas, Colour, Point, shade
from model.walkway.figures import Look, limb, torso

RUBBER: Colour = (26, 26, 28)
METAL: Colour = (168, 170, 174)


def bicycle(canvas: Canvas, look: Look, phase: float) -> None:
    """A rider who pedals; `phase` (radians) turns the cranks."""
    for hub in (-0.54, 0.54):
        rim = _circle(hub, 0.0, 0.34, 14)
        canvas.outline(rim, 0.07, RUBBER)
        canvas.line(rim[0], rim[7], 0.02, METAL)
        canvas.line(rim[3], rim[10], 0.02, METAL)
    crank, saddle, bars = (0.0, 0.0, 0.32), (-0.2, 0.0, 0.9), (0.4, 0.0, 0.98)
    _pedalling_leg(canvas, look, phase, canvas.far)
    paint = shade(look.top, 0.8)
    for start, end in ((crank, saddle), (saddle, bars), (crank, bars), (saddle, (-0.54, 0, 0.34))):
        canvas.line(start, end, 0.06, paint)
    canvas.line(bars, (0.54, 0, 0.34), 0.06, paint)
    _pedalling_leg(canvas, look, phase + pi, -canvas.far)
    chest = (0.16, 0.0, 1.42)
    torso(canvas, look, (-0.18, 0, 1.0), chest)
    shoulder = (chest[0], -0.18 * canvas.far, chest[2] - 0.08)
    limb(canvas, (shoulder, (0.3, shoulder[1], 1.16), bars), 0.11, shade(look.top, 0.85), look.skin)


def skater(canvas: Canvas, look: Look, phase: float) -> None:
    """Someone who glides on a skateboard: bent knees, arms out, no steps; `phase` (radians) sways the body."""
    sway = 0.05 * sin(phase)
    for axle in (-0.3, 0.3):
        canvas.disc((axle, 0, 0.05), 0.06, RUBBER)
    canvas.line((-0.42, 0, 0.13), (0.42, 0, 0.13), 0.06, (176, 116, 60))
    hip, chest = (-0.06, 0.0, 0.84), (0.06 + sway, 0.0, 1.32)
    for foot in (0.26, -0.26):
        knee = (foot + 0.1, 0.0, 0.5)
        limb(canvas, (hip, knee, (foot, 0, 0.19)), 0.18, look.trousers, shade(look.trousers, 0.85))
    torso(canvas, look, (hip[0], 0, hip[2] + 0.04), chest)
    for reach in (0.52, -0.48):
        hand = (chest[0] + reach, 0.0, chest[2] - 0.12 - sway)
        elbow = (chest[0] + reach / 2, 0.0, chest[2] - 0.16)
        limb(canvas, ((chest[0], 0, chest[2] - 0.08), elbow, hand), 0.11, shade(look.top, 0.85), look.skin)


def cart(canvas: Canvas, look: Look, phase: float) -> None:
    """A small electric utility cart with a driver under a roof; `phase` (radians) turns the wheels."""
    body = shade(look.top, 1.0) if max(look.top) > 150 else (226, 226, 220)
    far, near = 0.58 * canvas.far, -0.58 * canvas.far
    for axle in (-0.8, 0.8):
        canvas.polygon(_circle(axle, far, 0.27, 12), RUBBER)
    posts = [(f, s, z) for s in (far, near) for f in (-0.35, 0.75) for z in (0.8, 1.85)]
    _box(canvas, (-1.25, 1.2), 0.58, (0.25, 0.6), body)
    canvas.line(posts[0], posts[1], 0.06, METAL)
    canvas.line(posts[2], posts[3], 0.06, METAL)
    _box(canvas, (-1.25, -0.4), 0.56, (0.6, 0.95), shade(body, 0.75))  # load bed
    canvas.line((-0.1, 0, 0.8), (0.3, 0, 0.8), 0.2, look.trousers)
    torso(canvas, look, (-0.12, 0, 0.85), (-0.05, 0, 1.3))
    limb(canvas, ((-0.05, near / 3, 1.2), (0.2, near / 3, 1.02), (0.45, near / 3, 1.1)), 0.11, look.top, look.skin)
    _box(canvas, (0.6, 1.2), 0.56, (0.6, 0.9), body)  # bonnet
    canvas.line(posts[4], posts[5], 0.06, METAL)
    canvas.line(posts[6], posts[7], 0.06, METAL)
    _box(canvas, (-0.5, 0.85), 0.6, (1.85, 1.93), (236, 234, 226))
    for axle in (-0.8, 0.8):
        canvas.polygon(_circle(axle, near, 0.27, 12), RUBBER)
        canvas.polygon(_circle(axle, near, 0.12, 8), METAL)
        spoke = (0.2 * cos(phase), 0.2 * sin(phase))
        canvas.line((axle - spoke[0], near, 0.27 - spoke[1]), (axle + spoke[0], near, 0.27 + spoke[1]), 0.05, METAL)


def _pedalling_leg(canvas: Canvas, look: Look, phase: float, side: float) -> None:
    across = 0.1 * side
    foot = (0.17 * cos(-phase), across, 0.34 + 0.17 * sin(-phase))
    hip = (-0.18, across, 0.98)
    knee = ((hip[0] + foot[0]) / 2 + 0.24, across, (hip[2] + foot[2]) / 2 + 0.1)
    light = 0.7 if side == canvas.far else 1.0
    limb(canvas, (hip, knee, foot), 0.16, shade(look.trousers, light), shade(look.trousers, 0.9 * light))


def _circle(forward: float, across: float, radius: float, corners: int) -> list[Point]:
    """A wheel on the ground, in the plane of travel."""
    angles = [2 * pi * corner / corners for corner in range(corners)]
    return [(forward + radius * cos(angle), across, radius + radius * sin(angle)) for angle in angles]


def _box(canvas: Canvas, ends: tuple[float, float], half: float, levels: tuple[float, float], paint: Colour) -> None:
    """The three faces of a box that the camera sees: one side, one end, the top."""
    (back, front), (low, high) = ends, levels
    near = -half * canvas.far
    end = front if canvas.heading[1] < 0 else back
    canvas.polygon([(end, -half, low), (end, half, low), (end, half, high), (end, -half, high)], shade(paint, 0.62))
    canvas.polygon([(back, near, low), (front, near, low), (front, near, high), (back, near, high)], shade(paint, 0.82))
    canvas.polygon([(back, -half, high), (front, -half, high), (front, half, high), (back, half, high)], paint)
