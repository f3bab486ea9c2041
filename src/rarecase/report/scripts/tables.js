// Tables: sorted by a column, filtered by words, copied and saved as they are shown.

const MANY = 8; // rows, from which a filter helps
const TALL = 25; // rows, from which a table scrolls by itself
const UNITS = { d: 86400, h: 3600, min: 60, s: 1, ms: 0.001 };

/** What a cell says, without what stands small below it. */
function cellText(cell) {
  const small = cell.querySelector("small");
  const text = cell.textContent;
  return (small ? text.slice(0, text.length - small.textContent.length) : text).trim();
}

/** The number that a text begins with, such as "+0.10", "−0.05 to 0.20", "1,234", "12 %", "2 h 3
 * min" or "below 0.001"; null where it is none. */
function numberIn(text) {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?) (d|h|min|ms|s)(?= |$)/g)];
  if (parts.length && parts.map((part) => part[0]).join(" ") === text) {
    return parts.reduce((sum, part) => sum + Number(part[1]) * UNITS[part[2]], 0);
  }
  const found = /^(below )?([+−-]?)(\d[\d,]*(?:\.\d+)?|\.\d+)(?=$|[\s%×/(])/.exec(text);
  if (!found) return null;
  const size = Number(found[3].replaceAll(",", "")) * (found[1] ? 0.999 : 1);
  return found[2] && found[2] !== "+" ? -size : size;
}

/** A value of each row to sort by: numbers where all that is said in the column is one. */
function columnValues(rows, column) {
  const texts = rows.map((row) => cellText(row.cells[column]));
  const blank = texts.map((text) => text === "" || text === "–");
  const numbers = rows.map((row, i) => {
    const given = row.cells[column].dataset.value;
    return given === undefined ? numberIn(texts[i]) : Number(given);
  });
  const values = numbers.every((number, i) => blank[i] || number !== null) ? numbers : texts;
  return values.map((value, i) => (blank[i] ? null : value));
}

/** Rows in the order of a column, 1 up or -1 down; what says nothing stands last. */
function sortedRows(rows, column, direction) {
  const values = columnValues(rows, column);
  const words = new Intl.Collator(undefined, { numeric: true });
  const places = rows.map((_, i) => i).sort((i, j) => {
    const [a, b] = [values[i], values[j]];
    if (a === null || b === null) return (a === null) - (b === null);
    return direction * (typeof a === "number" ? a - b : words.compare(a, b));
  });
  return places.map((i) => rows[i]);
}

/** Make the column names buttons that sort: up, down, and as it was. */
function addSorting(table) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (!head.textContent.trim()) return;
    const sort = makeButton("", () => {
      const now = head.getAttribute("aria-sort");
      const next = now ? { ascending: "descending", descending: null }[now] : "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      if (next) head.setAttribute("aria-sort", next);
      const direction = next === "descending" ? -1 : 1;
      body.append(...(next ? sortedRows(rows, column, direction) : rows));
    });
    sort.classList.add("sort");
    sort.append(...head.childNodes);
    head.append(sort);
  });
}

/** A box that leaves the rows that hold all its words, and says how many. */
function makeFilter(table, title) {
  const rows = [...table.tBodies[0].rows];
  const label = `Filter ${rows.length} rows`;
  const box = make("input", { type: "search", placeholder: label, "aria-label": label });
  box.setAttribute("aria-describedby", title);
  const count = make("output", { class: "count" });
  let texts = null;
  box.addEventListener("input", () => {
    texts = texts || rows.map((row) => row.textContent.toLowerCase());
    const words = box.value.toLowerCase().split(/\s+/);
    rows.forEach((row, i) => { row.hidden = !words.every((word) => texts[i].includes(word)); });
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = box.value.trim() ? `${shown} of ${rows.length} rows` : "";
  });
  return [box, count];
}

/** A text as other programs read it: plain minus signs, no separators of thousands, no dash for
 * what is missing. */
function plain(text) {
  const found = text.replaceAll("−", "-");
  if (found === "–") return "";
  return /^[+-]?\d{1,3}(,\d{3})*(\.\d+)?$/.test(found) ? found.replace(/^\+|,/g, "") : found;
}

/** The rows that are shown, names first; what stands below a value has columns of its own. */
function shownRows(table) {
  const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
  const lines = [[], ...rows.map(() => [])];
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const name = head.textContent.trim();
    const cells = rows.map((row) => row.cells[column]);
    const below = cells.map((cell) => cell.querySelector("small")?.textContent ?? "");
    const ranges = below.map((text) => (text ? text.split(" to ") : ["", ""]));
    const columns = [[name, ...cells.map((cell) => plain(cellText(cell)))]];
    if (below.some(Boolean) && ranges.every((range) => range.length === 2)) {
      columns.push([`${name} low`, ...ranges.map((range) => plain(range[0]))]);
      columns.push([`${name} high`, ...ranges.map((range) => plain(range[1]))]);
    } else if (below.some(Boolean)) {
      columns.push([`${name}, below`, ...below.map(plain)]);
    }
    for (const each of columns) each.forEach((text, i) => lines[i].push(text));
  });
  return lines;
}

/** Text that a spreadsheet takes as text. */
function harmless(text) {
  const runs = /^'*[=+\-@\t\r]/.test(text);
  return runs && !/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? `'${text}` : text;
}

/** Rows as RFC 4180 has them, with the mark by which spreadsheets know UTF-8. */
function asCsv(lines) {
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const rows = lines.map((line) => line.map((text) => quoted(harmless(text))).join(","));
  return `\ufeff${rows.join("\r\n")}\r\n`;
}

/** Rows as spreadsheets paste them. */
function asTabs(lines) {
  const one = (text) => harmless(text.replace(/\s+/g, " "));
  return lines.map((line) => line.map(one).join("\t")).join("\n");
}

/** Give a table its controls. */
function prepareTable(figure) {
  const table = figure.querySelector("table");
  const rows = table.tBodies[0].rows.length;
  const title = `${figure.id}-title`;
  const tools = make("div", { class: "tools" });
  if (rows > 1) addSorting(table);
  if (rows > MANY) tools.append(...makeFilter(table, title));
  if (rows > TALL) figure.classList.add("tall");
  tools.append(
    makeButton("Copy", async () => {
      const lines = shownRows(table);
      await copyText(asTabs(lines));
      say(`Copied ${lines.length - 1} rows`);
    }, title),
    makeButton("CSV", () => {
      const text = asCsv(shownRows(table));
      saveFile(new Blob([text], { type: "text/csv;charset=utf-8" }), `${figure.dataset.name}.csv`);
    }, title),
  );
  figure.querySelector("figcaption").after(tools);
}

/** Only what scrolls is a stop for the keyboard. */
function startScrolling() {
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const { scrollWidth, clientWidth, scrollHeight, clientHeight } = target;
      target.tabIndex = scrollWidth > clientWidth || scrollHeight > clientHeight ? 0 : -1;
    }
  });
  for (const each of document.querySelectorAll(".scroll, pre")) watch.observe(each);
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("figure.table").forEach(prepareTable);
  startScrolling();
});
