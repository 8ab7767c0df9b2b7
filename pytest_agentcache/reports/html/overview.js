// The page before a test is open: what needs attention, and the hosts.

function overviewNodes() {
  const calls = TESTS.flatMap((test) => test.calls);
  const nodes = [backNode(), make("h2", { tabindex: "-1" }, "Overview"),
    make("p", { class: "lead" }, INDEX.run ? `A run in mode ${INDEX.run.mode}, ended ${spokenTime(INDEX.made)}.` : `Made ${spokenTime(INDEX.made)}.`)];
  const bad = [
    ["Cannot be read", TESTS.filter((test) => test.error), (test) => test.error.problem],
    ["Missed", TESTS.filter((test) => test.misses.length), (test) => `${test.misses[0].method} ${test.misses[0].url}${test.misses.length > 1 ? ` and ${test.misses.length - 1} more` : ""}`],
    ["Unused", TESTS.filter((test) => test.unused.length), (test) => `call${test.unused.length > 1 ? "s" : ""} ${test.unused.join(", ")}`],
  ];
  for (const [title, tests, about] of bad) if (tests.length) nodes.push(...listNodes(title, tests, about));
  if (INDEX.run?.late?.length) {
    nodes.push(make("h3", {}, "Sent after the end of their tests, or outside any test"), make("ul", {}, INDEX.run.late.map((line) => make("li", {}, line))));
  }
  if (calls.length) nodes.push(make("h3", {}, "Hosts"), hostsNode(calls));
  const old = TESTS.filter((test) => test.recorded_at).sort((a, b) => (a.recorded_at < b.recorded_at ? -1 : 1)).slice(0, 5);
  if (old.length > 1) nodes.push(...listNodes("Oldest", old, (test) => `${ageText(test.recorded_at, INDEX.made)} old, of ${test.recorded_at.slice(0, 10)}`));
  const dear = TESTS.filter((test) => test.in + test.out).sort((a, b) => b.in + b.out - a.in - a.out).slice(0, 5);
  if (dear.length > 1) nodes.push(...listNodes("Most tokens", dear, (test) => tokensText(test.in, test.out)));
  return [make("div", { class: "overview" }, nodes)];
}

const spokenTime = (instant) => instant.replace("T", " ").replace(/:\d\dZ$/, " UTC");

function listNodes(title, tests, about) {
  const shown = tests.slice(0, 20);
  return [make("h3", {}, `${title}${tests.length > 5 ? ` (${tests.length.toLocaleString("en")})` : ""}`), make("ul", {},
    shown.map((test) => make("li", {}, make("a", { href: `#t${test.at}` }, test.name), " ", make("span", { class: "aside" }, about(test)))),
    tests.length > shown.length && make("li", { class: "aside" }, `and ${tests.length - shown.length} more, with the filters above`))];
}

function hostsNode(calls) {
  const hosts = new Map();
  for (const call of calls) {
    const host = hosts.get(call.host) || { calls: 0, errors: 0, in: 0, out: 0 };
    host.calls += 1;
    host.errors += call.status >= 400 || Boolean(call.error);
    host.in += call.in || 0;
    host.out += call.out || 0;
    hosts.set(call.host, host);
  }
  const rows = [...hosts].sort(([, a], [, b]) => b.calls - a.calls).slice(0, 30).map(([name, host]) => make("tr", {},
    make("th", { scope: "row" }, make("button", { type: "button", class: "link", on: { click: () => chooseHost(name) } }, name)),
    make("td", { class: "num" }, host.calls.toLocaleString("en")), make("td", { class: "num" }, host.errors || ""),
    make("td", { class: "num" }, host.in ? host.in.toLocaleString("en") : ""), make("td", { class: "num" }, host.out ? host.out.toLocaleString("en") : "")));
  const head = ["host", "calls", "errors", "tokens in", "tokens out"];
  return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, make("tr", {},
    head.map((name, at) => make("th", { scope: "col", class: at && "num" }, name)))), make("tbody", {}, rows)));
}
