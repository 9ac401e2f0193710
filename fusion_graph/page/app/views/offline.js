// Turn to the preset that needs no model and no key.
import { choose, setQuestion } from "../draft.js";

export function offline(question) {
  choose({ preset: "offline", panel: null, judge: null, writer: null });
  if (question) setQuestion(question);
}
