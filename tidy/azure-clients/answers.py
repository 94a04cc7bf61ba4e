# Here: what the capture server answers to each call: resources, lists of two pages, and long-running operations of every style.
# Not here: the server (capture.py), the calls (calls.py).
# Reads: the name of a call. The shapes are those of the services' descriptions (MachineLearningServices 2025-12-01, EventGrid 2025-02-15).

W = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/wsp"
TYPE = "Microsoft.MachineLearningServices/workspaces"
PLACE = "{base}/subscriptions/s/providers/Microsoft.MachineLearningServices/locations/westeurope"
# Another version than any client asks for, and colons, as the service has them.
STATUS = f"{PLACE}/mfeOperationsStatus/od:1:op?api-version=2023-06-01-preview"
RESULT = f"{PLACE}/mfeOperationResults/od:1:op?api-version=2023-06-01-preview"
MADE = {"createdAt": "2026-11-01T00:00:00Z", "createdBy": "a", "createdByType": "User", "lastModifiedAt": "2026-11-02T00:00:00Z"}
# A member that is newer than every client.
NEWER = {"newerThanAll": {"a": [1]}}


def resource(below, path, name, properties, **more):
    return {"id": f"{W}/{path}", "name": name, "type": f"{TYPE}/{below}", "systemData": MADE, "properties": properties, **more}


def version(name, archived=False):
    return resource("models/versions", f"models/m/versions/{name}", name, {
        "description": "d", "modelUri": "azureml://jobs/j/outputs/artifacts/paths/model", "modelType": "mlflow_model", "jobName": "j",
        "flavors": {"python_function": {"data": {"loader_module": "mlflow.sklearn"}}}, "stage": "Production", "tags": {"k": "v", "none": None}, "datasets": None,
        "properties": {"p": "q"}, "isArchived": archived, "isAnonymous": False, "provisioningState": "Succeeded", **NEWER})


def container():
    return resource("models", "models/m", "m", {"latestVersion": "2", "nextVersion": "3", "isArchived": False, "tags": {}})


def endpoint(state="Succeeded", link=None):
    return resource("onlineEndpoints", "onlineEndpoints/epp", "epp", {
        "authMode": "Key", "description": None, "compute": None, "traffic": {"blue": 100}, "provisioningState": state,
        "scoringUri": "https://epp.westeurope.inference.ml.azure.com/score",
        "swaggerUri": "https://epp.westeurope.inference.ml.azure.com/swagger.json", "publicNetworkAccess": "Enabled",
        "properties": {"azureml.onlineendpointid": "x", **(link or {})}, **NEWER},
        location="westeurope", kind="Managed", tags={"k": "v"},
        identity={"type": "SystemAssigned", "principalId": "00000000-0000-0000-0000-000000000001", "tenantId": "t"})


def deployment(state="Succeeded", link=None):
    return resource("onlineEndpoints/deployments", "onlineEndpoints/epp/deployments/blue", "blue", {
        "endpointComputeType": "Managed", "model": f"{W}/models/m/versions/2", "instanceType": "Standard_DS3_v2",
        "provisioningState": state, "appInsightsEnabled": True, "environmentVariables": {"A": "1", "B": None}, "description": None, "startupProbe": None,
        "scaleSettings": {"scaleType": "Default"}, "egressPublicNetworkAccess": "Enabled",
        "requestSettings": {"requestTimeout": "PT5S", "maxConcurrentRequestsPerInstance": 2, "maxQueueWait": "PT0.5S"},
        "livenessProbe": {"initialDelay": "PT10S", "period": "PT10S", "timeout": "PT2S", "failureThreshold": 30, "successThreshold": 1},
        "properties": {"p": "q", **(link or {})}, **NEWER},
        location="westeurope", kind="Managed", tags={"k": "v"}, sku={"name": "Default", "capacity": 1})


def job():
    return resource("jobs", "jobs/j", "j", {
        "jobType": "Command", "status": "Completed", "command": "python train.py", "environmentId": "azureml:env:1", "tags": {}})


# One version of each kind of asset, as it is read back.
ASSETS = {
    "environments": {"image": "registry.example/image:1", "condaFile": "conda", "osType": "Linux", "environmentType": "UserCreated"},
    "data": {"dataType": "uri_folder", "dataUri": "azureml://datastores/d/paths/x"},
    "components": {"componentSpec": {"type": "command", "version": "1"}},
    "codes": {"codeUri": "https://account.blob.example/code"},
}


def asset(kind):
    return resource(f"{kind}/versions", f"{kind}/a/versions/1", "1", {
        "description": "d", "tags": {"k": "v"}, "properties": {"p": "q"}, "isArchived": False, "isAnonymous": False, **ASSETS[kind]})


def holder(kind):
    return resource(kind, f"{kind}/a", "a", {"latestVersion": "1", "nextVersion": "2", "isArchived": False, "tags": {}, **(
        {"dataType": "uri_folder"} if kind == "data" else {})})


def schedule(enabled=True):
    return resource("schedules", "schedules/a", "a", {
        "displayName": "d", "isEnabled": enabled, "tags": {"k": "v"}, "properties": {}, "provisioningState": "Succeeded",
        "trigger": {"triggerType": "Cron", "expression": "0 3 * * *", "timeZone": "UTC"},
        "action": {"actionType": "InvokeBatchEndpoint", "endpointInvocationDefinition": {"a": [1]}}})


def batch_endpoint():
    return resource("batchEndpoints", "batchEndpoints/epp", "epp", {
        "authMode": "AADToken", "defaults": {"deploymentName": "blue"}, "provisioningState": "Succeeded",
        "scoringUri": "https://epp.westeurope.inference.ml.azure.com/jobs"}, location="westeurope")


def batch_deployment():
    return resource("batchEndpoints/deployments", "batchEndpoints/epp/deployments/blue", "blue", {
        "model": {"referenceType": "Id", "assetId": f"{W}/models/m/versions/2"}, "compute": "/compute", "provisioningState": "Succeeded"},
        location="westeurope")


def datastore():
    return resource("datastores", "datastores/a", "a", {
        "datastoreType": "AzureBlob", "isDefault": True, "accountName": "account", "containerName": "c", "credentials": {"credentialsType": "None"}})


def workspace():
    return {"id": W, "name": "wsp", "location": "westeurope", "properties": {"friendlyName": "wsp", "provisioningState": "Succeeded"}}


UPLOAD = {"pendingUploadId": "u", "pendingUploadType": "TemporaryBlobReference", "blobReferenceForConsumption": {
    "blobUri": "https://account.blob.example/c", "credential": {"credentialType": "SAS", "sasUri": "https://account.blob.example/c?sig=s"}}}


def subscription(state="Succeeded"):
    return {"id": f"{W}/providers/Microsoft.EventGrid/eventSubscriptions/sub", "name": "sub", "type": "Microsoft.EventGrid/eventSubscriptions",
            "properties": {"provisioningState": state, "topic": W, "eventDeliverySchema": "CloudEventSchemaV1_0", "filter": {},
                           "destination": {"endpointType": "WebHook", "properties": {"endpointBaseUrl": "https://relay.example/api/events"}}}}


def ok(body):
    return [(200, {}, body)]


def two_pages(path, query, item):
    """The link to the second page has a version of its own."""
    link = f"{{base}}{W}/{path}?api-version=2024-04-01&$skip=a%2Fb%3D%3D{query}"
    return [("GET", rf"/{path}\?.*skip=", ok({"value": [item]})), ("GET", rf"/{path}\?", ok({"value": [item], "nextLink": link}))]


# Where the last operation is watched; the service writes it among the user's own properties.
LINK = {"AzureAsyncOperationUri": STATUS}
RUNNING = {"name": "op", "status": "InProgress", "percentComplete": 10.0}
NOW = {"Retry-After": "0"}
LOCATION = (202, {"Location": RESULT, **NOW}, None)
BY_STATUS = {"Azure-AsyncOperation": STATUS, "x-ms-async-operation-timeout": "PT1H", **NOW}
POLLED = [
    ("GET", "/mfeOperationsStatus/", [(202, NOW, RUNNING), (200, NOW, RUNNING), (200, {}, {"name": "op", "status": "Succeeded"})]),
    ("GET", "/mfeOperationResults/", [LOCATION, (204, {}, None)]),
]
ENDPOINT, DEPLOYMENT, SUBSCRIPTION = r"/onlineEndpoints/epp\?", r"/deployments/blue\?", r"/eventSubscriptions/sub\?"

# What a call is answered where it matters which of several answers comes.
BY_CALL = {
    "versions publish": [("POST", "/publish", [LOCATION])],
    "endpoints put by state": [("PUT", ENDPOINT, [(201, NOW, endpoint("Creating"))]),
                               ("GET", ENDPOINT, [(200, NOW, endpoint("Creating")), *ok(endpoint())])],
    "endpoints put by link": [("PUT", ENDPOINT, [(201, NOW, endpoint("Creating", LINK))])],
    "endpoints set traffic": [("GET", ENDPOINT, ok(endpoint(link=LINK)))],
    "deployments change model": [("GET", DEPLOYMENT, ok(deployment(link=LINK)))],
    "endpoints delete missing": [("DELETE", ENDPOINT, [(204, {}, None)])],
    "deployments put by state": [("PUT", DEPLOYMENT, [(201, NOW, deployment("Creating"))]),
                                 ("GET", DEPLOYMENT, [(200, NOW, deployment("Updating")), *ok(deployment())])],
    "deployments put already done": [("PUT", DEPLOYMENT, ok(deployment()))],
    "deployments tag": [("PATCH", DEPLOYMENT, [LOCATION]), ("GET", "/mfeOperationResults/", [LOCATION, *ok(deployment())])],
}

ALWAYS = [
    ("PUT", r"/registries/reg/models/a/versions/1\?", [(201, BY_STATUS, asset("codes"))]),
    ("DELETE", r"/registries/reg/models/a/versions/1\?", [LOCATION]),
    ("POST", "/startPendingUpload", ok(UPLOAD)),
    ("GET", r"/registries/reg/models/a/versions/1\?", ok(version("1"))),
    ("GET", r"/registries/reg/models/a/versions\?", ok({"value": [version("1"), version("2")]})),
    ("GET", r"/registries/reg/models/a\?", ok(container())),
    ("GET", r"/registries/reg/models\?", ok({"value": [container(), container()]})),
    *(rule for kind in ASSETS for rule in (
        *two_pages(f"{kind}/a/versions", "", asset(kind)),
        *two_pages(kind, "", holder(kind)),
        ("GET", rf"/{kind}/a\?", ok(holder(kind))),
        ("GET", rf"/{kind}/a/versions/1\?", ok(asset(kind))),
        ("PUT", rf"/{kind}/a/versions/1\?", [(201, {}, asset(kind))]),
        ("DELETE", rf"/{kind}/a/versions/1\?", [(200, {}, None)]),
    )),
    ("GET", r"/datastores\?.*isDefault", ok({"value": [datastore(), datastore()]})),
    *two_pages("datastores", "", datastore()),
    ("GET", r"/datastores/a\?", ok(datastore())),
    *two_pages("schedules", "", schedule()),
    ("GET", r"/schedules/a\?", ok(schedule())),
    ("PUT", r"/schedules/a\?", [(201, BY_STATUS, schedule(False))]),
    *two_pages("batchEndpoints/epp/deployments", "", batch_deployment()),
    *two_pages("batchEndpoints", "", batch_endpoint()),
    ("GET", r"/batchEndpoints/epp\?", ok(batch_endpoint())),
    ("GET", r"/batchEndpoints/epp/deployments/blue\?", ok(batch_deployment())),
    ("GET", r"/workspaces/wsp\?", ok(workspace())),
    ("GET", r"/workspaces\?", ok({"value": [workspace(), workspace()]})),
    *two_pages("models/m/versions", "", version("2")),
    *two_pages("models", "", container()),
    ("GET", r"/models/m\?", ok(container())),
    ("GET", r"/models/m/versions/archived\?", ok(version("archived", archived=True))),
    ("GET", r"/models/m/versions/2\?", ok(version("2"))),
    ("PUT", r"/models/m/versions/\w+\?", [(201, {}, version("3"))]),
    ("DELETE", r"/models/m/versions/2\?", [(200, {}, None)]),
    *two_pages("onlineEndpoints", "", endpoint()),
    ("GET", ENDPOINT, ok(endpoint())),
    ("PUT", ENDPOINT, [(201, BY_STATUS, endpoint("Creating"))]),
    ("DELETE", r"/onlineEndpoints/epp(/deployments/blue)?\?", [LOCATION]),
    ("POST", "/listKeys", ok({"primaryKey": "one", "secondaryKey": "two"})),
    ("POST", "/regenerateKeys", [LOCATION]),
    ("POST", "/token", ok({"accessToken": "a", "tokenType": "Bearer", "expiryTimeUtc": 1795341661, "refreshAfterTimeUtc": 1795338061})),
    *two_pages("onlineEndpoints/epp/deployments", "", deployment()),
    ("GET", DEPLOYMENT, ok(deployment())),
    ("PUT", DEPLOYMENT, [(201, BY_STATUS, deployment("Creating"))]),
    ("PATCH", DEPLOYMENT, ok(deployment())),
    ("POST", "/getLogs", ok({"content": "a line"})),
    *two_pages("jobs", "", job()),
    ("GET", r"/jobs/j\?", ok(job())),
    ("PUT", r"/jobs/j\?", [(201, {}, job())]),
    ("POST", "/jobs/j/cancel", [(200, {}, None)]),
    ("GET", r"/eventSubscriptions\?", ok({"value": [subscription()]})),
    ("GET", SUBSCRIPTION, ok(subscription())),
    ("PUT", SUBSCRIPTION, [(201, {"Azure-AsyncOperation": "{base}/subscriptions/s/providers/Microsoft.EventGrid/locations/westeurope/"
                                  "mfeOperationsStatus/1?api-version=2025-02-15", **NOW}, subscription("Creating"))]),
    ("DELETE", SUBSCRIPTION, [(202, {"Location": RESULT, **NOW}, None)]),
    ("GET", r"/Microsoft.EventGrid\?", ok({"namespace": "Microsoft.EventGrid", "registrationState": "Registered"})),
    ("POST", "/Microsoft.EventGrid/register", ok({"namespace": "Microsoft.EventGrid", "registrationState": "Registering"})),
    ("POST", "/getFullUrl", ok({"endpointUrl": "https://relay.example/api/events?code=c"})),
]


def script(call):
    return BY_CALL.get(call, []) + POLLED + ALWAYS
