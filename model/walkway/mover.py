"""One person or vehicle on its way through the picture."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot, pi, sin

from model.walkway.camera import Camera
from model.walkway.canvas import Canvas, Sprite
from model.walkway.figures import RUN, STAND, STRIDE, WALK, Gait, Look, person
from model.walkway.vehicles import bicycle, cart, skater

VEHICLES = {"bicycle": bicycle, "cart": cart, "skater": skater}
GAITS: dict[str, Gait] = {"walking": WALK, "standing": STAND, "crossing": WALK, "running": RUN}
CYCLES = {
    "bicycle": 4.5,
    "cart": 1.7,
    "skater": 6.0,
    "running": 2.4,
    "standing": 1.0,
}  # metres in one turn of the phase


@dataclass(frozen=True)
class Mover:
    """Someone or something that goes straight over the ground."""

    category: str  # "" where normal
    kind: str
    look: Look
    start: tuple[float, float]  # ground point (X, Z) in metres at time `begin`
    velocity: tuple[float, float]  # metres/s
    begin: float  # seconds
    seconds: float  # from start to end
    phase: float  # radians

    def position(self, time: float) -> tuple[float, float] | None:
        """Ground point (X, Z) in metres, or None before the start and after the end."""
        elapsed = time - self.begin
        if not 0 <= elapsed <= self.seconds:
            return None
        sway = 0.06 * sin(0.9 * elapsed + self.phase)
        return (
            self.start[0] + self.velocity[0] * elapsed - sway * self.velocity[1],
            self.start[1] + self.velocity[1] * elapsed + sway * self.velocity[0],
        )

    def sprite(self, camera: Camera, time: float) -> Sprite | None:
        """The mover as the camera sees it, or None where it is not there."""
        place = self.position(time)
        if place is None:
            return None
        column, row, scale = camera.project(*place)
        speed = hypot(*self.velocity)
        heading = (self.velocity[0] / speed, self.velocity[1] / speed)
        turn = 2 * pi * speed * (time - self.begin) / CYCLES.get(self.kind, STRIDE * self.look.size)
        gait = GAITS.get(self.kind)
        if gait is not None:
            canvas = Canvas((column, row), scale * self.look.size, heading)
            person(canvas, self.look, gait, turn + self.phase)
            return canvas.sprite()
        canvas = Canvas((column, row), scale, heading, (1.6, 2.1, 0.8))
        VEHICLES[self.kind](canvas, self.look, turn + self.phase)
        return canvas.sprite()
