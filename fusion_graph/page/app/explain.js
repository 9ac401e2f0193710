// Errors as sentences that say what to do. `actions` name buttons: key, offline, retry, panel, again, reload.
import { ApiFailure, ServerGone } from "./api.js";
import { money } from "./format.js";

const said = (title, text, ...actions) => ({ title, text, actions });

export function explain(error) {
  if (error instanceof ServerGone || error instanceof TypeError)
    return said("The server does not answer.", "It may have stopped, or the network is down. What you wrote is still here; try again when it is back.", "again");
  if (!(error instanceof ApiFailure)) return said("Something went wrong in this page.", String(error?.message ?? error), "reload");
  return (BY_CODE[error.code] ?? BY_STATUS[error.status] ?? other)(error);
}

const BY_CODE = {
  missing_api_key: () => said("This server asks for a key.", "Enter the key that its operator gave you.", "key", "again"),
  invalid_api_key: () => said("The server does not know this key.", "It may be mistyped, or revoked. Enter another one.", "key", "again"),
  origin_not_allowed: (error) => said("This page may not call the server.", sentence(error)),
  spending_limit_reached: (error) => said("The key's spending limit is reached.", `${sentence(error)} Use another key, or ask the operator for a higher limit.`, "key"),
  limit_too_low: (error) => said("The cap is too low for this panel.", `${sentence(error)} Raise the cap, or choose a cheaper panel.`, "panel"),
  model_not_available: (error) => said("A model of this panel cannot be used here.", `${sentence(error)} Set the key and start the server again, choose other models, or run without any.`, "panel", "offline"),
  overloaded: (error) => said("The server is full.", `${sentence(error)}${wait(error)}`, "again"),
  too_many_runs: (error) => said("You have many runs under way.", `${sentence(error)} Wait for one to end, or stop one.`, "again"),
  rate_limit_exceeded: (error) => said("Too many requests.", `${sentence(error)}${wait(error)}`, "again"),
  previous_response_not_found: () => said("The earlier turn is gone.", "It was deleted, or its time to be kept has passed. Ask the question as a new one."),
};

const BY_STATUS = {
  401: BY_CODE.missing_api_key,
  402: BY_CODE.spending_limit_reached,
  404: () => said("There is no such run.", "It was deleted, its time to be kept has passed, or it belongs to another key.", "key"),
  409: (error) => said("The run cannot be taken up.", sentence(error)),
  413: () => said("The question is too long for this server.", "Shorten it, or ask the operator to raise the limit on a request's size."),
  429: BY_CODE.rate_limit_exceeded,
  503: BY_CODE.overloaded,
};

function other(error) {
  if (/^no models\b/i.test(error.message))
    return said("No model is configured.", `${sentence(error)} Keys are set where the server runs, and it is started again. The preset offline needs none.`, "offline", "panel");
  if (error.status === 400 || error.status === 403) return said("The server refuses these settings.", sentence(error), "panel");
  return said("The server failed.", `${sentence(error)} Try again; if it stays, its log says more.`, "again");
}

const sentence = (error) => {
  const text = String(error.message ?? "").trim();
  return text ? `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}` : "";
};
const wait = (error) => (error.retryAfter ? ` Try again in ${Math.ceil(error.retryAfter)} s.` : " Try again in a moment.");

const REASONS = {
  all_panels_failed: ["All seats failed.", "Each column says why. Ask the failed seats again, or choose another panel."],
  insufficient_credits: ["An account at a model provider is out of credits.", "Add credits there, or choose models of another provider."],
  rate_limited: ["A model provider limits the rate.", "Wait a moment, then ask the failed seats again."],
  invalid_model: ["No model of that name answers.", "Check the names of the panel's models, and choose others."],
  cancelled: ["The run was stopped.", "Ask the failed seats again to go on."],
};

// A run that ended without an answer.
export function explainFailed(view) {
  const reason = view.error?.failure_reason ?? view.fusion?.failure_reason ?? view.error?.reason;
  const known = REASONS[reason];
  if (capped(view)) return { ...cap(view), actions: ["panel", "retry"] };
  if (known) return said(known[0], known[1], "retry", "panel");
  return said("The run failed.", sentence(view.error ?? {}) || "The server gave no reason.", "retry", "panel");
}

export const capped = (view) =>
  (view.receipt?.seats ?? []).some((seat) => seat.failure?.kind === "budget") ||
  (view.receipt?.degraded ?? []).some((one) => /budget_exceeded|budget|partial/.test(one.reason) && one.reason !== "budget_not_enforceable");

export function cap(view) {
  const limits = view.receipt?.limits ?? {};
  const most = limits.max_cost_usd ? money(limits.max_cost_usd) : limits.max_total_tokens ? `${limits.max_total_tokens} tokens` : "the run";
  return said(`The cap of ${most} was reached.`, "The run ended with what it had. Raise the cap in the panel's limits and ask again for more.", "panel");
}

const CODES = {
  seats_resumed: null,
  partial: "the cap was reached",
  budget_exceeded: "the cap was exceeded",
  budget_not_enforceable: "the cap could not be enforced, because a price is not known",
};
export const degradation = (one, name) => `${name(one.part)}: ${(one.detail || CODES[one.reason] || one.reason.replaceAll("_", " ")).replace(/\.$/, "")}`;
