# Here: a release as a user of Microsoft's azure-ai-ml makes it, against our mock: what its MLClient reads is asserted at every step, and
# what the mock holds at the end. Then the same with answers that are spoilt, each of which a step must see.
# Not here: the mock behind TLS (mock.py), single requests (judge.py).
# Reads: the program mock_workspace, which is the first argument.

import json
import logging
import os
import sys
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO

from capture import Authority, Server
from mock import Mock

SCOPE = ("s", "rg", "wsp")
W = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/wsp"
URI = "azureml://jobs/{}/outputs/artifacts/paths/model"


def model_id(version):
    return f"{W}/models/churn/versions/{version}"


def raises(kind, call, *texts):
    """The call must fail so, and say this."""
    try:
        call()
    except kind as error:
        said = str(error)
        for text in texts:
            assert text in said, f"{text!r} is not in {said!r}"
        return error
    raise AssertionError(f"no {kind.__name__} came")


class Flow:
    """The steps, in their order; each is a method, and its first line says what is shown."""

    def __init__(self, mock, client, folder):
        self.mock, self.folder = mock, folder
        self.client, self.models = client, client.models
        self.endpoints, self.deployments = client.online_endpoints, client.online_deployments

    def run(self, say):
        """All steps; gives the name of the one that fails, and why."""
        for name, step in vars(type(self)).items():
            if name[0] != "_" and name != "run":
                began = time.monotonic()
                try:
                    # Its poller prints full stops.
                    with redirect_stdout(StringIO()):
                        step(self)
                except Exception as error:  # whatever the client makes of it
                    return name, error
                say(f"  {name.replace('_', ' ')}: {time.monotonic() - began:.1f} s")
        return None, None

    def workspace_is_read(self):
        workspace = self.client.workspaces.get("wsp")
        assert (workspace.name, workspace.location, workspace.id) == ("wsp", "westeurope", W)
        assert workspace.mlflow_tracking_uri.endswith(W)

    def versions_are_registered_and_counted(self):
        from azure.ai.ml.entities import Model

        for expected in ("1", "2", "3"):
            made = self.models.create_or_update(Model(
                name="churn", path=URI.format(f"job-{expected}"), type="mlflow_model", description="d", tags={"n": expected}))
            assert (made.name, made.version, made.tags, made.path) == ("churn", expected, {"n": expected}, URI.format(f"job-{expected}"))
        named = self.models.create_or_update(Model(name="churn", version="10", path=URI.format("job-10"), type="mlflow_model"))
        assert (named.version, named.id) == ("10", model_id("10"))
        events = self.mock.tell("events")
        assert [event["subject"] for event in events] == [f"models/churn:{version}" for version in ("1", "2", "3", "10")]

    def versions_are_read(self):
        from azure.core.exceptions import ResourceNotFoundError

        read = self.models.get("churn", version="2")
        assert (read.type, read.description, read.tags, read.stage) == ("mlflow_model", "d", {"n": "2"}, None)
        assert read.creation_context.created_at.year >= 2026 and read.creation_context.created_by
        assert self.models.get("churn", label="latest").version == "10"
        raises(ResourceNotFoundError, lambda: self.models.get("churn", version="99"), "(UserError)", "ModelNotFound")
        raises(ResourceNotFoundError, lambda: self.models.get("lost", version="1"), "ModelNotFound")

    def a_version_that_is_written_again_is_no_newer(self):
        from azure.core.exceptions import HttpResponseError

        read = self.models.get("churn", version="1")
        read.tags["stage"] = "old"
        assert self.models.create_or_update(read).tags == {"n": "1", "stage": "old"}
        assert self.models.get("churn", label="latest").version == "10"
        from azure.ai.ml.entities import Model

        other = Model(name="churn", version="1", path=URI.format("another"), type="mlflow_model")
        raises(HttpResponseError, lambda: self.models.create_or_update(other), "Asset path cannot be changed")

    def lists_have_pages(self):
        before = self.mock.tell("n-requests", "GET")
        assert [model.version for model in self.models.list("churn")] == ["1", "2", "3", "10"]
        assert self.mock.tell("n-requests", "GET") - before == 2, "two to the page"
        self.mock.tell("register", "scores", "1")
        self.mock.tell("register", "income", "1")
        assert [(model.name, model.latest_version) for model in self.models.list()] == [("churn", "10"), ("income", "1"), ("scores", "1")]

    def a_version_is_archived_and_restored(self):
        self.models.archive("churn", version="10")
        assert self.mock.tell("model", "churn", "10")["isArchived"] is True
        assert [model.version for model in self.models.list("churn")] == ["1", "2", "3"]
        assert [model.version for model in self.models.list("churn", list_view_type="ArchivedOnly")] == ["10"]
        assert self.models.get("churn", label="latest").version == "3"
        self.models.restore("churn", version="10")
        assert len(list(self.models.list("churn", list_view_type="All"))) == 4
        assert self.models.get("churn", label="latest").version == "10"

    def a_model_is_archived_and_restored(self):
        self.models.archive("income")
        assert [model.name for model in self.models.list()] == ["churn", "scores"]
        self.models.restore("income")
        assert [model.name for model in self.models.list()] == ["churn", "income", "scores"]

    def an_endpoint_is_created(self):
        from azure.ai.ml.entities import ManagedOnlineEndpoint
        from azure.core.exceptions import ResourceNotFoundError

        raises(ResourceNotFoundError, lambda: self.endpoints.get("credit"), "ResourceNotFound")
        made = self.endpoints.begin_create_or_update(ManagedOnlineEndpoint(
            name="credit", auth_mode="key", description="d", tags={"k": "v"})).result(timeout=60)
        assert (made.name, made.auth_mode, made.provisioning_state) == ("credit", "key", "Succeeded")
        assert (made.location, made.tags, made.traffic) == ("westeurope", {"k": "v"}, {})
        assert made.scoring_uri == f"{self.mock.base}/score/credit"
        assert made.identity.principal_id and made.identity.tenant_id
        assert [endpoint.name for endpoint in self.endpoints.list()] == ["credit"]

    def a_deployment_is_created(self):
        made = self.deployments.begin_create_or_update(self._deployment("blue", "1")).result(timeout=60)
        assert (made.name, made.model, made.provisioning_state) == ("blue", model_id("1"), "Succeeded")
        assert (made.instance_type, made.instance_count) == ("Standard_DS3_v2", 1)
        read = self.deployments.get("blue", "credit")
        assert (read.model, read.endpoint_name, read.request_settings.request_timeout_ms) == (model_id("1"), "credit", 5000)
        assert self.endpoints.get("credit").traffic == {"blue": 0}

    def traffic_is_given(self):
        self._split(blue=100)
        assert self.mock.tell("traffic", "credit", "blue") == 100

    def a_model_is_released(self):
        blue = self.deployments.get("blue", "credit")
        blue.model = "azureml:churn:2"
        changed = self.deployments.begin_create_or_update(blue).result(timeout=60)
        assert (changed.model, changed.provisioning_state) == (model_id("2"), "Succeeded")
        latest = self._deployment("blue", "1")
        latest.model = "churn@latest"
        assert self.deployments.begin_create_or_update(latest).result(timeout=60).model == model_id("10")

    def a_second_deployment_takes_a_share(self):
        from azure.core.exceptions import HttpResponseError

        self.deployments.begin_create_or_update(self._deployment("green", "3")).result(timeout=60)
        assert [deployment.name for deployment in self.deployments.list("credit")] == ["blue", "green"]
        self._split(blue=90, green=10)
        endpoint = self.endpoints.get("credit")
        endpoint.traffic = {"blue": 90, "green": 20}
        raises(HttpResponseError, lambda: self.endpoints.begin_create_or_update(endpoint), "does not sum to 100")
        endpoint.traffic = {"blue": 90, "grey": 10}
        raises(HttpResponseError, lambda: self.endpoints.begin_create_or_update(endpoint), "does not exist")

    def keys_are_read_and_made_anew(self):
        keys = self.endpoints.get_keys("credit")
        self.endpoints.begin_regenerate_keys("credit", key_type="secondary").result(timeout=60)
        again = self.endpoints.get_keys("credit")
        assert keys.primary_key == again.primary_key and keys.secondary_key != again.secondary_key

    def logs_are_read(self):
        logs = self.deployments.get_logs("green", "credit", 50)
        assert model_id("3") in logs and len(logs.splitlines()) > 1, logs
        assert len(self.deployments.get_logs("green", "credit", 1).splitlines()) == 1
        assert "fetched" in self.deployments.get_logs("green", "credit", 5, container_type="storage-initializer")

    def the_endpoint_is_asked(self):
        from azure.ai.ml.exceptions import ValidationException

        file = f"{self.folder}/request.json"
        with open(file, "w", encoding="utf-8") as request:
            request.write('{"input_data": [[1, 2]]}')
        asked = json.loads(self.endpoints.invoke("credit", request_file=file))
        assert asked == {"deployment": "blue", "model": model_id("10")}, asked
        asked = json.loads(self.endpoints.invoke("credit", request_file=file, deployment_name="green"))
        assert asked == {"deployment": "green", "model": model_id("3")}, asked
        raises(ValidationException, lambda: self.endpoints.invoke("credit", request_file=file, deployment_name="grey"), "grey")

    def a_failure_is_told(self):
        from azure.core.exceptions import HttpResponseError

        self.mock.tell("fail", "ResourceNotReady")
        poller = self.deployments.begin_create_or_update(self._deployment("green", "2"))
        error = raises(HttpResponseError, lambda: poller.result(timeout=60), "ResourceNotReady")
        assert error.error.code == "ResourceNotReady" and poller.status() == "Failed"
        failed = self.deployments.get("green", "credit")
        assert (failed.provisioning_state, failed.model) == ("Failed", model_id("2"))
        # It is put right by the same again.
        assert self.deployments.begin_create_or_update(self._deployment("green", "2")).result(timeout=60).provisioning_state == "Succeeded"

    def an_operation_excludes_another(self):
        from azure.core.exceptions import ResourceExistsError

        self.mock.tell("operations", 1500, "status")
        poller = self.deployments.begin_create_or_update(self._deployment("green", "3"))
        assert self.deployments.get("green", "credit").provisioning_state == "Updating"
        raises(ResourceExistsError, lambda: self.deployments.begin_create_or_update(self._deployment("blue", "3")), "Conflict")
        assert not poller.done()
        assert poller.result(timeout=60).model == model_id("3")
        self.mock.tell("operations", 300, "status")

    def throttling_is_overcome(self):
        before, began = self.mock.tell("n-requests", "GET"), time.monotonic()
        self.mock.tell("throttle", 2, 1)
        assert self.models.get("churn", version="3").version == "3"
        assert self.mock.tell("n-requests", "GET") - before == 3
        assert time.monotonic() - began >= 2, "it waits as long as it is told"

    def a_lost_answer_is_made_good(self):
        self.mock.tell("lose-answers", 1)
        before = self.mock.tell("n-requests", "PUT")
        read = self.models.get("churn", version="3")
        read.tags["lost"] = "found"
        assert self.models.create_or_update(read).tags["lost"] == "found"
        assert self.mock.tell("n-requests", "PUT") - before == 2

    def a_deployment_is_deleted(self):
        from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

        raises(HttpResponseError, lambda: self.deployments.begin_delete("green", "credit").result(timeout=60), "with traffic")
        self._split(blue=100)
        self.deployments.begin_delete("green", "credit").result(timeout=60)
        raises(ResourceNotFoundError, lambda: self.deployments.get("green", "credit"))
        assert [deployment.name for deployment in self.deployments.list("credit")] == ["blue"]

    def events_are_subscribed_to_and_delivered(self):
        from azure.ai.ml.entities import Model
        from azure.core.exceptions import ResourceNotFoundError
        from azure.mgmt.eventgrid import EventGridManagementClient
        from azure.mgmt.eventgrid import models as events
        from calls import Credential

        subscriptions = EventGridManagementClient(Credential(), "s", base_url=self.mock.base).event_subscriptions
        heard = []

        def webhook(handler):
            told = json.loads(handler.read_body())
            heard.extend(told)
            codes = [event["data"]["validationCode"] for event in told if event["eventType"].endswith("SubscriptionValidationEvent")]
            handler.send(200, [], json.dumps({"validationResponse": codes[0]}).encode() if codes else b"")

        # The mock speaks plainly on loopback, and to nobody else.
        address = Server(webhook).base.replace("localhost", "127.0.0.1") + "/events?code=secret"
        destination = events.WebHookEventSubscriptionDestination(endpoint_url=address, max_events_per_batch=1)
        poller = subscriptions.begin_create_or_update(
            W, "relay", events.EventSubscription(destination=destination, event_delivery_schema="EventGridSchema"), polling_interval=1)
        assert self.mock.tell("validate") == 1
        made = poller.result(timeout=30)
        assert (made.name, made.provisioning_state, made.destination.endpoint_url) == ("relay", "Succeeded", None)
        assert made.destination.endpoint_base_url == address.split("?")[0] and made.topic.lower() == W.lower()
        assert (made.retry_policy.max_delivery_attempts, made.destination.max_events_per_batch) == (30, 1)
        assert subscriptions.get_full_url(W, "relay").endpoint_url == address
        listed = subscriptions.list_by_resource("rg", "Microsoft.MachineLearningServices", "workspaces", "wsp")
        assert [subscription.name for subscription in listed] == ["relay"]

        self.mock.tell("events")
        self.models.create_or_update(Model(name="churn", path=URI.format("job-11"), type="mlflow_model", tags={"by": "flow"}))
        assert self.mock.tell("deliver") == [200]
        assert (heard[-1]["subject"], heard[-1]["data"]["modelTags"]) == ("models/churn:11", {"by": "flow"}), heard
        subscriptions.begin_delete(W, "relay", polling_interval=1).result(timeout=30)
        raises(ResourceNotFoundError, lambda: subscriptions.get(W, "relay"))

    def the_mock_holds_what_was_written(self):
        assert self.mock.tell("deployment", "credit", "blue") == {"model": model_id("10"), "state": "Succeeded"}
        assert self.mock.tell("deployment", "credit", "green") is None
        assert [self.mock.tell("traffic", "credit", name) for name in ("blue", "green")] == [100, 0]
        model = self.mock.tell("model", "churn", "3")
        assert (model["modelUri"], model["tags"]) == (URI.format("job-3"), {"n": "3", "lost": "found"})
        assert self.mock.tell("model", "churn", "99") is None

    def an_endpoint_is_deleted(self):
        from azure.core.exceptions import ResourceNotFoundError

        self.endpoints.begin_delete("credit").result(timeout=60)
        raises(ResourceNotFoundError, lambda: self.endpoints.get("credit"))
        assert not list(self.endpoints.list())
        assert self.mock.tell("deployment", "credit", "blue") is None

    def another_token_is_refused(self):
        from azure.core.exceptions import ClientAuthenticationError

        self.mock.tell("require-token", "another")
        raises(ClientAuthenticationError, lambda: self.models.get("churn", version="3"), "InvalidAuthenticationToken")

    def _deployment(self, name, version):
        from azure.ai.ml.entities import ManagedOnlineDeployment

        return ManagedOnlineDeployment(name=name, endpoint_name="credit", model=f"azureml:churn:{version}",
                                       instance_type="Standard_DS3_v2", instance_count=1)

    def _split(self, **shares):
        endpoint = self.endpoints.get("credit")
        endpoint.traffic = shares
        changed = self.endpoints.begin_create_or_update(endpoint).result(timeout=60)
        assert {name: share for name, share in changed.traffic.items() if share} == shares
        assert changed.provisioning_state == "Succeeded"


def spoilt(at, place, other):
    """Spoils one place of the answers to this: `METHOD /end-of-path`."""
    method, end = at.split(" ")

    def spoil(asked, path, body):
        path = path.split("?")[0]
        if asked != method or not path.endswith(end):
            return body
        inner = {"": body}
        *way, last = [""] + place.split(".")
        for step in way:
            if isinstance(inner, list):
                inner = dict(enumerate(inner)).get(int(step))
            else:
                inner = inner.get(step) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and last in inner:
            inner[last] = other
        return body

    return spoil


def operations_lie(_, path, body):
    return {**body, "status": "Succeeded"} if "/mfeOperationsStatus/" in path else body


def lists_end_early(_, __, body):
    return {name: value for name, value in body.items() if name != "nextLink"} if isinstance(body, dict) else body


CREDIT = "/onlineEndpoints/credit"
# What is told wrongly, and the step that must see it.
SPOILT = [
    (spoilt("GET /wsp", "location", "eastus"), "workspace_is_read"),
    (spoilt("GET /models/churn", "properties.nextVersion", "1"), "versions_are_registered_and_counted"),
    (spoilt("PUT /versions/1", "properties.modelUri", "azureml://other"), "versions_are_registered_and_counted"),
    (spoilt("GET /versions/2", "properties.tags", {}), "versions_are_read"),
    (spoilt("GET /versions/99", "error.details", []), "versions_are_read"),
    (spoilt("PUT /versions/1", "error.message", "no"), "a_version_that_is_written_again_is_no_newer"),
    (lists_end_early, "lists_have_pages"),
    (spoilt(f"GET {CREDIT}", "properties.provisioningState", "Creating"), "an_endpoint_is_created"),
    (spoilt(f"GET {CREDIT}", "identity", None), "an_endpoint_is_created"),
    (spoilt(f"GET {CREDIT}/deployments/blue", "properties.model", model_id("1")), "a_model_is_released"),
    (spoilt(f"GET {CREDIT}/deployments/blue", "properties.requestSettings", None), "a_deployment_is_created"),
    (spoilt(f"GET {CREDIT}", "properties.traffic", {}), "traffic_is_given"),
    (spoilt(f"GET {CREDIT}/deployments", "value.1.name", "grey"), "a_second_deployment_takes_a_share"),
    (spoilt(f"POST {CREDIT}/listKeys", "secondaryKey", "k"), "keys_are_read_and_made_anew"),
    (spoilt("POST /getLogs", "content", ""), "logs_are_read"),
    (spoilt("POST /score/credit", "deployment", "red"), "the_endpoint_is_asked"),
    (operations_lie, "a_failure_is_told"),
]


def flow(program, authority, folder, name, operations, spoil=None):
    """A mock of its own, and a client of it."""
    from azure.ai.ml import MLClient
    from azure.ai.ml.constants._endpoint import EndpointInvokeFields
    from calls import Credential

    # It keeps the deployment that was asked last for whoever asks next, in whatever workspace.
    EndpointInvokeFields.DEFAULT_HEADER.pop(EndpointInvokeFields.MODEL_DEPLOYMENT, None)
    mock = Mock(program, authority, spoil)
    # A cloud of its own beside those that MLClient knows.
    cloud = {"azure_portal": "https://portal.azure.com/", "resource_manager": f"{mock.base}/", "storage_endpoint": "core.windows.net",
             "active_directory": "https://login.microsoftonline.com/", "aml_resource_id": "https://ml.azure.com/",
             "registry_discovery_endpoint": f"{mock.base}/"}
    os.environ.pop("AZUREML_CURRENT_CLOUD", None)
    client = MLClient(Credential(), *SCOPE, enable_telemetry=False, cloud=name, cloud_metadata=cloud)
    mock.tell("operations", operations, "status")
    mock.tell("page-size", 2)
    return mock, Flow(mock, client, folder)


def main(program):
    complaints = []
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(folder)
        os.environ["REQUESTS_CA_BUNDLE"] = authority.certificate
        mock, steps = flow(program, authority, folder, "Loopback", 300)
        failed, why = steps.run(print)
        mock.end()
        if failed:
            complaints.append(f"{failed}: {type(why).__name__}: {why}")
        for n, (spoil, expected) in enumerate(SPOILT):
            mock, steps = flow(program, authority, folder, f"Loopback{n}", 0, spoil)
            failed, _ = steps.run(lambda _: None)
            mock.end()
            if failed != expected or mock.n_spoilt == 0:
                complaints.append(f"answers spoilt in way {n} ({mock.n_spoilt}) are seen by {failed}, not by {expected}")
    print(f"release by MLClient: {len(complaints)} complaints; {len(SPOILT)} ways to spoil the answers were tried")
    return complaints


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    found = main(sys.argv[1])
    for complaint in found:
        print(complaint, file=sys.stderr)
    sys.exit(1 if found else 0)
