// Interaction: filters, keys, and navigation between the list and a test.

const OPEN = { test: null };
const FILTER = { query: "", only: "", host: "", status: "", sort: "path" };
let FOUND = { results: [], words: [], narrowed: false };

function start() {
  document.title = INDEX.title;
  byId("title").textContent = INDEX.title;
  drawTotals();
  drawFilters();
  setTheme(stored("theme"));
  listen();
  apply();
  route();
}

function drawTotals() {
  const sum = (of) => TESTS.reduce((total, test) => total + of(test), 0);
  const missed = sum((test) => test.misses.length), unused = sum((test) => test.unused.length), broken = sum((test) => (test.error ? 1 : 0));
  const oldest = TESTS.map((test) => test.recorded_at).filter(Boolean).sort()[0];
  const hosts = new Set(TESTS.flatMap((test) => test.hosts));
  const facts = [
    ["", counted(TESTS.length, INDEX.run ? "test" : "cassette")], ["", counted(sum((test) => test.calls.length), "call")],
    ["", counted(hosts.size, "host")], ["", tokensText(sum((test) => test.in), sum((test) => test.out))],
    ["", oldest && `oldest ${ageText(oldest, INDEX.made)}`], ["bad", missed && `${missed} missed`],
    ["warn", unused && `${unused} unused`], ["bad", broken && `${broken} unreadable`],
  ];
  byId("totals").replaceChildren(...facts.filter(([, text]) => text).map(([kind, text]) => make("span", { class: kind }, text)));
}

function drawFilters() {
  const count = (name) => TESTS.reduce((sum, test) => sum + unitsOf(test).filter((unit) => IS[name](unit, test)).length, 0);
  for (const [name, label, kind] of [["missed", "Missed", "bad"], ["unreadable", "Unreadable", "bad"], ["unused", "Unused", "warn"], ["error", "Errors", ""], ["stream", "Streams", ""]]) {
    const number = count(name);
    if (!number) continue;
    const chip = make("button", { type: "button", class: `chip ${kind}`, "aria-pressed": "false", "data-only": name }, label, " ", make("b", {}, number.toLocaleString("en")));
    chip.addEventListener("click", () => {
      FILTER.only = FILTER.only === name ? "" : name;
      apply();
    });
    byId("chips").append(chip);
  }
  const units = TESTS.flatMap(unitsOf);
  const options = (id, values) => byId(id).append(make("option", { value: "" }, "any"), ...values.map((value) => make("option", { value }, value)));
  options("host", [...new Set(units.map((unit) => unit.host).filter(Boolean))].sort());
  const statuses = [...new Set(units.map((unit) => unit.status).filter(Boolean))].sort();
  const classes = [...new Set(statuses.map((status) => `${String(status)[0]}xx`))];
  options("status", [...(classes.length > 1 ? classes : []), ...statuses.map(String)]);
}

function apply() {
  FOUND = found(FILTER);
  const order = ORDERS[FILTER.sort];
  if (order) FOUND.results.sort((a, b) => order(b.test) - order(a.test));
  for (const chip of byId("chips").children) chip.setAttribute("aria-pressed", String(chip.dataset.only === FILTER.only));
  drawList(FOUND.results, !order, FOUND.narrowed);
  const calls = FOUND.results.reduce((sum, each) => sum + [...each.units].filter((unit) => unit.kind === "call").length, 0);
  const tests = FOUND.narrowed ? `${FOUND.results.length.toLocaleString("en")} of ${counted(TESTS.length, "test")}` : counted(TESTS.length, "test");
  byId("count").textContent = `${tests}, ${counted(calls, "call")}`;
  if (!FOUND.results.length) {
    byId("list").append(make("div", { class: "none" }, make("p", {}, TESTS.length ? "Nothing matches." : "There is nothing to show."),
      FOUND.narrowed && make("button", { type: "button", class: "plain", on: { click: clear } }, "Clear the filters")));
  }
  if (OPEN.test) show(OPEN.test, false);
}

function clear() {
  Object.assign(FILTER, { query: "", only: "", host: "", status: "" });
  for (const id of ["query", "host", "status"]) byId(id).value = "";
  apply();
  byId("query").focus();
}

function chooseHost(name) {
  if (isNarrow()) goBack();
  FILTER.host = byId("host").value = name;
  apply();
  focusRow(0);
}

// The address says what is open, so that going back and links to a test work.
function route() {
  const match = /^#t(\d+)(?:\.(\d+))?$/.exec(location.hash);
  const test = match && TESTS[Number(match[1])];
  if (test) show(test, true, match[2] && Number(match[2]) - 1);
  else if (location.hash !== "#detail") showOverview(location.hash === "#overview");
}

function show(test, afresh, call) {
  const same = OPEN.test === test;
  OPEN.test = test;
  document.body.dataset.open = "";
  for (const row of byId("list").querySelectorAll("[aria-current]")) row.removeAttribute("aria-current");
  markRow(test);
  const result = FOUND.results.find((each) => each.test === test);
  const detail = byId("detail");
  const top = same && !afresh ? detail.scrollTop : 0;
  filler.disconnect();
  detail.replaceChildren(...testNode(test, result ? result.units : new Set(), FOUND.narrowed && Boolean(result)));
  const nodes = [...detail.querySelectorAll(".call:not(.missed)")];
  nodes.slice(0, 3).forEach((node) => node.wanted && node.setOpen(true));
  nodes.slice(3).forEach((node) => filler.observe(node));
  detail.scrollTop = top;
  document.title = `${test.name || test.path} · ${INDEX.title}`;
  if (call !== undefined && nodes[call]) {
    nodes[call].setOpen(true);
    nodes[call].focus();
    nodes[call].scrollIntoView();
  }
  markHits();
}

function markRow(test) {
  const place = FOUND.results.findIndex((each) => each.test === test);
  if (place >= LIST.drawn) drawMore(place + PIECE);
  const row = byId(`row-${test.at}`);
  row?.setAttribute("aria-current", "page");
  row?.scrollIntoView({ block: "nearest" });
}

// On a narrow screen, the overview covers the list only if it was asked for.
function showOverview(chosen) {
  OPEN.test = null;
  if (chosen) document.body.dataset.open = "";
  else delete document.body.dataset.open;
  for (const row of byId("list").querySelectorAll("[aria-current]")) row.removeAttribute("aria-current");
  document.title = INDEX.title;
  byId("detail").replaceChildren(...overviewNodes());
  byId("detail").scrollTop = 0;
}

function goBack() {
  const row = OPEN.test && byId(`row-${OPEN.test.at}`);
  if (isNarrow()) {
    location.hash = "#";
    // Now, not on hashchange: hidden elements cannot take the focus.
    showOverview();
  }
  (row || byId("query")).focus();
}

const isNarrow = () => matchMedia("(max-width: 800px)").matches;

// Highlight search hits without changing the document (CSS Custom Highlight API).
function markHits() {
  if (!globalThis.CSS?.highlights) return;
  CSS.highlights.delete("hit");
  const words = FOUND.words;
  if (!words.length || !OPEN.test) return;
  const ranges = [];
  const walker = document.createTreeWalker(byId("detail"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node && ranges.length < 2000; node = walker.nextNode()) {
    const text = node.data.toLowerCase();
    if (text.length !== node.data.length) continue;
    for (const word of words) {
      for (let at = text.indexOf(word); at >= 0 && ranges.length < 2000; at = text.indexOf(word, at + word.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        ranges.push(range);
      }
    }
  }
  CSS.highlights.set("hit", new Highlight(...ranges));
}

function stored(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(`agentcache-${name}`);
    localStorage.setItem(`agentcache-${name}`, value);
  } catch {
    // A page opened from a file may have no storage.
  }
  return null;
}

function setTheme(name) {
  const theme = name === "light" || name === "dark" ? name : "system";
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  byId("theme").textContent = `Theme: ${theme}`;
  return theme;
}

function nextTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  // The first click switches to the other theme.
  const order = dark ? ["system", "light", "dark"] : ["system", "dark", "light"];
  const now = document.documentElement.dataset.theme || "system";
  stored("theme", setTheme(order[(order.indexOf(now) + 1) % 3]));
}

function focusRow(step) {
  const rows = FOUND.results;
  if (!rows.length) return;
  const focused = /^row-(\d+)$/.exec(document.activeElement?.id)?.[1];
  const from = focused !== undefined ? Number(focused) : OPEN.test?.at;
  const known = rows.findIndex((each) => each.test.at === from);
  const at = known < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, known + step));
  if (at >= LIST.drawn) drawMore(at + PIECE);
  const row = byId(`row-${rows[at].test.at}`);
  row.focus();
  // If there is room for both, show the test at once, without a history entry.
  if (!isNarrow()) {
    history.replaceState(null, "", row.hash);
    show(rows[at].test, true);
  }
}

function focusCall(step) {
  const calls = [...byId("detail").querySelectorAll(".call")];
  if (!calls.length) return;
  const at = calls.indexOf(document.activeElement?.closest?.(".call"));
  const call = calls[at < 0 ? 0 : Math.min(calls.length - 1, Math.max(0, at + step))];
  call.setOpen?.(true);
  call.focus({ preventScroll: true });
  call.scrollIntoView({ block: "start" });
}

function toggleAll() {
  const calls = [...byId("detail").querySelectorAll(".call:not(.missed)")];
  const open = !calls.some((call) => call.isOpen());
  filler.disconnect();
  calls.forEach((call) => call.setOpen(open));
}

const KEYS = {
  "/": () => { byId("query").focus(); byId("query").select(); },
  j: () => focusRow(1),
  k: () => focusRow(-1),
  n: () => focusCall(1),
  p: () => focusCall(-1),
  e: toggleAll,
  t: nextTheme,
  "?": () => byId("help").showModal(),
};

function escape() {
  if (document.activeElement === byId("query")) {
    if (FILTER.query) {
      byId("query").value = FILTER.query = "";
      apply();
    } else byId("query").blur();
  } else if (byId("detail").contains(document.activeElement) || isNarrow()) goBack();
  else if (OPEN.test) {
    location.hash = "#";
    document.activeElement?.blur();
  }
}

function listen() {
  addEventListener("hashchange", route);
  let waiting;
  byId("query").addEventListener("input", (event) => {
    FILTER.query = event.target.value;
    clearTimeout(waiting);
    waiting = setTimeout(apply, 120);
  });
  for (const id of ["host", "status", "sort"]) {
    byId(id).addEventListener("change", (event) => {
      FILTER[id] = event.target.value;
      apply();
    });
  }
  byId("overview").addEventListener("click", () => {
    location.hash = "overview";
    showOverview(true);
    byId("detail").focus();
  });
  byId("theme").addEventListener("click", nextTheme);
  byId("keys").addEventListener("click", KEYS["?"]);
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("detail").focus();
  });
  byId("list").addEventListener("click", (event) => {
    const row = event.target.closest?.(".row");
    if (row && row.hash === location.hash) route();
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || byId("help").open) return;
    const typing = event.target.matches?.("input, select, textarea");
    if (event.key === "Escape") return escape();
    if (event.key === "Enter" && event.target === byId("query")) {
      clearTimeout(waiting);
      apply();
      return focusRow(0);
    }
    if (typing) return;
    if (event.key === "Enter" && event.target.matches?.(".row")) {
      event.preventDefault();
      location.hash = event.target.hash;
      const test = TESTS[Number(event.target.id.slice(4))];
      if (OPEN.test !== test) show(test, true);
      byId("detail").querySelector("h2").focus();
      return;
    }
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

start();
