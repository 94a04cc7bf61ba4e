# Here: the differences between what we send and what Microsoft's clients send that are meant, and the reason of each.
# Not here: how they are found (compare.py). The reasons are also in the docs of aml-client (docs/requests.md), word for word.
# Reads: nothing. A difference that is not here fails; so does one that is here and does not occur.

from answers import ASSETS, LINK
from compare import ABSENT, Allowed

OURS = "2025-12-01"
VERSION = "The version of the interface is 2025-12-01, and the management package of Microsoft, which is older, says 2023-04-01."
FOLLOWED = "A link to the next page is followed as the service gives it; Microsoft's clients put their own version into it."
PROVIDERS = "The provider is asked for by a newer version of the resource manager's interface than the client inside azure-ai-ml knows."
ACCEPT = "We always say that we read JSON; where there is no body to read, or a link is followed, Microsoft's clients say nothing of it."
DEFAULT = "A default of the service is not sent unless it was set; the clients of Microsoft write some."
NEWER = "What we do not know goes back as it was read; the management package drops it."
NULL = "A null goes back where we do not know the member, and is left out where we do; one of Microsoft's clients sends all, the other none."
BACK_LINK = "The link to an operation that is over is the service's own, and does not go back; Microsoft's clients send it back."
BODY_LINK = "A link to the operation that only the body has is followed, as Microsoft's own script does; Microsoft's clients ask the resource instead."

PAGED = ["models list", "models list archived", "versions list", "versions list filtered", "versions list archived",
         "endpoints list", "deployments list", "jobs list", "jobs list filtered", "data versions filtered", "datastores list", "schedules list",
         "schedules list disabled", "batch list", "batch deployments list",
         *(f"{kind} {what}" for kind in ASSETS for what in ("list", "versions"))]


def allowed():
    """All of them, unused."""
    every = [Allowed("mgmt", "*", "* query.api-version", OURS, "2023-04-01", VERSION)]
    for client, theirs in (("mgmt", "2023-04-01"), ("aiml", "2025-12-01")):
        every += [Allowed(client, call, "2 query.api-version", "2024-04-01", theirs, FOLLOWED) for call in PAGED]
        every.append(Allowed(client, "endpoints put by link", "requests", "PUT epp GET od:1:op GET od:1:op GET od:1:op GET epp",
                             "PUT epp GET epp", BODY_LINK))
    every += [Allowed("events", call, "1 query.api-version", "2021-04-01", "2020-06-01", PROVIDERS)
              for call in ("subscriptions are possible", "subscriptions made possible")]
    back = LINK["AzureAsyncOperationUri"]
    for client in ("mgmt", "aiml"):
        for call in ("endpoints set traffic", "deployments change model"):
            every.append(Allowed(client, call, "2 body.properties.properties.AzureAsyncOperationUri", ABSENT, back, BACK_LINK))
    every += [Allowed(client, "*", "* header.accept", "application/json", "*/*", ACCEPT) for client in ("mgmt", "aiml", "events")]
    for call in ("versions archive", "versions restore", "endpoints set traffic", "deployments change model"):
        every.append(Allowed("mgmt", call, "2 body.properties.newerThanAll.a.0", 1, ABSENT, NEWER))
    for call, member in (("versions archive", "datasets"), ("versions restore", "datasets"), ("endpoints set traffic", "compute"),
                         ("deployments change model", "startupProbe")):
        every.append(Allowed("mgmt", call, f"2 body.properties.{member}", None, ABSENT, NULL))
    for call in ("endpoints set traffic", "deployments change model"):
        every.append(Allowed("aiml", call, "2 body.properties.description", ABSENT, None, NULL))
    for client, call, place, value in (
        ("mgmt", "versions put", "properties.isArchived", False),
        ("mgmt", "jobs put", "properties.isArchived", False),
        ("mgmt", "deployments put*", "properties.requestSettings.maxQueueWait", "PT0.5S"),
        *(("mgmt", f"{kind} put", f"properties.{member}", False) for kind in (*ASSETS, "registry models") for member in ("isArchived", "isAnonymous")),
        ("events", "subscriptions put *", "properties.filter.isSubjectCaseSensitive", False),
        ("events", "subscriptions put webhook", "properties.destination.properties.preferredBatchSizeInKilobytes", 64),
    ):
        every.append(Allowed(client, call, f"1 body.{place}", ABSENT, value, DEFAULT))
    for client in ("mgmt", "aiml"):
        for call in ("datastores list", "datastores default"):
            every.append(Allowed(client, call, "1 query.count", ABSENT, "30", DEFAULT))
            every.append(Allowed(client, call, "1 query.orderByAsc", ABSENT, "false", DEFAULT))
    every.append(Allowed("aiml", "schedules list", "1 query.listViewType", ABSENT, "EnabledOnly", DEFAULT))
    return every
