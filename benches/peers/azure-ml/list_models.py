"""The versions of a model, all of them, by azure-ai-ml's MLClient: the client that Azure's own documentation shows.

    python list_models.py ENDPOINT N

Needs PyPI azure-ai-ml 1.35.2. Plain http to loopback: the check for https is switched off in this process.
"""

import json
import os
import resource
import sys
import time

endpoint, n = sys.argv[1], int(sys.argv[2])
os.environ["ARM_CLOUD_METADATA_URL"] = endpoint + "/metadata/endpoints"

from azure.ai.ml import MLClient
import azure.ai.ml._azure_environments as environments
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import _authentication

_authentication._enforce_https = lambda _request: None
public = environments._environments[environments.AzureEnvironments.ENV_DEFAULT]
public[environments.EndpointURLS.RESOURCE_MANAGER_ENDPOINT] = endpoint + "/"


class Fixed:
    def get_token(self, *_scopes, **_options):
        return AccessToken("t", int(time.time()) + 3600)


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


client = MLClient(Fixed(), "s", "rg", "wsp", enable_telemetry=False)
imported = used()
found = tagged = 0
for version in client.models.list("churn"):
    found += 1
    tagged += version.tags.get("stage") == "prod"
assert (found, tagged) == (n, n), (found, tagged)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(
    json.dumps(
        {
            "client": "azure-ai-ml",
            "versions": n,
            "cpu_s": round(used(), 3),
            "cpu_without_imports_s": round(used() - imported, 3),
            "max_rss_kib": memory,
        }
    )
)
