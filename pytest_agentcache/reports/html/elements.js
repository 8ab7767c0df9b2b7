// Make elements from plain values. Anything from a cassette is inserted as text only.

const byId = (id) => document.getElementById(id);

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") {
      for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    } else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false && child !== "" && child !== 0));
  return node;
}

const counted = (count, one, many) => `${count.toLocaleString("en")} ${count === 1 ? one : many || one + "s"}`;

function rounded(count) {
  for (const [size, unit] of [[1e6, "M"], [1e3, "k"]]) {
    if (count >= size) return String((count / size).toFixed(1)).replace(/\.0$/, "") + unit;
  }
  return String(count);
}

const tokensText = (asked, answered) => (asked || answered ? `${rounded(asked)}→${rounded(answered)} tokens` : "");

function sizeText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999500 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function ageText(instant, now) {
  const minutes = Math.max(0, Math.floor((Date.parse(now) - Date.parse(instant)) / 60000));
  if (Number.isNaN(minutes)) return "";
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h`;
  const days = Math.floor(minutes / 1440);
  return days < 100 ? `${days} d` : `${Math.floor(days / 30)} mo`;
}

// A copy button that confirms what it did, for screen readers too.
function copier(text) {
  const button = make("button", { type: "button", class: "plain" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.parentElement.querySelector("code"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = "Selected";
    }
  });
  return button;
}

// Long text is cut by its height until it is expanded.
function folded(node, text) {
  if (text.length < 1600 && text.split("\n", 19).length < 19) return [node];
  node.classList.add("clamp");
  const button = make("button", { type: "button", class: "link", "aria-expanded": "false" });
  const name = () => {
    const open = button.getAttribute("aria-expanded") === "true";
    button.textContent = open ? "Show less" : `Show all ${counted(text.length, "character")}`;
  };
  button.addEventListener("click", () => {
    const open = node.classList.toggle("clamp");
    button.setAttribute("aria-expanded", String(!open));
    name();
  });
  name();
  return [node, button];
}

function mediaOf(items) {
  return make("div", { class: "shown-media" }, items.map((item) => make("figure", {},
    item.type.startsWith("audio/")
      ? make("audio", { controls: true, preload: "none", src: item.url, "aria-label": item.name })
      : make("img", { src: item.url, alt: item.name, loading: "lazy" }),
    make("figcaption", {}, item.name))));
}
