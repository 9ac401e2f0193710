// The public API, as any other client would use it.
import { apiKey } from "./key.js";
import { events } from "./sse.js";

const BASE = new URL("v1/", document.baseURI);

export class ApiFailure extends Error {
  constructor(status, error, retryAfter = null) {
    super(error.message || `the server answered ${status}`);
    Object.assign(this, { status, code: error.code ?? null, param: error.param ?? null, error, retryAfter });
  }
}

// No answer at all: the server is gone, or the network is.
export class ServerGone extends Error {}

async function send(method, path, body, signal, accept = "application/json") {
  const headers = { accept };
  if (apiKey.value) headers.authorization = `Bearer ${apiKey.value}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const options = { method, headers, signal, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body) };
  let response;
  try {
    response = await fetch(new URL(path, BASE), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerGone(error.message);
  }
  if (!response.ok) throw await failure(response);
  return response;
}

async function failure(response) {
  const text = await response.text().catch(() => "");
  let error = {};
  try {
    error = JSON.parse(text).error ?? {};
  } catch {
    error = { message: text.slice(0, 300) };
  }
  const seconds = Number(response.headers.get("retry-after"));
  return new ApiFailure(response.status, error, seconds > 0 ? seconds : null);
}

async function json(...request) {
  const response = await send(...request);
  return response.status === 204 ? null : response.json();
}

async function* stream(...request) {
  const response = await send(...request, "text/event-stream");
  yield* events(response.body);
}

const one = (id) => `responses/${encodeURIComponent(id)}`;

export const models = () => json("GET", "models");
export const estimate = (body, signal) => json("POST", "estimate", body, signal);
export const create = (body, signal) => stream("POST", "responses", body, signal);
export const follow = (id, after, signal) =>
  stream("GET", `${one(id)}?stream=true${after >= 0 ? `&starting_after=${after}` : ""}`, undefined, signal);
export const response = (id) => json("GET", one(id));
export const inputItems = (id) => json("GET", `${one(id)}/input_items?order=desc`);
export const list = (after) => json("GET", `responses?limit=40${after ? `&after=${encodeURIComponent(after)}` : ""}`);
export const cancel = (id) => json("POST", `${one(id)}/cancel`);
export const remove = (id) => json("DELETE", one(id));
export const retry = (id, body, signal) => stream("POST", `${one(id)}/retry`, body, signal);
