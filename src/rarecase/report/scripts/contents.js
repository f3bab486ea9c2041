// The contents: where the reader is, and on a narrow screen a list that opens.

/** Mark the section that stands at the top of the window; return its link. */
function markSection(links) {
  const line = innerHeight * 0.3;
  let current = links[0];
  for (const link of links) {
    const section = targetOf(link.hash);
    if (section && section.getBoundingClientRect().top <= line) current = link;
  }
  if (innerHeight + scrollY >= document.documentElement.scrollHeight - 2) current = links.at(-1);
  for (const link of links) {
    if (link === current) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  return current;
}

/** The bar over the list: a button that opens it, and the section that is read. */
function makeBar(nav, list) {
  const where = make("span", { class: "where", "aria-hidden": "true" });
  const toggle = makeButton("Contents", () => setOpen(toggle.getAttribute("aria-expanded") !== "true"));
  toggle.classList.add("toggle");
  function setOpen(open) {
    toggle.setAttribute("aria-expanded", String(open));
    nav.classList.toggle("open", open);
  }
  setOpen(false);
  list.id = "contents-list";
  toggle.setAttribute("aria-controls", list.id);
  list.addEventListener("click", (event) => event.target.closest("a") && setOpen(false));
  nav.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !nav.classList.contains("open")) return;
    setOpen(false);
    toggle.focus();
  });
  nav.prepend(make("div", { class: "bar" }, toggle, where, makeSwitch()));
  return where;
}

/** Build the bar, and keep the mark where the reader is. */
function startContents() {
  const nav = document.querySelector("nav.contents");
  if (!nav) return;
  const list = nav.querySelector("ol");
  const links = [...list.querySelectorAll("a")];
  const where = makeBar(nav, list);
  let waiting = false;
  function update() {
    waiting = false;
    const current = markSection(links);
    where.textContent = current.textContent;
    // Not scrollIntoView, which would move the page too.
    const top = current.offsetTop - list.offsetTop;
    if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 40) {
      list.scrollTop = top - list.clientHeight / 2;
    }
  }
  function soon() {
    if (!waiting) requestAnimationFrame(update);
    waiting = true;
  }
  for (const event of ["scroll", "resize", "hashchange"]) addEventListener(event, soon, { passive: true });
  if (links.length) update();
}

document.addEventListener("DOMContentLoaded", startContents);
