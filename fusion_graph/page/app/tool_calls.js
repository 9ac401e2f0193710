// Searches and fetched pages, as they happen.

export const toolOf = (event) => ({
  id: event.tool_call_id,
  tool: event.tool,
  arguments: event.arguments ?? {},
  status: "running",
  sources: [],
});

export const resultOf = (tools, event) =>
  tools.map((one) => (one.id === event.tool_call_id ? { ...one, status: event.status, sources: event.sources ?? [] } : one));
