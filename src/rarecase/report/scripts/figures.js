// Figures: saved as they are on paper, and the values of their marks.

const NEAR = 24; // pixels from a mark at which its values are shown
const SCALE = 3; // pixels of a saved picture for each of the page

/** The figure's colours on white, whatever the page looks like now. */
function onPaper(style) {
  const paper = document.body.appendChild(make("div", { class: "paper" }));
  const colours = getComputedStyle(paper);
  const found = style.replace(/var\((--[\w-]+)\)/g, (_, name) => colours.getPropertyValue(name).trim());
  paper.remove();
  return found;
}

/** An SVG of the page as a file of its own. */
function standalone(svg) {
  const copy = svg.cloneNode(true);
  for (const mark of copy.querySelectorAll("[data-told]")) {
    const title = document.createElementNS(copy.namespaceURI, "title");
    title.textContent = mark.dataset.told;
    mark.prepend(title);
    delete mark.dataset.told;
  }
  for (const name of ["tabindex", "class"]) copy.removeAttribute(name);
  copy.setAttribute("width", svg.viewBox.baseVal.width);
  copy.setAttribute("height", svg.viewBox.baseVal.height);
  for (const each of copy.querySelectorAll("[style]")) {
    each.setAttribute("style", onPaper(each.getAttribute("style")));
  }
  const text = new XMLSerializer().serializeToString(copy);
  return new Blob([text], { type: "image/svg+xml;charset=utf-8" });
}

/** The same as pixels. */
async function asPicture(svg) {
  const { width, height } = svg.viewBox.baseVal;
  const address = URL.createObjectURL(standalone(svg));
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = make("canvas", { width: Math.round(width * SCALE), height: Math.round(height * SCALE) });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** Every mark with values, where it stands now and what it says. */
function marksOf(svg) {
  return [...svg.querySelectorAll("[data-told]")].map((mark) => ({
    words: mark.dataset.told,
    mark,
    box: mark.getBoundingClientRect(),
  }));
}

/** How far a point is from a box. */
function distance(box, x, y) {
  const dx = Math.max(box.left - x, 0, x - box.right);
  const dy = Math.max(box.top - y, 0, y - box.bottom);
  return Math.hypot(dx, dy);
}

/** The mark under a point, or the nearest; small ones before large ones, which hold them. */
function markAt(marks, x, y) {
  let best = null;
  let least = NEAR;
  for (const each of marks) {
    const far = distance(each.box, x, y) + Math.min(each.box.width + each.box.height, 400) / 50;
    if (far < least) [best, least] = [each, far];
  }
  return best;
}

/** Show what a mark says beside it, or nothing. */
function showWords(tip, found) {
  tip.hidden = !found;
  document.querySelector(".told")?.classList.remove("told");
  if (!found) return;
  tip.textContent = found.words;
  found.mark.classList.add("told");
  const box = found.mark.getBoundingClientRect();
  const left = box.left + box.width / 2 - tip.offsetWidth / 2;
  const above = box.top - tip.offsetHeight - 8;
  tip.style.left = `${Math.max(4, Math.min(left, innerWidth - tip.offsetWidth - 4))}px`;
  tip.style.top = `${above > 4 ? above : box.bottom + 8}px`;
}

/** Values of marks under the pointer, and under the arrow keys. */
function addValues(svg, tip) {
  const titles = [...svg.querySelectorAll("title")];
  if (!titles.length) return;
  for (const title of titles) { // the browser would show them too, late
    title.parentElement.dataset.told = title.textContent;
    title.remove();
  }
  let marks = [];
  let place = -1;
  svg.setAttribute("tabindex", "0");
  svg.addEventListener("pointerenter", () => { marks = marksOf(svg); });
  const point = (event) => {
    if (!marks.length || marks[0].box.top !== marks[0].mark.getBoundingClientRect().top) marks = marksOf(svg);
    showWords(tip, markAt(marks, event.clientX, event.clientY));
  };
  svg.addEventListener("pointermove", point);
  svg.addEventListener("pointerdown", point);
  svg.addEventListener("pointerleave", () => showWords(tip, null));
  svg.addEventListener("blur", () => { showWords(tip, null); place = -1; });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") showWords(tip, null);
    if (!step) return;
    event.preventDefault();
    marks = marksOf(svg);
    place = place < 0 && step < 0 ? marks.length - 1 : (place + step + marks.length) % marks.length;
    showWords(tip, marks[place]);
    say(marks[place].words, { shown: false });
  });
}

/** Give a figure its controls. */
function prepareFigure(figure, tip) {
  const svg = figure.querySelector("svg");
  const caption = figure.querySelector("figcaption");
  const name = figure.dataset.name;
  const title = `${figure.id}-title`;
  const tools = make("div", { class: "tools" },
    makeButton("SVG", () => saveFile(standalone(svg), `${name}.svg`), title),
    makeButton("PNG", async () => saveFile(await asPicture(svg), `${name}.png`), title),
  );
  caption.after(tools);
  addValues(svg, tip);
}

document.addEventListener("DOMContentLoaded", () => {
  const tip = make("div", { class: "tip", hidden: "", "aria-hidden": "true" });
  document.body.append(tip);
  for (const figure of document.querySelectorAll("figure.chart")) prepareFigure(figure, tip);
});
