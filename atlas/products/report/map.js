// The map: dots in an SVG that is moved and scaled as one group; labels and radii keep their size on screen.

function startMap(plane) {
  const svg = plane.querySelector("svg");
  const make = (name, attributes = {}) => {
    const made = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const rows = data.map.row;
  const most = Math.max(1, ...rows.map((row) => data.count[row]));
  const status = document.getElementById("map-status");
  const search = document.getElementById("map-search");
  const dots = make("g");
  const labels = make("g");
  const ring = make("circle", { class: "ring", r: 0 });
  svg.append(dots, ring, labels);

  let width = 0, height = 0, scale = 1, left = 0, top = 0, focused = -1, hits = null, shown = new Set(), frame = 0;
  const circles = rows.map((row) => make("circle", { class: `${facetOf(row)}${data.count[row] ? "" : " unused"}` }));
  dots.append(...circles); // most frequent first, so that small dots lie on top of big ones

  const x = (at) => 24 + (data.map.x[at] / 10000) * (width - 48);
  const y = (at) => 24 + (data.map.y[at] / 10000) * (height - 48);
  const screen = (at) => [left + scale * x(at), top + scale * y(at)];
  const radius = (at) => {
    const largest = Math.min(30, width / 26) * Math.sqrt(scale);
    return Math.max(1.7 + 0.5 * Math.log2(scale), largest * Math.sqrt(data.count[rows[at]] / most));
  };
  const visible = (at) => shown.has(data.facet[rows[at]]);

  function resize() {
    width = plane.clientWidth;
    height = Math.round(Math.min(Math.max(width * 0.62, 380), 680, innerHeight * 0.85));
    plane.style.height = `${height}px`;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    circles.forEach((circle, at) => {
      circle.setAttribute("cx", x(at).toFixed(1));
      circle.setAttribute("cy", y(at).toFixed(1));
    });
    move(left, top, scale, true);
  }

  function move(newLeft, newTop, newScale, force = false) {
    const rescaled = force || newScale !== scale;
    scale = Math.min(24, Math.max(1, newScale));
    left = Math.min(0, Math.max(width * (1 - scale), newLeft));
    top = Math.min(0, Math.max(height * (1 - scale), newTop));
    svg.style.touchAction = scale > 1 ? "none" : "pan-y";
    dots.setAttribute("transform", `translate(${left} ${top}) scale(${scale})`);
    if (rescaled) circles.forEach((circle, at) => circle.setAttribute("r", (radius(at) / scale).toFixed(2)));
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(drawLabels);
  }

  function zoom(factor, px = width / 2, py = height / 2) {
    const next = Math.min(24, Math.max(1, scale * factor));
    move(px - ((px - left) * next) / scale, py - ((py - top) * next) / scale, next);
  }

  const measure = document.createElement("canvas").getContext("2d");

  /** The biggest dots in view get their names, as long as no name covers another. */
  function drawLabels() {
    measure.font = `550 12px ${getComputedStyle(document.body).fontFamily}`;
    const taken = [];
    const made = [];
    const most = width < 560 ? 14 : 32;
    for (let at = 0; at < rows.length && made.length < most; at++) {
      if (!visible(at) || (hits && !hits.has(at)) || (!hits && !data.count[rows[at]])) continue;
      const [px, py] = screen(at);
      if (px < 0 || py < 0 || px > width || py > height) continue;
      const name = data.name[rows[at]];
      const text = name.length > 30 ? `${name.slice(0, 29)}…` : name;
      const wide = measure.measureText(text).width + 6;
      const r = radius(at);
      const places = [
        [px - wide / 2, py - 8], [px + r + 2, py - 8], [px - r - 2 - wide, py - 8],
        [px - wide / 2, py - r - 18], [px - wide / 2, py + r + 2],
      ].slice(2 * r > wide ? 0 : 1);
      const free = places.find(([a, b]) =>
        a > 2 && b > 2 && a + wide < width - 2 && b + 16 < height - 2 &&
        taken.every(([c, d, w]) => a > c + w || c > a + wide || b > d + 16 || d > b + 16));
      if (!free) continue;
      taken.push([...free, wide]);
      const label = make("text", { x: (free[0] + 3).toFixed(1), y: (free[1] + 12.5).toFixed(1) });
      label.textContent = text;
      made.push(label);
    }
    labels.replaceChildren(...made);
    if (focused >= 0 && visible(focused)) {
      const [px, py] = screen(focused);
      ring.setAttribute("cx", px);
      ring.setAttribute("cy", py);
      ring.setAttribute("r", radius(focused) + 3);
    } else ring.setAttribute("r", 0);
  }

  /** The dot under a point, or the nearest within reach; small dots win over the big ones beneath them. */
  function nearest(px, py, reach) {
    let best = -1, least = Infinity;
    for (let at = rows.length - 1; at >= 0; at--) {
      if (!visible(at) || (hits && !hits.has(at))) continue;
      const [cx, cy] = screen(at);
      const distance = Math.hypot(cx - px, cy - py);
      const cost = Math.max(0, distance - radius(at)) + 0.1 * Math.min(distance, radius(at));
      if (distance < radius(at) + reach && cost < least) [best, least] = [at, cost];
    }
    return best;
  }

  function focus(at, pin = false, card = true) {
    focused = at;
    if (at < 0) {
      if (!pinned) hideCard();
    } else if (card) {
      const box = svg.getBoundingClientRect();
      const [px, py] = screen(at);
      showCard(rows[at], box.left + px + radius(at), box.top + py, pin);
    }
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(drawLabels);
  }

  function bring(at) {
    const [px, py] = screen(at);
    if (px < 30 || py < 30 || px > width - 30 || py > height - 30) move(left + width / 2 - px, top + height / 2 - py, scale);
  }

  // Pointers: hover shows, click or tap pins, drag moves, two fingers zoom.
  const fingers = new Map();
  let travelled = 0;
  const local = (event) => {
    const box = svg.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  svg.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, local(event));
    travelled = 0;
  });
  svg.addEventListener("pointermove", (event) => {
    const [px, py] = local(event);
    const before = fingers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "mouse" && !pinned) focus(nearest(px, py, 8));
      return;
    }
    travelled += Math.hypot(px - before[0], py - before[1]);
    if (travelled > 4) svg.setPointerCapture(event.pointerId);
    if (fingers.size === 1 && travelled > 4) move(left + px - before[0], top + py - before[1], scale);
    if (fingers.size === 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const factor = Math.hypot(px - other[0], py - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1]));
      zoom(factor, (px + other[0]) / 2, (py + other[1]) / 2);
    }
    fingers.set(event.pointerId, [px, py]);
  });
  const lift = (event) => {
    const wasOne = fingers.size === 1 && fingers.has(event.pointerId);
    fingers.delete(event.pointerId);
    if (event.type !== "pointerup" || !wasOne || travelled > 4) return;
    const at = nearest(...local(event), event.pointerType === "mouse" ? 8 : 20);
    pinned = false;
    focus(at, at >= 0);
  };
  svg.addEventListener("pointerup", lift);
  svg.addEventListener("pointercancel", lift);
  svg.addEventListener("pointerleave", () => {
    if (!pinned && !fingers.size) focus(-1);
  });
  svg.addEventListener("dblclick", (event) => zoom(2, ...local(event)));
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // a plain wheel scrolls the page
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 180), ...local(event));
  }, { passive: false });

  // Keyboard.
  const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  svg.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow) focus(next(arrow));
    else if (event.key === "Enter" && focused >= 0) focus(focused, true);
    else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
    else if (event.key === "Escape") focus(-1);
    else return;
    event.preventDefault();
    if (focused >= 0) {
      bring(focused);
      const row = rows[focused];
      status.textContent = `${data.name[row]}: ${facetOf(row)}, ${chunks(data.count[row])}`;
    }
  });

  function next([dx, dy]) {
    const usable = rows.map((_, at) => at).filter((at) => visible(at) && (!hits || hits.has(at)));
    if (focused < 0) return usable[0] ?? -1;
    const [fx, fy] = screen(focused);
    let best = focused, least = Infinity;
    for (const at of usable) {
      const [px, py] = screen(at);
      const ahead = (px - fx) * dx + (py - fy) * dy;
      const aside = Math.abs((px - fx) * dy) + Math.abs((py - fy) * dx);
      if (at !== focused && ahead > 0 && ahead + 2.5 * aside < least) [best, least] = [at, ahead + 2.5 * aside];
    }
    return best;
  }

  // Search and facets.
  function mark() {
    const words = wordsOf(search);
    hits = words.length ? new Set(rows.map((_, at) => at).filter((at) => visible(at) && matches(rows[at], words))) : null;
    circles.forEach((circle, at) => {
      circle.classList.toggle("away", !visible(at));
      circle.classList.toggle("dim", hits !== null && !hits.has(at));
      circle.classList.toggle("hit", hits !== null && hits.has(at));
    });
    status.textContent = hits === null ? "" : `${count(hits.size)} concept${hits.size === 1 ? "" : "s"} found`;
    focused = -1;
    move(left, top, scale);
  }
  search.addEventListener("input", mark);
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !hits || !hits.size) return;
    const [first] = hits;
    bring(first);
    focus(first, true);
  });
  shown = facetToggles(document.getElementById("map-facets"), (pressed) => {
    shown = pressed;
    mark();
  });
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      if (button.dataset.zoom === "all") move(0, 0, 1);
      else zoom(button.dataset.zoom === "in" ? 1.7 : 1 / 1.7);
    });
  }
  new ResizeObserver(() => plane.clientWidth !== width && resize()).observe(plane);
  resize();
}

if (data.map && document.getElementById("map-plane")) startMap(document.getElementById("map-plane"));
