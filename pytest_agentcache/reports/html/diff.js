// Compare two requests line by line, and changed lines word by word.

const WORDS = /\s+|[\p{L}\p{N}_]+|./gsu;

// The words that only one of two lines has, by the longest common sequence.
function wordDiff(was, now) {
  const left = was.match(WORDS) || [], right = now.match(WORDS) || [];
  if (left.length * right.length > 400000) return [[[was, true]], [[now, true]]];
  const width = right.length + 1;
  const best = new Uint16Array((left.length + 1) * width);
  for (let a = left.length - 1; a >= 0; a -= 1) {
    for (let b = right.length - 1; b >= 0; b -= 1) {
      best[a * width + b] = left[a] === right[b]
        ? best[(a + 1) * width + b + 1] + 1 : Math.max(best[(a + 1) * width + b], best[a * width + b + 1]);
    }
  }
  const out = [[], []];
  let a = 0, b = 0;
  while (a < left.length || b < right.length) {
    if (a < left.length && b < right.length && left[a] === right[b]) {
      out[0].push([left[a++], false]);
      out[1].push([right[b++], false]);
    } else if (b >= right.length || (a < left.length && best[(a + 1) * width + b] >= best[a * width + b + 1])) out[0].push([left[a++], true]);
    else out[1].push([right[b++], true]);
  }
  return out;
}

function pieces(words) {
  const joined = [];
  for (const [word, changed] of words) {
    const last = joined.at(-1);
    if (last && last[1] === changed) last[0] += word;
    else joined.push([word, changed]);
  }
  return joined.map(([text, changed]) => (changed ? make("mark", {}, text) : text));
}

const LINE = { "-": ["minus", "−", "recorded: "], "+": ["plus", "+", "sent: "], " ": ["", "", ""], "@": ["gap", "⋯", ""] };

function diffNode(lines) {
  const node = make("div", { class: "diff", role: "group", "aria-label": "Recorded and sent, line by line" });
  const line = (sign, content) => {
    const [kind, shown, spoken] = LINE[sign];
    node.append(make("div", { class: kind }, make("span", { "aria-hidden": "true" }, shown),
      make("span", {}, spoken && make("span", { class: "unseen" }, spoken), ...content)));
  };
  for (let at = 0; at < lines.length;) {
    let gone = at;
    while (gone < lines.length && lines[gone][0] === "-") gone += 1;
    let come = gone;
    while (come < lines.length && lines[come][0] === "+") come += 1;
    const old = lines.slice(at, gone), fresh = lines.slice(gone, come);
    if (old.length && old.length === fresh.length) {
      const pairs = old.map(([, was], index) => wordDiff(was, fresh[index][1]));
      pairs.forEach(([was]) => line("-", pieces(was)));
      pairs.forEach(([, now]) => line("+", pieces(now)));
      at = come;
    } else {
      line(lines[at][0], [lines[at][1]]);
      at += 1;
    }
  }
  return node;
}
