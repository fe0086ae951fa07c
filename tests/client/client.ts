// What a university's own script does with our API: its types are made from openapi.json, and nothing else of us is known here.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Problem = components["schemas"]["Problem"];

const { LADOKFLOW_URL: baseUrl, CLIENT_ID: client_id = "", CLIENT_SECRET: client_secret = "" } = process.env;
const pause = () => new Promise((resolve) => setTimeout(resolve, 500));

function done<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data !== undefined) return answer.data;
  const problem = answer.error as Problem;
  throw new Error(`${answer.response.status} ${problem.code}: ${problem.detail}`);
}

const token = done(
  await createClient<paths>({ baseUrl }).POST("/api/v1/oauth/token", {
    body: { grant_type: "client_credentials", client_id, client_secret, scope: "" },
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  }),
);
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token.access_token}` } });

// List
const flows: components["schemas"]["Flow"][] = [];
for (let after: string | undefined; ; ) {
  const page = done(await api.GET("/api/v1/flows", { params: { query: { state: "pending", limit: 1, after } } }));
  flows.push(...page.items);
  if (page.next === null) break;
  after = page.next;
}
const [chosen] = flows;
const path = { flow: chosen.flow };

// Have the grades read, and wait for it
done(await api.POST("/api/v1/flows/{flow}/collect", { params: { path } }));
let flow = chosen;
do {
  await pause();
  flow = done(await api.GET("/api/v1/flows/{flow}", { params: { path } }));
} while (flow.isCollecting);

// Export what was seen, said twice with one key
const preview = done(await api.POST("/api/v1/flows/{flow}/export-preview", { params: { path }, body: {} }));
const order = {
  params: { path, header: { "Idempotency-Key": crypto.randomUUID() } },
  body: { seen: preview.fingerprint },
};
const started = done(await api.POST("/api/v1/flows/{flow}/export", order));
const again = done(await api.POST("/api/v1/flows/{flow}/export", order));

// Poll until it is done
let attempt = started.attempts[0];
while (attempt.state === "queued" || attempt.state === "sending") {
  await pause();
  attempt = done(await api.GET("/api/v1/attempts/{attempt}", { params: { path: { attempt: attempt.attempt } } }));
}
flow = done(await api.GET("/api/v1/flows/{flow}", { params: { path } }));
const grades = done(await api.GET("/api/v1/flows/{flow}/grades", { params: { path } }));
console.log(
  JSON.stringify({
    listed: flows.length,
    isOne: again.attempts[0].attempt === started.attempts[0].attempt,
    attempt: attempt.state,
    exported: attempt.exported,
    flow: flow.state,
    grades: grades.items.map((row) => row.sent[0].state),
  }),
);
