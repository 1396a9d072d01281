// A subset of Markdown as nodes, for messages of the type text/markdown and for the documentation. No text becomes HTML:
// whatever is not of the subset stays text. It has headings, paragraphs, lists, tables, code, quotes, emphasis, links.
import { html, nothing } from "lit";

const INLINE =
  /(?<code>`+)(?<literal>.+?)\k<code>|\[(?<label>[^\]\n]+)\]\((?<to>[^)\s]+)\)|<(?<address>https?:[^>\s]+)>|(?<mark>\*\*|__|\*|(?<!\w)_)(?=\S)(?<marked>.+?)(?<=\S)\k<mark>(?!\w)/s;
const DEPTH_MAX = 8;

// The blocks of a text. `link` says where a link leads, and null for one that stays text.
export function markdown(text, link = external) {
  return blocks(text.replaceAll("\r\n", "\n").split("\n"), link, 0);
}

// Links of a message lead to other sites only, by http or https.
export function external(to) {
  return /^https?:\/\//i.test(to) ? to : null;
}

function blocks(lines, link, depth) {
  const found = [];
  let at = 0;
  const take = (isMore) => {
    const from = at;
    while (at < lines.length && isMore(lines[at], at - from)) at++;
    return lines.slice(from, at);
  };
  while (at < lines.length) {
    const line = lines[at];
    const fence = line.match(/^ *(```+|~~~+)/)?.[1];
    if (!line.trim()) at++;
    else if (fence) {
      at++;
      const body = take((next) => !next.trim().startsWith(fence));
      at++;
      found.push(html`<pre tabindex="0"><code>${body.join("\n")}</code></pre>`);
    } else if (/^#{1,6} /.test(line)) found.push(heading(lines[at++], link));
    else if (line.startsWith("<!--")) {
      take((_, i) => i === 0 || !lines[at - 1].includes("-->"));
    } else if (isTable(lines, at)) found.push(table(take((next) => next.trim().startsWith("|")), link));
    else if (/^> ?/.test(line) && depth < DEPTH_MAX) {
      const body = take((next) => next.startsWith(">")).map((next) => next.replace(/^> ?/, ""));
      found.push(html`<blockquote>${blocks(body, link, depth + 1)}</blockquote>`);
    } else if (item(line) && depth < DEPTH_MAX) found.push(list(take(inList(line)), link, depth));
    else {
      const body = take((next, i) => next.trim() && (i === 0 || !begins(next)));
      found.push(html`<p>${inline(body.join("\n"), link, depth)}</p>`);
    }
  }
  return found;
}

const item = (line) => line.match(/^( *)([-*+]|\d{1,9}[.)]) (.*)$/);
const begins = (line) => /^(#{1,6} |```|~~~|> |\|)/.test(line) || item(line);

// Lines of one list: its items, what is indented below them, and blank lines between these.
function inList(first) {
  const margin = item(first)[1].length;
  let wasBlank = false;
  return (line) => {
    const indent = line.search(/\S/);
    const isIn = indent < 0 || indent > margin || (indent === margin && Boolean(item(line))) || !wasBlank && !begins(line);
    wasBlank = indent < 0;
    return isIn;
  };
}

function list(lines, link, depth) {
  const [, { length: margin }, mark] = item(lines[0]);
  const items = [];
  for (const line of lines) {
    const found = item(line);
    if (found && found[1].length === margin) items.push([found[3]]);
    else items.at(-1).push(line.replace(new RegExp(`^ {0,${margin + 4}}(?! *[-*+] )|^ {0,${margin + 2}}`), ""));
  }
  const body = items.map((each) => html`<li>${tight(blocks(each, link, depth + 1), each, link, depth)}</li>`);
  return /\d/.test(mark) ? html`<ol>${body}</ol>` : html`<ul>${body}</ul>`;
}

// An item of one paragraph needs no paragraph around it.
function tight(found, lines, link, depth) {
  return found.length === 1 && !begins(lines[0]) ? inline(lines.join("\n").trim(), link, depth) : found;
}

function heading(line, link) {
  const [, { length: level }, text] = line.match(/^(#+) (.*)$/);
  const body = inline(text, link, 0);
  if (level === 1) return html`<h1>${body}</h1>`;
  return level === 2 ? html`<h2 id=${anchor(text)}>${body}</h2>` : html`<h3 id=${anchor(text)}>${body}</h3>`;
}

// The fragment by which links name a heading.
export function anchor(text) {
  return text.toLowerCase().replace(/[^\w\- ]/g, "").trim().replaceAll(" ", "-");
}

function isTable(lines, at) {
  return lines[at].trim().startsWith("|") && /^\|?[\s:|-]+\|?$/.test((lines[at + 1] ?? "").trim()) && /-/.test(lines[at + 1]);
}

function table(lines, link) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
  const row = (line) => cells(line).map((cell) => html`<td>${inline(cell, link, 0)}</td>`);
  const head = cells(lines[0]).map((cell) => (cell ? html`<th scope="col">${inline(cell, link, 0)}</th>` : html`<td></td>`));
  const body = lines.slice(2).map((line) => html`<tr>${row(line)}</tr>`);
  return html`<div class="table" tabindex="0"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function inline(text, link, depth) {
  const found = [];
  for (let rest = text; rest; ) {
    const match = depth < DEPTH_MAX ? rest.match(INLINE) : null;
    found.push(match ? rest.slice(0, match.index) : rest);
    if (!match) break;
    found.push(span(match, link, depth + 1));
    rest = rest.slice(match.index + match[0].length);
  }
  return found;
}

function span(match, link, depth) {
  const { literal, label, to, address, mark, marked } = match.groups;
  if (literal !== undefined) return html`<code>${literal.replace(/^ (.*) $/s, "$1")}</code>`;
  if (mark) {
    const body = inline(marked, link, depth);
    return mark.length === 2 ? html`<strong>${body}</strong>` : html`<em>${body}</em>`;
  }
  const href = link(to ?? address);
  const body = label === undefined ? address : inline(label, link, depth);
  if (!href) return label === undefined ? match[0] : html`${body}${link === external ? ` (${to})` : nothing}`;
  return /^https?:/i.test(href)
    ? html`<a href=${href} target="_blank" rel="noopener noreferrer">${body}</a>`
    : html`<a href=${href}>${body}</a>`;
}
