# Here: the calls by Microsoft's own Python clients, each under the name that the same call has in every_call.rs of aml-client.
# Not here: the answers (answers.py), the comparison (compare.py).
# Reads: azure-mgmt-machinelearningservices 2.0.0b2 ("mgmt"), the client inside azure-ai-ml ("aiml"), azure-mgmt-eventgrid ("events") and
# the client of the resource manager that azure-ai-ml brings along.
#
# The two clients for Azure ML are generated from two descriptions of it, so that their calls are alike and their models' names differ.

import importlib
import time

from azure.core.credentials import AccessToken
from azure.ai.ml._vendor.azure_resources import ResourceManagementClient
from azure.mgmt.eventgrid import EventGridManagementClient
from azure.mgmt.eventgrid import models as events

from answers import W

MODULES = {"mgmt": "azure.mgmt.machinelearningservices", "aiml": "azure.ai.ml._restclient.arm_ml_service"}
MODEL = f"{W}/models/m/versions/"
STORAGE = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a"


class Credential:
    """A token for whoever asks, and what for."""

    def __init__(self):
        self.scopes = set()

    def get_token(self, *scopes, **_):
        self.scopes.update(scopes)
        return AccessToken("fake-arm-token", int(time.time()) + 3600)


def calls(which, base):
    """The calls of one client, by name; and the credential that they ask."""
    module = importlib.import_module(MODULES[which])
    credential = Credential()
    client = module.MachineLearningServicesMgmtClient(credential, "s", base_url=base)
    here = {"resource_group_name": "rg", "workspace_name": "wsp"}
    on = {**here, "endpoint_name": "epp"}
    at = {**on, "deployment_name": "blue"}
    m = importlib.import_module(f"{MODULES[which]}.models")

    def named(*names):
        return next(getattr(m, name) for name in names if hasattr(m, name))

    version_properties = named("ModelVersionProperties", "ModelVersionDetails")
    endpoint_properties = named("OnlineEndpointProperties", "OnlineEndpointDetails")
    versions, endpoints, deployments, jobs = client.model_versions, client.online_endpoints, client.online_deployments, client.jobs

    def listed(pages):
        assert len(list(pages)) == 2

    def done(poller):
        return poller.result(timeout=20)

    def put_version():
        versions.create_or_update(name="m", version="3", **here, body=m.ModelVersion(properties=version_properties(
            model_uri="azureml://jobs/j/outputs/artifacts/paths/model", model_type="mlflow_model", description='d, ü and "',
            tags={"k": "v"}, properties={"p": "q"}, job_name="j", is_anonymous=False)))

    def archive(version, archived):
        found = versions.get(name="m", version=version, **here)
        found.properties.is_archived = archived
        versions.create_or_update(name="m", version=version, body=found, **here)

    def publish():
        body = m.DestinationAsset(registry_name="reg", destination_name="m2", destination_version="9")
        done(versions.begin_publish(name="m", version="2", body=body, polling_interval=0, **here))

    def put_endpoint():
        body = m.OnlineEndpoint(location="westeurope", identity=m.ManagedServiceIdentity(type="SystemAssigned"), tags={"k": "v"},
                                properties=endpoint_properties(auth_mode="Key", description="d", traffic={"blue": 90, "green": 10}))
        done(endpoints.begin_create_or_update(body=body, polling_interval=0, **on))

    def set_traffic():
        found = endpoints.get(**on)
        found.properties.traffic = {"blue": 60, "green": 40}
        done(endpoints.begin_create_or_update(body=found, polling_interval=0, **on))

    def put_deployment():
        body = m.OnlineDeployment(
            location="westeurope", tags={"k": "v"}, sku=m.Sku(name="Default", capacity=1), properties=m.ManagedOnlineDeployment(
                model=f"{MODEL}2", instance_type="Standard_DS3_v2", app_insights_enabled=True, environment_variables={"A": "1"},
                request_settings=m.OnlineRequestSettings(request_timeout="PT5S", max_concurrent_requests_per_instance=2)))
        done(deployments.begin_create_or_update(body=body, polling_interval=0, **at))

    def change_model():
        found = deployments.get(**at)
        found.properties.model = f"{MODEL}3"
        done(deployments.begin_create_or_update(body=found, polling_interval=0, **at))

    def tag():
        body = named("PartialMinimalTrackedResourceWithSku")(tags={"k": "v"})
        done(deployments.begin_update(body=body, polling_interval=0, **at))

    def logs(container, tail):
        named_logs = m.DeploymentLogsRequest(container_type=container, tail=tail)
        assert deployments.get_logs(body=named_logs, **at).content == "a line"

    def put_job():
        jobs.create_or_update(id="j", **here, body=m.JobBase(properties=m.CommandJob(
            command="python train.py", environment_id="azureml:env:1", compute_id="/compute", experiment_name="e", display_name="d",
            tags={"k": "v"}, environment_variables={"A": "1"})))

    made = {
        "models list": lambda: listed(client.model_containers.list(**here)),
        "models list archived": lambda: listed(client.model_containers.list(list_view_type="ArchivedOnly", **here)),
        "models get": lambda: client.model_containers.get(name="m", **here),
        "versions list": lambda: listed(versions.list(name="m", **here)),
        "versions list filtered": lambda: listed(
            versions.list(name="m", order_by="createdtime desc", top=5, tags="a=b,c", list_view_type="All", **here)),
        "versions list archived": lambda: listed(versions.list(name="m", list_view_type="ArchivedOnly", **here)),
        "versions latest": lambda: next(iter(versions.list(name="m", order_by="createdtime desc", top=1, **here))),
        "versions get": lambda: versions.get(name="m", version="2", **here),
        "versions put": put_version,
        "versions archive": lambda: archive("2", True),
        "versions restore": lambda: archive("archived", False),
        "versions publish": publish,
        "versions delete": lambda: versions.delete(name="m", version="2", **here),
        "endpoints list": lambda: listed(endpoints.list(**here)),
        "endpoints get": lambda: endpoints.get(**on),
        "endpoints put": put_endpoint,
        "endpoints put by state": put_endpoint,
        "endpoints put by link": put_endpoint,
        "endpoints set traffic": set_traffic,
        "endpoints delete": lambda: done(endpoints.begin_delete(polling_interval=0, **on)),
        "endpoints delete missing": lambda: done(endpoints.begin_delete(polling_interval=0, **on)),
        "endpoints list keys": lambda: endpoints.list_keys(**on),
        "endpoints regenerate key": lambda: done(endpoints.begin_regenerate_keys(
            body=m.RegenerateEndpointKeysRequest(key_type="Secondary"), polling_interval=0, **on)),
        "endpoints get token": lambda: endpoints.get_token(**on),
        "deployments list": lambda: listed(deployments.list(**on)),
        "deployments get": lambda: deployments.get(**at),
        "deployments put": put_deployment,
        "deployments put by state": put_deployment,
        "deployments put already done": put_deployment,
        "deployments change model": change_model,
        "deployments tag": tag,
        "deployments tag at once": tag,
        "deployments delete": lambda: done(deployments.begin_delete(polling_interval=0, **at)),
        "deployments get logs": lambda: logs("InferenceServer", 50),
        "deployments get logs of storage": lambda: logs("StorageInitializer", 7),
        "jobs list": lambda: listed(jobs.list(**here)),
        "jobs list filtered": lambda: listed(jobs.list(job_type="Command", tag="a", list_view_type="All", **here)),
        "jobs get": lambda: jobs.get(id="j", **here),
        "jobs put": put_job,
        "jobs cancel": lambda: done(jobs.begin_cancel(id="j", polling_interval=0, **here)),
    }
    made.update(asset_calls(client, m, named, here, listed, done))
    made.update(other_calls(client, m, here, listed, done))
    if not hasattr(versions, "begin_publish"):
        del made["versions publish"]
    return made, credential


def asset_calls(client, m, named, here, listed, done):
    """The calls for what is kept in versions, of the workspace; and for the models of a registry."""
    bodies = {
        "environments": ("environment", lambda: m.EnvironmentVersion(properties=m.EnvironmentVersionProperties(
            image="registry.example/image:1", conda_file="conda", os_type="Linux"))),
        "data": ("data", lambda: m.DataVersionBase(properties=m.UriFolderDataVersion(data_uri="azureml://datastores/d/paths/x"))),
        "components": ("component", lambda: m.ComponentVersion(properties=m.ComponentVersionProperties(
            component_spec={"type": "command", "version": "1"}))),
        "codes": ("code", lambda: m.CodeVersion(properties=m.CodeVersionProperties(code_uri="https://account.blob.example/code"))),
    }
    made = {}
    for kind, (word, body) in bodies.items():
        containers, versions = getattr(client, f"{word}_containers"), getattr(client, f"{word}_versions")
        at = {"name": "a", **here}

        def archive(versions=versions, at=at):
            found = versions.get(version="1", **at)
            found.properties.is_archived = True
            versions.create_or_update(version="1", body=found, **at)

        made.update({
            f"{kind} list": lambda c=containers: listed(c.list(**here)),
            f"{kind} container": lambda c=containers, at=at: c.get(**at),
            f"{kind} versions": lambda v=versions, at=at: listed(v.list(**at)),
            f"{kind} latest": lambda v=versions, at=at: next(iter(v.list(order_by="createdtime desc", top=1, **at))),
            f"{kind} get": lambda v=versions, at=at: v.get(version="1", **at),
            f"{kind} put": lambda v=versions, at=at, body=body: v.create_or_update(version="1", body=body(), **at),
            f"{kind} archive": archive,
            f"{kind} delete": lambda v=versions, at=at: v.delete(version="1", **at),
        })
    upload = m.PendingUploadRequestDto(pending_upload_type="TemporaryBlobReference")
    shared = {"resource_group_name": "rg", "registry_name": "reg"}
    of, versions = client.registry_model_containers, client.registry_model_versions
    one = {"model_name": "a", "version": "1", **shared}
    properties = named("ModelVersionProperties", "ModelVersionDetails")(model_uri="https://account.blob.example/model")
    made.update({
        "data versions filtered": lambda: listed(client.data_versions.list(
            name="a", order_by="createdtime desc", top=5, tags="a=b,c", list_view_type="All", **here)),
        "codes start upload": lambda: client.code_versions.create_or_get_start_pending_upload(name="a", version="1", body=upload, **here),
        "registry models list": lambda: listed(of.list(**shared)),
        "registry models container": lambda: of.get(model_name="a", **shared),
        "registry models versions": lambda: listed(versions.list(model_name="a", **shared)),
        "registry models get": lambda: versions.get(**one),
        "registry models put": lambda: done(versions.begin_create_or_update(
            body=m.ModelVersion(properties=properties), polling_interval=0, **one)),
        "registry models delete": lambda: done(versions.begin_delete(polling_interval=0, **one)),
        "registry models start upload": lambda: versions.create_or_get_start_pending_upload(body=upload, **one),
    })
    return made


def other_calls(client, m, here, listed, done):
    """The calls for datastores, schedules, batch endpoints and workspaces."""
    def disable():
        found = client.schedules.get(name="a", **here)
        found.properties.is_enabled = False
        done(client.schedules.begin_create_or_update(name="a", body=found, polling_interval=0, **here))

    on = {"endpoint_name": "epp", **here}
    return {
        "datastores list": lambda: listed(client.datastores.list(**here)),
        "datastores get": lambda: client.datastores.get(name="a", **here),
        "datastores default": lambda: listed(client.datastores.list(is_default=True, **here)),
        "schedules list": lambda: listed(client.schedules.list(**here)),
        "schedules list disabled": lambda: listed(client.schedules.list(list_view_type="DisabledOnly", **here)),
        "schedules get": lambda: client.schedules.get(name="a", **here),
        "schedules disable": disable,
        "batch list": lambda: listed(client.batch_endpoints.list(**here)),
        "batch get": lambda: client.batch_endpoints.get(**on),
        "batch deployments list": lambda: listed(client.batch_deployments.list(**on)),
        "batch deployments get": lambda: client.batch_deployments.get(deployment_name="blue", **on),
        "workspaces get": lambda: client.workspaces.get(**here),
        "workspaces list": lambda: listed(client.workspaces.list_by_subscription()),
        "workspaces list in group": lambda: listed(client.workspaces.list_by_resource_group("rg")),
    }


def event_calls(base):
    """The calls for event subscriptions and for their provider, and the credential that they ask."""
    credential = Credential()
    providers = ResourceManagementClient(credential, "s", base_url=base).providers
    client = EventGridManagementClient(credential, "s", base_url=base).event_subscriptions

    def put(**subscription):
        body = events.EventSubscription(**subscription)
        client.begin_create_or_update(W, "sub", body, polling_interval=0).result(timeout=20)

    def put_webhook():
        put(destination=events.WebHookEventSubscriptionDestination(
                endpoint_url="https://relay.example/api/events?code=c", max_events_per_batch=10,
                azure_active_directory_tenant_id="t", azure_active_directory_application_id_or_uri="api://a",
                delivery_attribute_mappings=[events.StaticDeliveryAttributeMapping(name="X-Key", value="v", is_secret=True)]),
            filter=events.EventSubscriptionFilter(
                included_event_types=["Microsoft.MachineLearningServices.ModelRegistered"], subject_begins_with="models/",
                subject_ends_with=":7", enable_advanced_filtering_on_arrays=True,
                advanced_filters=[events.StringInAdvancedFilter(key="data.ModelName", values=["m"])]),
            event_delivery_schema="CloudEventSchemaV1_0", labels=["l"],
            retry_policy=events.RetryPolicy(max_delivery_attempts=30, event_time_to_live_in_minutes=1440),
            dead_letter_destination=events.StorageBlobDeadLetterDestination(resource_id=STORAGE, blob_container_name="dl"))

    def put_queue():
        put(destination=events.StorageQueueEventSubscriptionDestination(resource_id=STORAGE, queue_name="q"),
            filter=events.EventSubscriptionFilter(included_event_types=["Microsoft.MachineLearningServices.RunCompleted"]),
            event_delivery_schema="EventGridSchema")

    def put_topic():
        topic = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.EventGrid/namespaces/n/topics/t"
        put(destination=events.NamespaceTopicEventSubscriptionDestination(resource_id=topic),
            filter=events.EventSubscriptionFilter(included_event_types=["Microsoft.MachineLearningServices.RunStatusChanged"]),
            event_delivery_schema="CloudEventSchemaV1_0")

    return {
        "subscriptions put webhook": put_webhook,
        "subscriptions put queue": put_queue,
        "subscriptions put topic": put_topic,
        "subscriptions get": lambda: client.get(W, "sub"),
        "subscriptions list": lambda: list(client.list_by_resource(
            "rg", "Microsoft.MachineLearningServices", "workspaces", "wsp")),
        "subscriptions delete": lambda: client.begin_delete(W, "sub", polling_interval=0).result(timeout=20),
        "subscriptions get full url": lambda: client.get_full_url(W, "sub"),
        "subscriptions are possible": lambda: providers.get("Microsoft.EventGrid"),
        "subscriptions made possible": lambda: providers.register("Microsoft.EventGrid"),
    }, credential
