// A call and a miss: the conversation first, the bytes below it.

// A request that was cancelled before its response had begun has no status.
const statusText = (call) => String(call.status || "cancelled");
const statusKind = (status) => (status >= 500 ? "bad" : status >= 400 ? "warn" : "");

function callNode(test, unit, number, open) {
  const call = test.calls[number];
  const inside = make("div", { class: "inside", id: `inside-${number}`, hidden: true });
  const bar = make("button", { type: "button", "aria-expanded": "false", "aria-controls": inside.id },
    make("span", { class: "number" }, String(call.n)),
    make("span", { class: "method" }, call.method),
    make("span", { class: "where" }, make("b", {}, call.host), make("span", {}, call.path)),
    make("span", { class: `status ${statusKind(call.status)}` }, statusText(call)),
    call.cancelled && Boolean(call.status) && make("span", { class: "aside" }, "cancelled"),
    call.stream && make("span", { class: "aside" }, "stream"),
    call.model && make("span", { class: "aside" }, call.model),
    (call.in || call.out) && make("span", { class: "aside" }, tokensText(call.in, call.out)),
    unit.unused && make("span", { class: "tag warn" }, "unused"),
    call.says && make("span", { class: "says" }, call.says));
  const node = make("article", { class: "call", id: `call-${number}`, tabindex: "-1", "aria-label": `Call ${call.n}` },
    make("h3", {}, bar), inside);
  node.setOpen = (wanted) => {
    if (wanted && !inside.hasChildNodes()) {
      inside.append(...callParts(test, number));
      if (node.isConnected) markHits();
    }
    inside.hidden = !wanted;
    bar.setAttribute("aria-expanded", String(wanted));
  };
  node.isOpen = () => !inside.hidden;
  bar.addEventListener("click", () => node.setOpen(!node.isOpen()));
  node.wanted = open;
  return node;
}

function callParts(test, number) {
  const whole = wholeOf(test, number);
  const nodes = [];
  const answered = whole.answer.parts.length > 0;
  const earlier = earlierTurns(test, whole);
  if (earlier.length) nodes.push(earlierNode(test, whole, earlier));
  const known = allTurns(test, whole);
  nodes.push(...turnNodes(whole.turns || [], known));
  if (answered || whole.media) {
    // Media that are shown need no label. Only a chat has an assistant.
    const parts = whole.answer.parts.filter((part) => !whole.media || part.kind !== "media");
    const said = { role: whole.turns ? "assistant" : "answer", parts };
    const answer = turnNode(said, [...known, said], "answer", new Set());
    if (whole.media) answer.lastChild.append(mediaOf(whole.media));
    nodes.push(answer);
  }
  const plain = !whole.turns && !(answered && whole.answer.parts.some((part) => part.kind !== "media"));
  if (whole.turns) nodes.push(offerNode(whole));
  const shown = JSON.stringify([test.calls[number], whole.turns, whole.answer]).toLowerCase();
  const below = (message) => FOUND.words.some((word) => !shown.includes(word) && (message.body || "").toLowerCase().includes(word));
  nodes.push(messageNode("Request", `${test.calls[number].method} ${whole.url}`, whole.request, plain && whole.request.body, below(whole.request)));
  nodes.push(messageNode("Response", `${statusText(test.calls[number])} ${whole.reason || ""}`, whole.response, plain && !whole.media, below(whole.response)));
  return nodes.filter(Boolean);
}

function earlierNode(test, whole, turns) {
  const before = test.calls[whole.seen.call].n;
  const text = `${counted(turns.length, "earlier message")}, as in call ${before}`;
  const button = make("button", { type: "button", class: "link", "aria-expanded": "false" }, `Show ${text}`);
  const node = make("div", { class: "earlier" }, button);
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    button.textContent = `${open ? "Hide" : "Show"} ${text}`;
    if (open) node.after(...turnNodes(turns, turns, "old"));
    else while (node.nextElementSibling?.classList.contains("old")) node.nextElementSibling.remove();
    markHits();
  });
  return node;
}

// Messages, with each result below its tool call if both are shown.
function turnNodes(turns, known, more) {
  const placed = new Set();
  const nodes = [];
  for (const turn of turns) {
    const parts = turn.parts.filter((part) => !placed.has(part));
    if (parts.length) nodes.push(turnNode({ ...turn, parts }, turns, more, placed, known));
  }
  return nodes;
}

function turnNode(turn, shown, more, placed, known = shown) {
  const body = make("div", {});
  for (const part of turn.parts) {
    if (part.kind === "call") {
      const results = part.call ? resultsOf(part, shown).filter((each) => !placed.has(each)) : [];
      results.forEach((each) => placed.add(each));
      body.append(toolNode(part, results));
    } else if (part.kind === "result") {
      body.append(toolNode(callOf(part, known), [part], true));
    } else body.append(partNode(part));
  }
  return make("section", { class: `turn ${["system", "user", "assistant", "tool"].includes(turn.role) ? turn.role : ""} ${more || ""}` },
    make("h4", {}, turn.role || "message"), body);
}

const partsOf = (turns) => turns.flatMap((turn) => turn.parts);
const resultsOf = (call, turns) => partsOf(turns).filter((part) => part.call === call.call && part.kind !== "call");
const callOf = (result, turns) =>
  (result.call && partsOf(turns).find((part) => part.kind === "call" && part.call === result.call)) || { name: result.name };

const LABELS = { thought: "thinks", refusal: "refuses", error: "error" };

function partNode(part) {
  const node = make("div", { class: `part ${part.kind}` });
  if (LABELS[part.kind]) node.append(make("p", { class: "label" }, LABELS[part.kind]));
  if (part.media) node.append(mediaOf([part.media]));
  else if (part.kind === "media") node.append(make("p", { class: "label" }, `[${part.text}]`));
  else node.append(...folded(make("div", { class: "prose" }, part.text), part.text));
  return node;
}

function toolNode(call, results, apart) {
  const box = make("div", { class: "part tool-box" },
    make("p", { class: "label" }, make("span", {}, apart ? "result of" : "calls"),
      make("b", {}, call.name || "a tool")));
  if (call.text) box.append(argumentsNode(call.text));
  for (const part of results) {
    const came = make("div", { class: "came" });
    if (!apart) came.append(make("p", { class: "label" }, "returned"));
    if (part.media) came.append(mediaOf([part.media]));
    else came.append(...folded(make("pre", {}, looksLikeJson(part.text) ? jsonText(part.text) : part.text), part.text));
    box.append(came);
  }
  return box;
}

const looksLikeJson = (text) => /^\s*[{[]/.test(text);

function argumentsNode(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const named = value && typeof value === "object" && !Array.isArray(value) ? Object.entries(value) : [];
  if (!named.length) return text.trim() === "{}" ? "" : make("pre", {}, text);
  // As they were written: a browser's numbers are not exact.
  const written = new Map(jsonTree(text).items.map(([key, each]) => [JSON.parse(key), each]));
  return make("dl", { class: "arguments" }, named.map(([name, each]) => {
    const exact = written.get(name);
    const shown = typeof each === "string" ? each : typeof exact === "string" ? exact : JSON.stringify(each, null, 1);
    return [make("dt", {}, name), make("dd", {}, ...folded(make("pre", {}, shown), shown))];
  }).flat());
}

function offerNode(whole) {
  const settings = Object.entries(whole.settings || {});
  if (!whole.tools?.length && !settings.length) return null;
  const facts = make("dl", { class: "headers" });
  if (whole.tools?.length) facts.append(make("dt", {}, "tools"), make("dd", {}, whole.tools.join(", ")));
  for (const [name, value] of settings) facts.append(make("dt", {}, name), make("dd", {}, value));
  const about = [whole.tools?.length && counted(whole.tools.length, "tool"), settings.length && counted(settings.length, "setting")];
  return make("details", { class: "raw" },
    make("summary", {}, make("b", {}, "Parameters"), " ", about.filter(Boolean).join(", ")), make("div", {}, facts));
}

// Open if nothing else shows what the call is, or if the searched words are only here.
function messageNode(name, about, message, open, found) {
  const inside = make("div", {});
  const node = make("details", { class: "raw" },
    make("summary", {}, make("b", {}, name), " ", [message.headers.length && counted(message.headers.length, "header"), message.size || "no body"].filter(Boolean).join(", ")), inside);
  const fill = () => {
    if (inside.hasChildNodes()) return;
    inside.append(make("dl", { class: "headers" }, make("dt", {}, name === "Request" ? "sent" : "status"), make("dd", {}, about),
      message.headers.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)])));
    if (message.media) inside.append(mediaOf([message.media]));
    else if (message.body !== undefined) {
      const body = make("pre", { class: "body" }, message.json ? jsonText(message.body) : message.body);
      inside.append(...(found ? [body] : folded(body, body.textContent)));
      if (message.cut) inside.append(make("p", { class: "label" }, `This is the beginning of ${message.size}; the cassette has all of it.`));
    } else if (message.size) inside.append(make("p", { class: "label" }, `${message.size} of binary data`));
  };
  node.addEventListener("toggle", () => {
    if (!node.open) return;
    fill();
    markHits();
  });
  if (open || found) {
    fill();
    node.open = true;
  }
  return node;
}

const MISS = {
  missing: "is not on the cassette", exhausted: "was sent more often than it was recorded",
  late: "was sent after the end of its test", socket: "was not sent by a client that can be recorded",
};

function missNode(test, miss, number) {
  const facts = make("div", { class: "miss-facts" });
  if (miss.caller) facts.append(make("p", {}, "Sent at ", make("code", {}, miss.caller), miss.count > 1 ? `, ${miss.count} times` : ""));
  const closest = miss.closest;
  if (closest) {
    facts.append(make("p", {}, `Closest is call ${closest.n}, ${closest.replayed ? "already replayed" : "not replayed yet"}.`));
    if (closest.places.length) facts.append(placesNode(closest.places));
    else if (miss.kind === "missing") facts.append(make("p", { class: "aside" }, "The same under the current settings; it was recorded under different ones."));
    if (closest.diff.length) facts.append(diffNode(closest.diff));
  }
  if (miss.elsewhere) facts.append(make("p", {}, "It is on another cassette: ", make("code", {}, miss.elsewhere)));
  if (miss.body && !closest?.diff.length) {
    facts.append(...folded(make("pre", { class: "body" }, looksLikeJson(miss.body) ? jsonText(miss.body) : miss.body), miss.body));
  }
  if (miss.record) facts.append(make("div", { class: "command" }, make("code", {}, miss.record), copier(miss.record)));
  return make("article", { class: "call missed", id: `miss-${number}`, tabindex: "-1", "aria-label": `Miss ${number + 1}` },
    make("h3", {}, make("span", { class: "bar" }, make("span", { class: "tag bad" }, "missed"),
      make("span", { class: "method" }, miss.method), make("span", { class: "where" }, miss.url),
      make("span", { class: "aside" }, MISS[miss.kind] || miss.kind))), facts);
}

function placesNode(places) {
  const rows = places.map(([place, was, now]) => make("tr", {}, make("th", { scope: "row", class: "mono" }, place),
    make("td", { class: "was mono" }, was), make("td", { class: "now mono" }, now)));
  return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {},
    ["place", "recorded", "sent"].map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, rows)));
}
