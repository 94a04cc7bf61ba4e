// The relay's job in Node, without any durability: express, the Azure SDK's events, kept connections to GitHub.
//
//     node app.mjs API_ROOT [http|fetch]
//
// Prints `listening on http://ADDRESS`. An answer of 200 comes after GitHub's 204, since nothing else remembers the event; anything but
// a 204 is answered with 503, so that Event Grid delivers again.

import { timingSafeEqual } from "node:crypto";
import http from "node:http";
import { EventGridDeserializer, isSystemEvent } from "@azure/eventgrid";
import express from "express";

const [apiRoot, client = "http"] = process.argv.slice(2);
const secret = Buffer.from(process.env.RELAY_SECRET);
const url = new URL("/repos/contoso/deploy/dispatches", apiRoot);
const headers = {
    authorization: `Bearer ${process.env.RELAY_TOKEN}`,
    accept: "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
    "user-agent": "webhook-node",
    "content-type": "application/json",
};
const deserializer = new EventGridDeserializer();

// One agent for all requests: its connections are kept. `fetch` keeps its own.
const agent = new http.Agent({ keepAlive: true });
const dispatchers = {
    http: (body) =>
        new Promise((resolve, reject) => {
            const options = { agent, method: "POST", timeout: 15_000, headers: { ...headers, "content-length": Buffer.byteLength(body) } };
            const request = http.request(url, options, (answer) => {
                answer.resume();
                answer.on("end", () => resolve(answer.statusCode));
            });
            request.on("timeout", () => request.destroy(new Error("no answer")));
            request.on("error", reject);
            request.end(body);
        }),
    fetch: async (body) => {
        const answer = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(15_000) });
        await answer.arrayBuffer();
        return answer.status;
    },
};
const dispatch = dispatchers[client];

const app = express();
app.disable("x-powered-by");
app.options("/events", (request, response) => {
    response.set({ "webhook-allowed-origin": request.get("webhook-request-origin") ?? "", "webhook-allowed-rate": "*", allow: "POST" });
    response.send("");
});
app.post("/events", express.text({ type: "*/*", limit: "4mb" }), async (request, response) => {
    const code = Buffer.from(String(request.query.code ?? ""));
    if (code.length !== secret.length || !timingSafeEqual(code, secret)) {
        return response.status(401).send("");
    }
    let events;
    try {
        events = await deserializer.deserializeEventGridEvents(request.body);
    } catch (error) {
        return response.status(400).json({ error: error.message });
    }
    let accepted = 0;
    for (const event of events) {
        if (isSystemEvent("Microsoft.EventGrid.SubscriptionValidationEvent", event)) {
            return response.json({ validationResponse: event.data.validationCode });
        }
        if (!isSystemEvent("Microsoft.MachineLearningServices.ModelRegistered", event)) {
            continue;
        }
        const body = JSON.stringify({
            event_type: "deploy_pipeline_action",
            client_payload: {
                model_name: event.data.modelName,
                model_version: String(event.data.modelVersion),
                relay: { id: event.id },
            },
        });
        if ((await dispatch(body).catch(() => 0)) !== 204) {
            return response.status(503).send("");
        }
        accepted += 1;
    }
    return response.json({ accepted });
});

const server = app.listen(0, "127.0.0.1", () => {
    const { address, port } = server.address();
    console.log(`listening on http://${address}:${port}`);
});
