"""The relay's job in Python, without any durability: FastAPI, the Azure SDK's events, kept connections to GitHub.

    python app.py API_ROOT [httpx|aiohttp]

Prints `listening on http://ADDRESS`. An answer of 200 comes after GitHub's 204, since nothing else remembers the event; anything but a
204 is answered with 503, so that Event Grid delivers again.
"""

import asyncio
import hmac
import json
import os
import socket
import sys
from contextlib import asynccontextmanager

import uvicorn
from azure.eventgrid import EventGridEvent, SystemEventNames
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

API_ROOT, CLIENT = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else "httpx")
SECRET, TOKEN = os.environ["RELAY_SECRET"], os.environ["RELAY_TOKEN"]
URL = f"{API_ROOT}/repos/contoso/deploy/dispatches"
HEADERS = {
    "authorization": f"Bearer {TOKEN}",
    "accept": "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
    "user-agent": "webhook-python",
}


@asynccontextmanager
async def lifespan(app: FastAPI):
    """One client for all requests: its connections are kept."""
    if CLIENT == "aiohttp":
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=15, connect=5)
        async with aiohttp.ClientSession(headers=HEADERS, timeout=timeout) as session:

            async def dispatch(payload):
                async with session.post(URL, json=payload) as answer:
                    await answer.read()
                    return answer.status

            app.state.dispatch = dispatch
            yield
    else:
        import httpx

        async with httpx.AsyncClient(headers=HEADERS, timeout=httpx.Timeout(15, connect=5)) as client:

            async def dispatch(payload):
                return (await client.post(URL, json=payload)).status_code

            app.state.dispatch = dispatch
            yield


app = FastAPI(lifespan=lifespan)


def parsed(element) -> EventGridEvent:
    """An event by the SDK, which leaves out what is missing: what a valid event must have is asked for here."""
    event = EventGridEvent.from_dict(element)
    if not (event.id and event.subject and event.event_type and event.event_time) or event.data is None:
        raise ValueError("a field that every event has is missing")
    return event


@app.options("/events")
async def consent(request: Request):
    origin = request.headers.get("webhook-request-origin", "")
    return Response(headers={"webhook-allowed-origin": origin, "webhook-allowed-rate": "*", "allow": "POST"})


@app.post("/events")
async def events(request: Request, code: str = ""):
    if not hmac.compare_digest(code.encode(), SECRET.encode()):
        return Response(status_code=401)
    try:
        batch = [parsed(element) for element in json.loads(await request.body())]
    except (TypeError, ValueError, AttributeError) as error:
        return JSONResponse({"error": str(error)}, status_code=400)
    accepted = 0
    for event in batch:
        if event.event_type == SystemEventNames.EventGridSubscriptionValidationEventName:
            return JSONResponse({"validationResponse": event.data["validationCode"]})
        if event.event_type != SystemEventNames.MachineLearningServicesModelRegisteredEventName:
            continue
        payload = {
            "event_type": "deploy_pipeline_action",
            "client_payload": {
                "model_name": event.data["modelName"],
                "model_version": str(event.data["modelVersion"]),
                "relay": {"id": event.id},
            },
        }
        if await app.state.dispatch(payload) != 204:
            return Response(status_code=503)
        accepted += 1
    return JSONResponse({"accepted": accepted})


async def main():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", access_log=False, ws="none")
    listener.listen(config.backlog)
    print("listening on http://%s:%d" % listener.getsockname(), flush=True)
    await uvicorn.Server(config).serve(sockets=[listener])


asyncio.run(main())
