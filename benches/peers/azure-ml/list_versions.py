"""The versions of a model, all of them, by Azure's own Python client: the counterpart of aml-client's example `list_versions`.

    python list_versions.py ENDPOINT N

Needs PyPI azure-mgmt-machinelearningservices 2.0.0b2. Plain http to loopback: the client's own check is switched off for these calls.
"""

import json
import resource
import sys
import time

from azure.core.credentials import AccessToken
from azure.mgmt.machinelearningservices import MachineLearningServicesMgmtClient


class Fixed:
    def get_token(self, *_scopes, **_options):
        return AccessToken("t", int(time.time()) + 3600)


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


endpoint, n = sys.argv[1], int(sys.argv[2])
client = MachineLearningServicesMgmtClient(Fixed(), "s", base_url=endpoint)
imported = used()
found = tagged = 0
for version in client.model_versions.list("rg", "wsp", "churn", enforce_https=False):
    found += 1
    tagged += version.properties.tags.get("stage") == "prod"
assert (found, tagged) == (n, n), (found, tagged)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(
    json.dumps(
        {
            "client": "azure-mgmt-machinelearningservices",
            "versions": n,
            "cpu_s": round(used(), 3),
            "cpu_without_imports_s": round(used() - imported, 3),
            "max_rss_kib": memory,
        }
    )
)
