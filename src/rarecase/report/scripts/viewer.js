// Slices of a patient, decoded when they are looked at. Names and words are set as text alone.
document.addEventListener("DOMContentLoaded", () => {
  const box = document.querySelector("dialog.viewer");
  if (!box) return;
  const part = (name) => box.querySelector(`[data-part="${name}"]`);
  const canvas = part("canvas"), pen = canvas.getContext("2d");
  const sources = [...document.querySelectorAll("script.slices")];
  const options = [...part("case").options];
  const ticks = ["true", "predicted"].filter((name) => part(name));
  const WIDEST = 768, NOTCH = 30; // pixels: of the canvas, and that a wheel turns for a slice
  const STEP = 5, FLICKER = 500; // slices; ms, slow enough for anybody's eyes
  let shown = null; // the case, its decoded slices, and of these the one on the canvas
  let phase = 0, timer = 0, rolled = 0;

  const value = (name) => Number(part(name).value);
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

  function mask(text, side) {
    const found = new Uint8Array(side * side);
    let at = 0, on = 0, run = 0, shift = 0;
    for (const byte of bytes(text)) {
      run |= (byte & 127) << shift;
      shift += 7;
      if (byte & 128) continue;
      if (on) found.fill(1, at, at + run);
      at += run;
      on ^= 1;
      run = shift = 0;
    }
    return found;
  }

  async function decoded(slice, side) {
    const picture = new Image();
    picture.src = "data:image/webp;base64," + slice.image;
    await picture.decode();
    const sheet = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    sheet.drawImage(picture, 0, 0);
    const pixels = sheet.getImageData(0, 0, picture.width, picture.height);
    const cells = Math.ceil(side / slice.coarse);
    const masks = {};
    for (const name of ticks) if (name in slice) masks[name] = mask(slice[name], cells);
    return { sheet, pixels, grey: pixels.data.filter((_, i) => i % 4 === 0), masks, cells };
  }

  function paintImage(side) {
    const { sheet, pixels, grey } = shown.slice;
    const low = value("level") - value("width") / 2, steepness = 255 / value("width");
    const looks = Uint8ClampedArray.from({ length: 256 }, (_, g) => (g - low) * steepness);
    for (let i = 0; i < grey.length; i++) {
      const at = 4 * i;
      pixels.data[at] = pixels.data[at + 1] = pixels.data[at + 2] = looks[grey[i]];
    }
    sheet.putImageData(pixels, 0, 0);
    pen.globalAlpha = 1;
    pen.imageSmoothingEnabled = pixels.width !== side; // what is whole is shown as it is
    pen.drawImage(sheet.canvas, 0, 0, canvas.width, canvas.height);
  }

  // Of the predicted mask every other edge is left out, so that it is dashed.
  function paintMask(name, cell) {
    const { masks, cells } = shown.slice, found = masks[name];
    if (!found) return;
    const fill = part("style").value === "fill", dashed = name === "predicted";
    const at = (x, y) => (x < 0 || y < 0 || x >= cells || y >= cells ? 0 : found[y * cells + x]);
    pen.globalAlpha = value("opacity") / 100;
    pen.fillStyle = pen.strokeStyle = part(name).dataset.colour;
    pen.lineWidth = Math.max(2, canvas.width / 300);
    pen.lineCap = "square";
    pen.beginPath();
    for (let y = 0; y < cells; y++) for (let x = 0; x < cells; x++) {
      if (!found[y * cells + x]) continue;
      if (fill) {
        pen.rect(x * cell, y * cell, cell, cell);
        continue;
      }
      for (const [dx, dy] of [[-1, 0], [1, 0], [0, -1], [0, 1]]) {
        if (at(x + dx, y + dy) || (dashed && ((x + y) >> 1) % 2)) continue;
        const left = (x + (dx > 0)) * cell, top = (y + (dy > 0)) * cell;
        pen.moveTo(left, top);
        pen.lineTo(left + (dx ? 0 : cell), top + (dy ? 0 : cell));
      }
    }
    if (fill) pen.fill();
    else pen.stroke();
  }

  function paint() {
    if (!shown || !shown.slice) return;
    const { side } = shown.data, flicker = part("flicker")?.value;
    paintImage(side);
    const only = flicker === "swap" ? ticks[phase] : null;
    if (flicker === "masks" && phase) return;
    const cell = (canvas.width / side) * shown.data.slices[shown.at].coarse;
    for (const name of ticks) {
      if (only ? name === only : part(name).checked) paintMask(name, cell);
    }
  }

  function count(found) {
    return found.reduce((sum, on) => sum + on, 0);
  }

  function say() {
    const { data, at, slice } = shown, one = data.slices[at];
    const words = [`Slice ${at + 1} of ${data.slices.length}, number ${one.n} of the case`];
    if (data.slices.length < data.of) words[0] += ` (${data.of} in all)`;
    const pixels = one.coarse > 1 ? `blocks of ${one.coarse} × ${one.coarse} pixels` : "pixels";
    for (const name of ticks) {
      if (slice.masks[name]) words.push(`${name} mask ${count(slice.masks[name])} ${pixels}`);
    }
    const { true: t, predicted: p } = slice.masks;
    if (t && p && count(t) + count(p)) {
      const dice = (2 * count(t.map((on, i) => on & p[i]))) / (count(t) + count(p));
      words.push(`Dice of the slice ${dice.toFixed(2)}`);
    }
    part("said").textContent = words.join("; ") + ".";
    canvas.setAttribute("aria-label", `${data.case}: ${words.join("; ")}`);
    part("slice").setAttribute("aria-valuetext", words[0]);
  }

  function sayWindow() {
    const [low, high] = shown.data.values, unit = (high - low) / 255;
    const digits = unit > 1 ? 0 : 2;
    part("level-said").textContent = (low + value("level") * unit).toFixed(digits);
    part("width-said").textContent = (value("width") * unit).toFixed(digits);
  }

  async function go(to) {
    const mine = shown, { data, slices } = mine;
    const at = Math.min(Math.max(to, 0), data.slices.length - 1);
    mine.at = part("slice").value = at;
    slices[at] ??= decoded(data.slices[at], data.side);
    const slice = await slices[at];
    if (shown !== mine || mine.at !== at) return; // another was asked for meanwhile
    mine.slice = slice;
    paint();
    say();
  }

  function resetWindow() {
    const [low, high] = shown.data.window;
    part("level").value = (low + high) / 2;
    part("width").value = high - low;
    sayWindow();
    paint();
  }

  function open(number) {
    const data = JSON.parse(sources[number].textContent);
    shown = { data, slices: [], at: 0, slice: null };
    canvas.width = canvas.height = data.side * Math.max(1, Math.floor(WIDEST / data.side));
    canvas.setAttribute("aria-label", data.case);
    part("case").value = number;
    part("name").textContent = data.case;
    part("words").textContent = data.words;
    part("slice").max = data.slices.length - 1;
    part("previous").disabled = number === 0;
    part("next").disabled = number === sources.length - 1;
    resetWindow();
    if (!box.open) {
      box.showModal();
      canvas.focus();
    }
    const sizes = data.slices.map((slice) => (slice.true ?? slice.predicted ?? "").length);
    history.replaceState(null, "", place(data.patient));
    return go(sizes.indexOf(Math.max(...sizes)));
  }

  function flicker() {
    clearInterval(timer);
    phase = timer = 0;
    const on = part("flicker") && part("flicker").value !== "off";
    if (box.open && on) timer = setInterval(() => { phase ^= 1; paint(); }, FLICKER);
    paint();
  }

  function toggle() {
    const all = ticks.some((name) => part(name).checked);
    for (const name of ticks) part(name).checked = !all;
    paint();
  }

  const place = (patient) => `#patient-${Number(patient) + 1}`;

  function follow() {
    const number = options.findIndex((each) => place(each.dataset.patient) === location.hash);
    if (number >= 0) open(number);
  }

  // Rows of patients who have slices in this page.
  function linkRows() {
    const rows = box.closest("section").querySelectorAll("figure.table tbody tr");
    const there = new Set(options.map((option) => Number(option.dataset.patient)));
    for (const number of there) {
      const head = rows[number]?.querySelector("th");
      if (!head) continue;
      const link = document.createElement("a");
      link.href = place(number);
      link.append(...head.childNodes);
      head.append(link);
    }
  }

  const keys = {
    ArrowUp: () => shown.at - 1, ArrowLeft: () => shown.at - 1,
    ArrowDown: () => shown.at + 1, ArrowRight: () => shown.at + 1,
    PageUp: () => shown.at - STEP, PageDown: () => shown.at + STEP,
    Home: () => 0, End: () => Infinity,
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in keys) go(keys[event.key]());
    else if (event.key.toLowerCase() === "m") toggle();
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    rolled += event.deltaY * (event.deltaMode ? NOTCH : 1);
    if (Math.abs(rolled) < NOTCH) return; // a touchpad tells of every pixel
    go(shown.at + Math.sign(rolled));
    rolled = 0;
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse") canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    part("width").value = value("width") + event.movementX;
    part("level").value = value("level") + event.movementY;
    sayWindow();
    paint();
  });
  part("slice").addEventListener("input", () => go(value("slice")));
  for (const name of ["level", "width"]) {
    part(name).addEventListener("input", () => { sayWindow(); paint(); });
  }
  for (const name of [...ticks, "style", "opacity"]) part(name)?.addEventListener("input", paint);
  part("flicker")?.addEventListener("input", flicker);
  part("reset").addEventListener("click", resetWindow);
  part("case").addEventListener("input", () => open(value("case")));
  part("previous").addEventListener("click", () => open(value("case") - 1));
  part("next").addEventListener("click", () => open(value("case") + 1));
  part("close").addEventListener("click", () => box.close());
  box.addEventListener("close", () => {
    if (part("flicker")) part("flicker").value = "off";
    flicker();
    history.replaceState(null, "", "#patients");
  });
  addEventListener("hashchange", follow);
  linkRows();
  follow();
});
