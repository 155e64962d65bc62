"use strict";
// Shared by the map, the list and every mention of a concept: the data, how numbers are written, the card.

const data = JSON.parse(document.getElementById("data").textContent);
const rowOf = new Map(data.id.map((id, row) => [id, row]));
const retired = new Set(data.retired);
const THIN = "\u202f";

const count = (value) => value.toLocaleString("en-US");
const percent = (value) => (value > 0 && value < 0.001 ? `<${THIN}0.1${THIN}%` : `${(100 * value).toFixed(1)}${THIN}%`);
const rate = (thousandths) => (thousandths === null ? "–" : percent(thousandths / 1000));
const facetOf = (row) => data.facets[data.facet[row]];
const chunks = (number) => `${count(number)} chunk${number === 1 ? "" : "s"}`;

/** An element with a class and text. Data only ever becomes text: there is no markup in it to run. */
function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function quality(row) {
  if (!data.support[row]) return "";
  return `Held out: precision ${rate(data.precision[row])}, recall ${rate(data.recall[row])} on ${chunks(data.support[row])}`;
}

function matches(row, words) {
  const id = String(data.id[row]);
  const text = `${data.name[row]} ${data.description[row]} ${data.members[row].join(" ")}`.toLowerCase();
  return words.every((word) => (word.startsWith("#") ? word.slice(1) === id : word === id || text.includes(word)));
}

const wordsOf = (input) => input.value.toLowerCase().split(/\s+/).filter(Boolean);

// The card: what a concept means, beside whatever names it. A click or tap pins it.

const card = document.getElementById("card");
let pinned = false;

function showCard(row, x, y, pin = false) {
  pinned = pin;
  const kind = element("p", "kind");
  kind.append(element("i", `dot ${facetOf(row)}`), `${facetOf(row)} · #${data.id[row]}${retired.has(row) ? " · retired" : ""}`);
  const share = data.chunks ? ` · ${percent(data.count[row] / data.chunks)} of all` : "";
  const parts = [kind, element("b", "", data.name[row]), element("p", "", data.description[row])];
  parts.push(element("p", "figures", `${chunks(data.count[row])}${share}`));
  if (quality(row)) parts.push(element("p", "figures", quality(row)));
  if (data.members[row].length) parts.push(element("p", "tags", `Tags: ${data.members[row].join(", ")}`));
  if (pin) {
    const find = element("button", "", "Show in the list");
    find.type = "button";
    find.addEventListener("click", () => {
      hideCard();
      document.dispatchEvent(new CustomEvent("list", { detail: data.id[row] }));
    });
    parts.push(find);
  }
  card.replaceChildren(...parts);
  card.classList.toggle("pinned", pin);
  card.hidden = false;
  const { width, height } = card.getBoundingClientRect();
  const left = x + 18 + width < innerWidth ? x + 18 : Math.max(8, x - 18 - width);
  const top = Math.min(Math.max(8, y - height / 3), innerHeight - height - 8);
  card.style.left = `${left}px`;
  card.style.top = `${Math.max(8, top)}px`;
}

function hideCard() {
  card.hidden = true;
  pinned = false;
}

const mentioned = (event) => {
  const holder = event.target.closest?.("[data-concept]");
  return holder ? rowOf.get(Number(holder.dataset.concept)) : undefined;
};

for (const chip of document.querySelectorAll(".chip[title]")) chip.removeAttribute("title"); // the card says it better

document.addEventListener("pointerover", (event) => {
  if (pinned || event.pointerType !== "mouse") return;
  const row = mentioned(event);
  if (row !== undefined) showCard(row, event.clientX, event.clientY);
  else if (!event.target.closest?.("#map-plane")) hideCard();
});
document.addEventListener("click", (event) => {
  if (card.contains(event.target) || event.target.closest?.("#map-plane")) return;
  const row = mentioned(event);
  if (row !== undefined) showCard(row, event.clientX, event.clientY, true);
  else hideCard();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideCard();
});

// Tabs over the most frequent concepts: without scripts, all lists show.

const tabs = [...document.querySelectorAll(".tabs [role=tab]")];

function choose(tab) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", chosen);
    other.tabIndex = chosen ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).hidden = !chosen;
  }
}
tabs.forEach((tab, index) => {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(index + step + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });
});
if (tabs.length) choose(tabs[0]);

// The contents bar marks the section that is being read.

const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const [id, link] of links) link.classList.toggle("here", id === entry.target.id);
    }
  },
  { rootMargin: "-20% 0px -75% 0px" },
);
for (const id of links.keys()) watcher.observe(document.getElementById(id));

/** Facet buttons; calls back with the set of facet numbers that are pressed. */
function facetToggles(box, changed) {
  const buttons = [...box.querySelectorAll("button")];
  const pressed = () =>
    new Set(buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => data.facets.indexOf(b.dataset.facet)));
  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
      changed(pressed());
    });
  }
  return pressed();
}
