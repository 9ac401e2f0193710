// What the npm package `openai` makes of a running server: node client.mjs BASE_URL; prints JSON.
import OpenAI from "openai";

const [baseURL] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const plugins = [
  { id: "fusion", mode: "fuse", analysis_models: ["acme/alpha", "bolt/beta"], model: "dune/delta", tools: [] },
];
const model = "echo/omega";
const messages = [{ role: "user", content: "Does a carbon tax cut emissions?" }];
const told = {};

told.models = (await client.models.list()).data.map((each) => each.id);
const chat = await client.chat.completions.create({ model, messages, plugins });
told.chat = { content: chat.choices[0].message.content, deliberated: chat.fusion.deliberated };

let text = "";
let usage = null;
const options = { include_usage: true };
for await (const chunk of await client.chat.completions.create({ model, messages, plugins, stream: true, stream_options: options })) {
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
told.stream = { text, total: usage.total_tokens };
told.helper = await client.chat.completions.stream({ model, messages, plugins }).finalContent();

const response = await client.responses.create({ model, input: messages[0].content, plugins });
told.response = { text: response.output_text, types: response.output.map((item) => item.type), status: response.status };

// `responses.stream` of this package throws on any event that OpenAI does not have; the plain stream passes them on.
const events = [];
let final = null;
for await (const event of await client.responses.create({ model, input: messages[0].content, plugins, stream: true })) {
  events.push(event.type);
  final = event.response ?? final;
}
told.responseStream = { text: final.output.at(-1).content[0].text, events };

const next = await client.responses.create({ model, input: "Why?", previous_response_id: response.id, plugins });
told.next = next.output_text;

let background = await client.responses.create({ model, input: messages[0].content, plugins, background: true });
while (["queued", "in_progress"].includes(background.status)) {
  await new Promise((done) => setTimeout(done, 50));
  background = await client.responses.retrieve(background.id);
}
told.background = { text: background.output_text, status: background.status };
told.deleted = (await client.responses.delete(background.id)) ?? null;
try {
  await client.responses.retrieve(background.id);
} catch (error) {
  told.gone = { name: error.constructor.name, status: error.status, code: error.code };
}
try {
  await client.chat.completions.create({ model, messages, plugins: [{ ...plugins[0], max_tool_calls: 17 }] });
} catch (error) {
  told.refused = { name: error.constructor.name, status: error.status, param: error.param };
}
process.stdout.write(JSON.stringify(told));
