# Here: whether two clients sent the same for a call, by meaning; and the differences that are meant, each with its reason.
# Not here: what they sent (capture.py), who sends (calls.py, every_call.rs).
# Reads: captured requests.
#
# The order of parameters and members, white space, the spelling of numbers and the casing of headers' names do not count. Everything
# else does: how many requests, method, path, query, body, and the headers that say what a body is and who asks.

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

HEADERS = ("accept", "authorization", "content-type")
ABSENT = "(absent)"


@dataclass
class Allowed:
    """A difference that is meant: of which client, in which calls and at which place; what we send there and what they send."""

    client: str
    call: str
    place: str
    ours: object
    theirs: object
    why: str
    used: set = field(default_factory=set)

    def covers(self, client, call, place, ours, theirs):
        pair = (ours, theirs) == (self.ours, self.theirs) and (type(ours), type(theirs)) == (type(self.ours), type(self.theirs))
        return client == self.client and fnmatchcase(call, self.call) and fnmatchcase(place, self.place) and pair


def flat(value, place):
    """Every leaf of a JSON value with its place; objects and lists that are empty are leaves."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from flat(member, f"{place}.{name}")
    elif isinstance(value, list) and value:
        for n, item in enumerate(value):
            yield from flat(item, f"{place}.{n}")
    elif isinstance(value, float) and value.is_integer():
        yield place, int(value)
    else:
        yield place, value


def header(request, name):
    value = request["headers"].get(name, ABSENT)
    # Which charset JSON has is said by JSON.
    return value.split(";")[0].strip().lower() if name != "authorization" else value


def parts(request):
    """A request as places and values."""
    found = {"method": request["method"], "path": request["path"]}
    for name, value in sorted(request["query"]):
        place = f"query.{name}"
        found[place] = f"{found[place]} and {value}" if place in found else value
    found |= {f"header.{name}": header(request, name) for name in HEADERS}
    if request["body"] is not None:
        found |= dict(flat(request["body"], "body"))
    return found


def differences(client, call, ours, theirs, allowed):
    """What differs and is not allowed, as text; notes which allowances were of use."""
    found = []

    def differ(place, our, their):
        known = next((one for one in allowed if one.covers(client, call, place, our, their)), None)
        if known is None:
            found.append(f"{client}: {call}: {place}: {our!r} | {their!r}")
        else:
            known.used.add(call)

    said = [" ".join(f"{one['method']} {one['path'].rsplit('/', 1)[-1]}" for one in requests) for requests in (ours, theirs)]
    if len(ours) != len(theirs):
        differ("requests", *said)
        # Who follows whom is not known behind the first.
        ours, theirs = ours[:1], theirs[:1]
    for n, pair in enumerate(zip(ours, theirs), 1):
        our, their = map(parts, pair)
        for place in sorted(our.keys() | their.keys()):
            values = our.get(place, ABSENT), their.get(place, ABSENT)
            if values[0] != values[1] or type(values[0]) is not type(values[1]):
                differ(f"{n} {place}", *values)
    return found
