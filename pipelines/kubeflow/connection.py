"""A connection to the API of Kubeflow Pipelines; its faults become one line for the user."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from model.errors import BadInput
from pipelines.profile import Profile

IN_CLUSTER = "http://ml-pipeline.kubeflow.svc.cluster.local:8888"
TOKEN, COOKIE = "KFP_TOKEN", "KFP_COOKIE"  # of the environment
# Of what may be asked twice; a run that was perhaps started is not started again.
RETRIES = urllib3.Retry(
    total=5, status_forcelist=(429, 502, 503, 504), backoff_factor=0.5, backoff_max=10, raise_on_status=False
)
FEW = urllib3.Retry(1, status_forcelist=(503,), raise_on_status=False)  # for whoever comes again anyway
EQUALS = 1  # of KFP's filters
PAGE = 100  # of a listing


class Connection:
    """The services of the API; every call belongs into a `with connection.answering(...)`."""

    def __init__(self, profile: Profile, retries: urllib3.Retry = RETRIES) -> None:
        """Reads the credentials; asks nothing yet.

        Raises:
            BadInput: there are none where the profile wants some.
        """
        import kfp_server_api as api

        self.host = (profile.kfp.endpoint or IN_CLUSTER).rstrip("/")
        self.ui = (profile.kfp.ui or self.host).rstrip("/")
        settings = api.Configuration(host=self.host)
        settings.retries = retries
        cookie = _authenticate(settings, profile.kfp.auth)
        client = api.ApiClient(settings, cookie=cookie)
        self.runs = api.RunServiceApi(client)
        self.recurring = api.RecurringRunServiceApi(client)
        self.experiments = api.ExperimentServiceApi(client)
        self.pipelines = api.PipelineServiceApi(client)
        self.uploads = api.PipelineUploadServiceApi(client)
        self._health, self._wanted = api.HealthzServiceApi(client), profile.namespace
        self._namespace: str | None = None  # not asked for yet

    def namespace(self) -> str:
        """That of the profile where the installation has several users, else "": it refuses any other then."""
        if self._namespace is None:
            with self.answering("to say how it is"):
                several = self._health.healthz_service_get_healthz().multi_user
            if several and not self._wanted:
                raise BadInput("expected namespace in the profile: this Kubeflow has several users. Received: none")
            self._namespace = self._wanted if several else ""
        return self._namespace

    def link(self, run: str) -> str:
        """Of a run, for a browser."""
        return f"{self.ui}/#/runs/details/{run}"

    @contextmanager
    def answering(self, what: str) -> Iterator[None]:
        """Turns what the client raises into BadInput.

        Args:
            what: was wanted, for example "to start a run".
        """
        from kfp_server_api import ApiException

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # the client asks urllib3 in an old way
                yield
        except ApiException as e:
            raise BadInput(f"expected Kubeflow Pipelines {what}. Received: HTTP {e.status}, {_reason(e)}") from e
        except HTTPError as e:
            cause = " ".join(str(getattr(e, "reason", None) or e).split())
            raise BadInput(f"expected Kubeflow Pipelines to answer at {self.host}. Received: {cause}") from e
        except AttributeError as e:  # the client fails at its own error where TLS did
            if not isinstance(e.__context__, ApiException):
                raise
            cause = " ".join(str(e.__context__.reason).split())
            raise BadInput(f"expected Kubeflow Pipelines to answer at {self.host}. Received: {cause}") from e


def named(name: str) -> str:
    """KFP's filter for one name."""
    return json.dumps({"predicates": [{"operation": EQUALS, "key": "display_name", "stringValue": name}]})


def _authenticate(settings: Any, kind: str) -> str | None:
    """Puts a token into the client's settings; gives the cookie, where it is one."""
    if kind == "cookie":
        return _environment(COOKIE, kind)
    if kind == "service-account":
        from kfp.client.set_volume_credentials import ServiceAccountTokenVolumeCredentials

        settings.api_key["authorization"] = "read anew for every request"
        settings.refresh_api_key_hook = _refreshing(ServiceAccountTokenVolumeCredentials())
    elif kind == "gcp":
        from kfp.client.auth import get_gcp_access_token

        token = get_gcp_access_token()
        if not token:
            raise BadInput("expected Google's application default credentials for kfp.auth: gcp. Received: none")
        settings.api_key["authorization"] = token
    elif kind == "token":
        settings.api_key["authorization"] = _environment(TOKEN, kind)
    if settings.api_key:
        settings.api_key_prefix["authorization"] = "Bearer"
    return None


def _refreshing(credentials: Any) -> Any:
    def refresh(settings: Any) -> None:
        try:
            credentials.refresh_api_key_hook(settings)
        except OSError as e:
            raise BadInput(f"expected a projected token for kfp.auth: service-account. Received: {e}") from e

    return refresh


def _environment(name: str, kind: str) -> str:
    found = os.environ.get(name, "").strip()
    if not found:
        raise BadInput(f"expected {name} in the environment for kfp.auth: {kind}. Received: none")
    return found


def _reason(error: Any) -> str:
    """The API's own sentence, where it gave one."""
    try:
        data = json.loads(error.body)
        said = str(data.get("message") or data["error_message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        said = str(error.reason)
    return " ".join(said.split())[:300]
