// The list of tests, drawn as far as it is scrolled, and the open test.

const PIECE = 150;
const LIST = { results: [], drawn: 0, group: null, grouped: true };

// In narrow rows a name breaks between its words. Search hits are highlighted in whole texts only.
function inWords(name) {
  return name.split(/(?<=_)(?!_)/).flatMap((word, at) => (at ? [make("wbr"), word] : [word]));
}

function nameOf(name, pieces = (text) => [text]) {
  const cut = name.indexOf("[");
  return cut > 0 ? [...pieces(name.slice(0, cut)), make("i", {}, ...pieces(name.slice(cut)))] : pieces(name || "(no name)");
}

function markOf(test) {
  if (test.error || test.misses.length || test.outcome === "failed") return ["bad", "✕", test.error ? "unreadable" : "failed"];
  if (test.unused.length) return ["warn", "●", "has unused calls"];
  if (test.outcome === "passed") return ["good", "✓", "passed"];
  return ["", test.outcome ? "–" : "·", test.outcome];
}

function rowNode({ test, units }, narrowed) {
  const [kind, sign, spoken] = markOf(test);
  const calls = [...units].filter((unit) => unit.kind === "call").length;
  const about = [
    narrowed && calls && calls < test.calls.length ? `${calls} of ${counted(test.calls.length, "call")}` : counted(test.calls.length, "call"),
    test.hosts.length > 1 ? `${test.hosts[0]} +${test.hosts.length - 1}` : test.hosts[0],
    tokensText(test.in, test.out), test.recorded_at && ageText(test.recorded_at, INDEX.made),
  ].filter(Boolean).join(" · ");
  return make("a", { class: "row", href: `#t${test.at}`, id: `row-${test.at}`, "aria-current": OPEN.test === test && "page" },
    make("span", { class: `mark ${kind}`, "aria-hidden": "true" }, sign),
    make("span", { class: "name", title: test.test || test.path }, ...nameOf(test.name, inWords)),
    make("span", { class: "about" }, spoken && make("span", { class: "unseen" }, `, ${spoken}, `),
      test.error && make("span", { class: "tag bad" }, "unreadable"),
      test.misses.length && make("span", { class: "tag bad" }, `${test.misses.length} missed`),
      test.unused.length && make("span", { class: "tag warn" }, `${test.unused.length} unused`),
      test.foreign && make("span", { class: "tag" }, "other tool"), make("span", {}, about)));
}

function drawList(results, grouped, narrowed) {
  Object.assign(LIST, { results, drawn: 0, group: null, grouped, narrowed });
  byId("list").replaceChildren();
  byId("list").parentElement.scrollTop = 0;
  drawMore();
}

const watcher = new IntersectionObserver((entries) => {
  if (entries.some((entry) => entry.isIntersecting)) drawMore();
}, { root: document.querySelector(".list-pane"), rootMargin: "600px" });

function drawMore(until = LIST.drawn + PIECE) {
  const list = byId("list");
  list.querySelector(".more")?.remove();
  for (; LIST.drawn < Math.min(until, LIST.results.length); LIST.drawn += 1) {
    const result = LIST.results[LIST.drawn];
    if (LIST.grouped && result.test.group !== LIST.group) {
      LIST.group = result.test.group;
      list.append(make("h2", { class: "group", title: LIST.group }, LIST.group || "elsewhere"));
    }
    list.append(rowNode(result, LIST.narrowed));
  }
  watcher.disconnect();
  const rest = LIST.results.length - LIST.drawn;
  if (!rest) return;
  const more = make("button", { type: "button", class: "plain more", on: { click: () => drawMore() } }, `Show ${rest.toLocaleString("en")} more`);
  list.append(more);
  watcher.observe(more);
}

const backNode = () =>
  make("button", { type: "button", class: "plain back", on: { click: () => goBack() } }, "← All tests");

function testNode(test, units, narrowed) {
  const nodes = [
    backNode(),
    make("header", { class: "test-head" },
      test.group && make("p", { class: "place" }, test.group),
      make("h2", { tabindex: "-1" }, ...nameOf(test.name)),
      test.path && test.test && make("p", { class: "place" }, test.path),
      factsNode(test)),
  ];
  if (test.error) {
    nodes.push(make("div", { class: "notice", role: "note" },
      make("p", {}, make("b", {}, "This file cannot be read. "), test.error.line ? `Line ${test.error.line}: ` : "", `${test.error.problem}.`),
      make("p", {}, `${test.error.remedy}.`)));
  }
  test.misses.forEach((miss, at) => nodes.push(missNode(test, miss, at)));
  const hits = new Map([...units].filter((unit) => unit.kind === "call").map((unit) => [unit.at, unit]));
  test.calls.forEach((call, at) => {
    const hit = hits.get(at);
    const node = callNode(test, hit || unitsOf(test)[at], at, !narrowed || Boolean(hit) || !hits.size);
    if (narrowed && hits.size && !hit) node.classList.add("off");
    nodes.push(node);
  });
  if (!test.calls.length && !test.misses.length && !test.error) nodes.push(make("p", { class: "none" }, "This cassette has no calls."));
  return nodes;
}

function factsNode(test) {
  const facts = [
    test.outcome && [test.outcome === "failed" ? "bad" : test.outcome === "passed" ? "good" : "", test.outcome],
    test.misses.length && ["bad", `${test.misses.length} missed`],
    test.unused.length && ["warn", `${test.unused.length} unused`],
    ["", counted(test.calls.length, "call")],
    test.replayed && ["", `${test.replayed} replayed`],
    test.recorded && ["", `${test.recorded} recorded`],
    (test.in || test.out) && ["", tokensText(test.in, test.out)],
    test.size && ["", sizeText(test.size)],
    test.recorded_at && ["", `recorded ${test.recorded_at.slice(0, 10)}, ${ageText(test.recorded_at, INDEX.made)} old`],
    test.foreign && ["", "a cassette of another tool"],
  ];
  return make("p", { class: "facts" }, facts.filter(Boolean).map(([kind, text]) => make("span", { class: kind }, text)));
}

// Calls are rendered as they scroll into view, so that a long cassette opens at once.
const filler = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    filler.unobserve(entry.target);
    if (entry.target.wanted) entry.target.setOpen(true);
  }
}, { root: byId("detail"), rootMargin: "1200px" });
