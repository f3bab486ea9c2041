// Light or dark: as the system asks, unless the reader has chosen.

const THEME = "rarecase-theme";

/** What was chosen before; null where nothing was, or the browser keeps nothing. */
function keptTheme() {
  try {
    const found = localStorage.getItem(THEME);
    return found === "dark" || found === "light" ? found : null;
  } catch {
    return null;
  }
}

/** Whether the page is dark now. */
function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** The switch between both. */
function makeSwitch() {
  const made = makeButton("Dark", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(THEME, theme);
    } catch {
      // It lasts as long as the page is open.
    }
    update();
  });
  const update = () => made.setAttribute("aria-pressed", String(isDark()));
  made.classList.add("theme");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
  update();
  return made;
}

if (keptTheme()) document.documentElement.dataset.theme = keptTheme();
