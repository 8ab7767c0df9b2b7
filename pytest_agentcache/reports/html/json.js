// Lay out JSON for reading, with each number and string as it was written.

const JSON_TOKEN = /"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s{}[\],:"]+/gs;
const FITS = 88;
const MANY_NUMBERS = 16;

// Accept a truncated document, too: very large ones are cut.
function jsonTree(text) {
  const tokens = text.match(JSON_TOKEN) || [];
  let at = 0;
  const value = () => {
    const token = tokens[at++];
    if (token !== "{" && token !== "[") return token;
    const node = { open: token, close: token === "{" ? "}" : "]", items: [] };
    while (at < tokens.length && tokens[at] !== node.close) {
      let key;
      if (token === "{" && tokens[at + 1] === ":") {
        key = tokens[at];
        at += 2;
      }
      if (at >= tokens.length) break;
      node.items.push([key, value()]);
      if (tokens[at] === ",") at += 1;
      else if (tokens[at] !== node.close) break;
    }
    at += 1;
    return node;
  };
  return value();
}

const isNumber = (token) => typeof token === "string" && /^-?\d/.test(token);

function widthOf(node, room) {
  if (typeof node === "string") return node.length;
  let width = 2;
  for (const [key, value] of node.items) {
    width += (key ? key.length + 2 : 0) + widthOf(value, room - width) + 2;
    if (width > room) break;
  }
  return width;
}

function jsonText(text) {
  const out = document.createDocumentFragment();
  const put = (kind, piece) => out.append(kind ? make("span", { class: kind }, piece) : piece);
  const scalar = (token) => {
    if (token[0] === '"') put("j-string", token);
    else put(isNumber(token) ? "j-number" : "j-word", token);
  };
  const print = (node, indent) => {
    if (node === undefined) return;
    if (typeof node === "string") return scalar(node);
    if (!node.items.length) return put("", node.open + node.close);
    if (node.items.length > MANY_NUMBERS && node.items.every(([, each]) => isNumber(each))) {
      put("", "[");
      put("j-number", node.items.slice(0, 4).map(([, each]) => each).join(", "));
      put("j-fold", ` … ${counted(node.items.length, "number")}`);
      return put("", "]");
    }
    const inline = indent.length + widthOf(node, FITS) <= FITS;
    const deeper = indent + "  ";
    put("", node.open);
    node.items.forEach(([key, each], at) => {
      if (at) put("", inline ? ", " : ",");
      if (!inline) put("", "\n" + deeper);
      if (key !== undefined) {
        put("j-key", key);
        put("", ": ");
      }
      print(each, deeper);
    });
    put("", (inline ? "" : "\n" + indent) + node.close);
  };
  try {
    print(jsonTree(text), "");
  } catch (error) {
    // Nested too deeply for the browser's stack.
    return document.createTextNode(text);
  }
  return out;
}
