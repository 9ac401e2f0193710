// A run as a file.
import { asHtml } from "./export_html.js";
import { asMarkdown } from "./export_markdown.js";
import { answerOf } from "./run.js";

export const FORMATS = {
  markdown: { name: "Markdown", ending: "md", type: "text/markdown", make: asMarkdown },
  json: { name: "JSON", ending: "json", type: "application/json", make: asJson },
  html: { name: "HTML page", ending: "html", type: "text/html", make: asHtml },
};

export function exportRun(view, format) {
  const { ending, type, make } = FORMATS[format];
  const url = URL.createObjectURL(new Blob([make(view)], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `fusion-${(view.id ?? "run").slice(0, 17)}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function asJson(view) {
  const { id, question, status, createdAt, completedAt, model, previous, analysis, sources, receipt, usage, error } = view;
  const seats = view.seats.map((seat) => ({
    id: seat.id,
    label: seat.label,
    model: seat.model,
    role: seat.role,
    outcome: seat.outcome,
    error: seat.error,
    draft: seat.draft ?? (seat.text || null),
    tools: seat.tools,
  }));
  const answer = answerOf(view);
  const told = { id, question, status, created_at: createdAt, completed_at: completedAt, previous_response_id: previous, model };
  const made = { answer: answer?.text ?? null, annotations: answer?.annotations ?? [], seats, analysis, sources, receipt, usage, error };
  return `${JSON.stringify({ ...told, ...made }, null, 2)}\n`;
}
