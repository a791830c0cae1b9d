"""The engine's models as KServe knows them."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import Any

import kserve
from kserve.protocol.dataplane import DataPlane

from serving.describe import inputs, outputs
from serving.engine import Engine

PLATFORM = "unforeseen"


class Camera(kserve.Model):
    """One model as KServe knows it, with KServe's own metrics around the work of a worker thread."""

    def __init__(self, name: str, engine: Engine) -> None:
        super().__init__(name)
        self._engine = engine

    async def healthy(self) -> bool:
        """Whether a request would be answered at once."""
        return self._engine.ready(self.name)

    async def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:
        """Waits for work that is under way; the event loop goes on meanwhile."""
        return await payload

    async def get_input_types(self) -> list[dict[str, Any]]:
        """For the metadata."""
        return inputs(await asyncio.to_thread(self._engine.describe, self.name))

    async def get_output_types(self) -> list[dict[str, Any]]:
        """For the metadata."""
        return outputs(await asyncio.to_thread(self._engine.describe, self.name))


class Cameras(kserve.ModelRepository):
    """KServe's view of the models that there are now."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.models: dict[str, Camera] = {}
        self._engine = engine

    def get_models(self) -> dict[str, Any]:
        """By name."""
        self.models = {name: self.models.get(name) or Camera(name, self._engine) for name in self._engine.models()}
        return self.models

    def get_model(self, name: str) -> Any:
        """None where there is no such model."""
        return self.models.get(name) or self.get_models().get(name)


class Plane(DataPlane):
    """KServe's data plane, which by itself calls a server ready whatever it does."""

    open = False  # from loaded to stopping

    def metadata(self) -> dict[str, Any]:
        """Of the server."""
        return {"name": PLATFORM, "version": version(PLATFORM), "extensions": ["binary_tensor_data"]}

    async def ready(self) -> bool:
        """For readiness probes."""
        return self.open
