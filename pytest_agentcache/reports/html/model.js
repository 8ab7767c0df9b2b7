// The data of the page, parsed piece by piece, and the search.

const INDEX = JSON.parse(byId("index").textContent);
const TESTS = INDEX.tests.map((test, at) => ({ calls: [], unused: [], misses: [], ...test, at }));

const linesOf = (test) => (test.lines ??= (byId(`calls-${test.at}`)?.textContent ?? "").split("\n"));
const wholeOf = (test, number) => JSON.parse(linesOf(test)[number]);

for (const test of TESTS) {
  test.in = test.calls.reduce((sum, call) => sum + (call.in || 0), 0);
  test.out = test.calls.reduce((sum, call) => sum + (call.out || 0), 0);
  test.hosts = [...new Set(test.calls.map((call) => call.host))];
  const cut = (test.test || "").indexOf("::");
  test.group = cut > 0 ? test.test.slice(0, cut) : (test.path || "").replace(/[^/]*$/, "").replace(/\/$/, "");
  test.name = cut > 0 ? test.test.slice(cut + 2) : test.test || (test.path || "").split("/").pop();
}

// The messages of a call, including those that an earlier call has shown.
function earlierTurns(test, whole) {
  if (!whole.seen) return [];
  const before = wholeOf(test, whole.seen.call);
  const turns = [...earlierTurns(test, before), ...(before.turns || [])].slice(0, whole.seen.turns);
  return whole.seen.answer ? [...turns, whole.seen.answer] : turns;
}

const allTurns = (test, whole) => [...earlierTurns(test, whole), ...(whole.turns || [])];

function hostOf(url) {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

// The units of a search: calls, misses, and the error of a file.
function unitsOf(test) {
  if (test.units) return test.units;
  const units = test.calls.map((call, at) => ({
    kind: "call", at, host: call.host, status: call.status, method: call.method, model: call.model || "",
    error: call.status >= 400 || Boolean(call.error), stream: call.stream, unused: test.unused.includes(call.n),
  }));
  test.misses.forEach((miss, at) => units.push({ kind: "miss", at, host: hostOf(miss.url), method: miss.method, model: "", missed: true }));
  if (test.error) units.push({ kind: "error", unreadable: true, model: "" });
  if (!units.length) units.push({ kind: "empty", model: "" });
  return (test.units = units);
}

function textOf(test, unit) {
  if (unit.text !== undefined) return unit.text;
  const pieces = [];
  const gather = (value, name) => {
    if (typeof value === "string") {
      if (name !== "kind" && name !== "role" && !(name === "url" && value.startsWith("data:"))) pieces.push(value);
    } else if (value && typeof value === "object") {
      for (const [inner, each] of Object.entries(value)) gather(each, Array.isArray(value) ? name : inner);
    }
  };
  gather([test.test, test.path]);
  if (unit.kind === "call") {
    gather(test.calls[unit.at]);
    gather(wholeOf(test, unit.at));
  } else if (unit.kind === "miss") gather(test.misses[unit.at]);
  else gather(test.error || {});
  return (unit.text = pieces.join("\n").toLowerCase());
}

const statusMatches = (status, wanted) =>
  status !== undefined && new RegExp(`^${wanted.replace(/[^0-9x]/g, "").replace(/x/g, "\\d") || "-"}`).test(String(status));

const IS = {
  missed: (unit) => unit.missed,
  unused: (unit) => unit.unused,
  error: (unit) => unit.error,
  stream: (unit) => unit.stream,
  unreadable: (unit) => unit.unreadable,
  failed: (unit, test) => test.outcome === "failed",
};

const FIELDS = {
  host: (unit, test, value) => (unit.host || "").toLowerCase().includes(value),
  status: (unit, test, value) => statusMatches(unit.status, value),
  model: (unit, test, value) => unit.model.toLowerCase().includes(value),
  method: (unit, test, value) => (unit.method || "").toLowerCase() === value,
  test: (unit, test, value) => (test.test || test.path || "").toLowerCase().includes(value),
  tool: (unit, test, value) => unit.kind === "call" && toolsOf(test, unit).some((name) => name.toLowerCase().includes(value)),
  is: (unit, test, value) => Boolean(IS[value]?.(unit, test)),
};

function toolsOf(test, unit) {
  if (unit.tools) return unit.tools;
  const whole = wholeOf(test, unit.at);
  const parts = [...(whole.turns || []), whole.answer].flatMap((turn) => turn.parts);
  return (unit.tools = parts.filter((part) => part.kind === "call").map((part) => part.name || ""));
}

// Parse `word "two words" host:name` into conditions and words to highlight.
function queryOf(text) {
  const query = { conditions: [], words: [] };
  for (const [, field, quoted, bare] of text.matchAll(/(?:(\w+):)?(?:"([^"]*)"?|(\S+))/g)) {
    const value = (quoted ?? bare).toLowerCase();
    if (!value) continue;
    if (field && FIELDS[field.toLowerCase()]) {
      const test = FIELDS[field.toLowerCase()];
      query.conditions.push((unit, owner) => test(unit, owner, value));
    } else query.words.push(field ? `${field.toLowerCase()}:${value}` : value);
  }
  return query;
}

// The matching tests, each with its matching units.
function found(filter) {
  const query = queryOf(filter.query);
  const conditions = [...query.conditions];
  if (filter.only) conditions.unshift(IS[filter.only]);
  if (filter.host) conditions.unshift((unit) => unit.host === filter.host);
  if (filter.status) conditions.unshift((unit) => statusMatches(unit.status, filter.status));
  const results = [];
  for (const test of TESTS) {
    const units = unitsOf(test).filter((unit) =>
      conditions.every((holds) => holds(unit, test)) && query.words.every((word) => textOf(test, unit).includes(word)));
    if (units.length) results.push({ test, units: new Set(units) });
  }
  return { results, words: query.words, narrowed: conditions.length + query.words.length > 0 };
}

const ORDERS = {
  age: (test) => -Date.parse(test.recorded_at || "") || -Infinity,
  tokens: (test) => test.in + test.out,
  size: (test) => test.size || 0,
  calls: (test) => test.calls.length,
};
