"""Runs in a cluster, by Kubeflow Pipelines."""

from __future__ import annotations

from functools import cached_property

from pipelines import compiled
from pipelines.fleet.starter import Order, Outcome
from pipelines.fleet.state import FAILED, SUCCEEDED
from pipelines.kubeflow import runs, versions
from pipelines.kubeflow.connection import Connection
from pipelines.kubeflow.versions import Version
from pipelines.profile import Profile


class Kubeflow:
    """The pipeline is compiled and uploaded once, when the first run needs it; its runs differ by their arguments."""

    def __init__(self, profile: Profile, connection: Connection, form: compiled.Form) -> None:
        """Takes where runs run, and whether they roll out the champion; asks nothing yet."""
        self._profile, self._connection, self._form = profile, connection, form
        self.place = connection.host

    def tracking(self, camera: str) -> str:
        """See Starter."""
        return self._profile.tracking_uri

    def find(self, camera: str, key: str) -> str:
        """See Starter."""
        return runs.find(self._connection, self._profile, key)

    def start(self, order: Order) -> str:
        """See Starter."""
        settings = order.settings.config
        asked = compiled.Wanted(order.source, order.camera, settings, base_model=order.base_model)
        arguments = compiled.arguments(asked, self._profile, self._form, self._revision)
        return runs.start(self._connection, self._profile, self._version, order.key, arguments)

    def look(self, camera: str, run: str) -> Outcome:
        """See Starter."""
        state = runs.look(self._connection, run, runs.STEPS)
        if state.state not in runs.ENDED:
            return Outcome("")
        return Outcome(SUCCEEDED) if state.state in runs.WELL else Outcome(FAILED, runs.fault(state))

    @cached_property
    def _revision(self) -> str:
        from pipelines.local import revision

        return revision()

    @cached_property
    def _version(self) -> Version:
        return versions.upload(self._connection, compiled.compile_pipeline(self._profile, self._form))
