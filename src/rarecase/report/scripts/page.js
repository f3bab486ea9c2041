// What the other scripts build their controls with. Without scripts the page has none, and
// everything that it says.

/** An element with its attributes and children; text is text. */
function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A button that does something; `about` is the id of what it is about. */
function makeButton(label, action, about) {
  const made = make("button", { type: "button" }, label);
  if (about) made.setAttribute("aria-describedby", about);
  made.addEventListener("click", action);
  return made;
}

/** Hand a file to the reader. */
function saveFile(blob, name) {
  const address = URL.createObjectURL(blob);
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** Say something to those who listen to the page and, where it is `shown`, on it. */
function say(words, { shown = true } = {}) {
  const place = document.querySelector(".said");
  place.classList.toggle("shown", shown);
  place.textContent = words;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => place.classList.remove("shown"), 4000);
}

/** Put text on the clipboard, also where the browser has no such interface. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { class: "aside", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** What the address names, or null. */
function targetOf(address) {
  try {
    return document.getElementById(decodeURIComponent(address.slice(1)));
  } catch {
    return null; // no address at all
  }
}

/** Open what holds the target of the address, which may lie in closed details. */
function showTarget() {
  const target = targetOf(location.hash);
  if (!target) return;
  let closed = false;
  for (let at = target.closest("details"); at; at = at.parentElement.closest("details")) {
    closed = closed || !at.open;
    at.open = true;
  }
  if (closed) target.scrollIntoView();
}

/** On paper everything is open; afterwards as it was. */
function startPrinting() {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const each of opened) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of opened) each.open = false;
  });
}

document.documentElement.classList.add("scripted");
addEventListener("hashchange", showTarget);
document.addEventListener("DOMContentLoaded", () => {
  document.body.append(make("div", { class: "said", role: "status" }));
  startPrinting();
  showTarget();
});
