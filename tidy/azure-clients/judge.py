# Here: whether what we send is what Microsoft's own clients send for the same calls; and whether this would be seen if it were not.
# Not here: the calls (calls.py, every_call.rs), the answers (answers.py), the comparison (compare.py), what may differ (allowed.py).
# Reads: the program every_call, which is the first argument, and its source; the docs that list the differences; the files of calls.

import copy
import glob
import logging
import os
import re
import subprocess
import sys
import tempfile

from allowed import allowed
from answers import script
from capture import Authority, Capture
from compare import HEADERS, differences, parts

CRATE = "crates/aml-client"
DOCS = f"{CRATE}/docs/requests.md"
# Calls of the client that have no request of their own.
NOT_COMPARED = {"wait_for_job": "it is get_job, again and again", "continue_list": "it follows a link, as all lists do",
                "publish": "publish_model_version is it",
                "invoke_batch_endpoint": "MLClient's counterpart asks other services first; what we send is asserted in tests/it/assets.rs"}


def our_calls(every_call):
    """What every_call sends, by call."""
    capture = Capture()
    names = subprocess.run([every_call], check=True, capture_output=True, text=True).stdout.splitlines()
    for name in names:
        capture.begin(name, script(name))
        made = subprocess.run([every_call, capture.base, name], capture_output=True, text=True, timeout=60, check=False)
        if made.stdout != f"ok {name}\n" or made.returncode != 0:
            yield f"ours: {made.stdout or made.stderr or name}"
    yield capture.calls


def their_calls(authority):
    """What each of Microsoft's clients sends, by client and call."""
    # They ask the requests library, which takes the authority from here.
    os.environ["REQUESTS_CA_BUNDLE"] = authority.certificate
    from calls import MODULES, calls, event_calls

    theirs = {}
    for client in (*MODULES, "events"):
        capture = Capture(authority)
        made, credential = event_calls(capture.base) if client == "events" else calls(client, capture.base)
        for name, call in made.items():
            capture.begin(name, script(name))
            call()
        assert credential.scopes == {"https://management.azure.com/.default"}, credential.scopes
        theirs[client] = capture.calls
    return theirs


def faults(request):
    """The same request with one fault each, and the place of it."""
    def with_fault(place, change):
        wrong = copy.deepcopy(request)
        change(wrong)
        return place, wrong

    yield with_fault("method", lambda it: it.update(method="PROPFIND"))
    yield with_fault("path", lambda it: it.update(path=it["path"] + "x"))
    yield with_fault("path", lambda it: it.update(path=it["path"].swapcase()))
    yield with_fault("query.extra", lambda it: it["query"].append(("extra", "")))
    for n, (name, value) in enumerate(request["query"]):
        yield with_fault(f"query.{name}", lambda it, n=n: it["query"].pop(n))
        for other in ((name, value + "1"), (name.upper(), value)):
            yield with_fault(f"query.{name}", lambda it, n=n, other=other: it["query"].__setitem__(n, other))
        yield with_fault(f"query.{name}", lambda it, n=n: it["query"].append(it["query"][n]))
    for name in HEADERS:
        yield with_fault(f"header.{name}", lambda it, name=name: it["headers"].update({name: "other/other"}))
    if request["body"] is None:
        yield with_fault("body", lambda it: it.update(body={}))
        return
    yield with_fault("body.extra", lambda it: it["body"].update(extra=None))
    for place in (place for place in parts(request) if place.startswith("body.")):
        steps = place.split(".")[1:]
        for other in ("other", None, [], 0, False):
            if other != parts(request)[place] or type(other) is not type(parts(request)[place]):
                yield with_fault(place, lambda it, steps=steps, other=other: set_at(it["body"], steps, other))
        yield with_fault(place, lambda it, steps=steps: remove_at(it["body"], steps))


def step_into(value, steps):
    """The step that comes next: names may hold full stops."""
    if isinstance(value, list):
        return int(steps[0]), steps[1:]
    for n in range(len(steps), 0, -1):
        if ".".join(steps[:n]) in value:
            return ".".join(steps[:n]), steps[n:]
    raise KeyError(steps)


def set_at(value, steps, other):
    step, rest = step_into(value, steps)
    if rest:
        set_at(value[step], rest, other)
    else:
        value[step] = other


def remove_at(value, steps):
    step, rest = step_into(value, steps)
    if rest:
        remove_at(value[step], rest)
    else:
        del value[step]


def overlooked(client, call, ours, theirs):
    """Faults of ours that the comparison does not see, and how many it was shown."""
    shown, passed = 0, []
    for n, request in enumerate(ours):
        wrong_requests = [("requests", ours[:n] + ours[n + 1:]), ("requests", ours[:n] + [request] + ours[n:])]
        wrong_requests += [(place, ours[:n] + [wrong] + ours[n + 1:]) for place, wrong in faults(request)]
        # Where the number of requests differs on purpose, only the first is compared.
        if len(ours) != len(theirs) and n > 0:
            wrong_requests = wrong_requests[:2]
        for place, wrong in wrong_requests:
            if place != "requests" and len(theirs) > n and parts(wrong[n]).get(place) == parts(theirs[n]).get(place):
                # What was meant to be otherwise has become the same, which is no fault.
                continue
            shown += 1
            if not differences(client, call, wrong, theirs, allowed()):
                passed.append(f"the judge takes a fault: {client}: {call}: request {n + 1}, {place}")
    return shown, passed


def without_counterpart():
    """Calls of the client that every_call does not make."""
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    calls = {call for path in glob.glob(f"{CRATE}/src/ops/*.rs")
             for call in re.findall(r"\n    pub (?:async )?fn (\w+)(?:<[^(]*>)?\(\s*&self", read(path))}
    assert len(calls) > 20, calls
    made = read(f"{CRATE}/examples/every_call.rs")
    unmade = {call for call in calls if not re.search(rf"\.{call}\(", made)}
    complaints = [f"every_call does not make {call}" for call in sorted(unmade - NOT_COMPARED.keys())]
    return complaints + [f"{call} is made, or is gone" for call in sorted(NOT_COMPARED.keys() - unmade)]


def compared(ours, theirs):
    """What is to be complained of: differences that are not meant, calls without a counterpart, and allowances of no use."""
    meant, complaints = allowed(), []
    for client, calls in theirs.items():
        for call, requests in calls.items():
            mine = ours(client).get(call)
            if mine is None:
                complaints.append(f"{client}: {call}: every_call has no such call")
            else:
                complaints += differences(client, call, mine, requests, meant)
    known = {call for calls in theirs.values() for call in calls}
    complaints += [f"{call}: no client of Microsoft's makes it here" for call in ours("mgmt") if call not in known]
    return complaints + [f"no longer so: {one.client}: {one.call}: {one.place}: {one.why}" for one in meant if not one.used]


def judge(every_call):
    *complaints, ours = our_calls(every_call)
    complaints += without_counterpart()
    with tempfile.TemporaryDirectory() as folder:
        theirs = their_calls(Authority(folder))
    complaints += compared(lambda _: ours, theirs)
    # Nothing differs from itself, so that every allowance is of no use then.
    stale = [complaint for complaint in compared(lambda client: theirs[client], theirs) if complaint.startswith("no longer so")]
    if len(stale) != len(allowed()):
        complaints.append(f"of {len(allowed())} allowances that are of no use the judge finds {len(stale)}")
    shown = 0
    for client, calls in theirs.items():
        for call in calls.keys() & ours.keys():
            n, passed = overlooked(client, call, ours[call], calls[call])
            shown, complaints = shown + n, complaints + passed
    with open(DOCS, encoding="utf-8") as docs:
        text = " ".join(docs.read().split())
    reasons = {one.why for one in allowed()}
    complaints += [f"{DOCS} does not say: {why}" for why in sorted(reasons) if why not in text]
    n_calls = sum(len(calls) for calls in theirs.values())
    n_requests = sum(len(requests) for calls in theirs.values() for requests in calls.values())
    print(f"requests: {len(ours)} calls of ours beside {n_calls} of {len(theirs)} clients of Microsoft's, {n_requests} requests: "
          f"{len(complaints)} complaints, {len(reasons)} kinds of differences are meant; {shown} faults were shown to the judge")
    return complaints


if __name__ == "__main__":
    # msrest warns of what it does not know while it writes bodies.
    logging.disable(logging.WARNING)
    found = judge(sys.argv[1])
    for complaint in found:
        print(complaint, file=sys.stderr)
    sys.exit(1 if found else 0)
