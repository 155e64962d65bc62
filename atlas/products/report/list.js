// The list of all concepts: filtered and sorted here, a page at a time.

function startList(table) {
  const PAGE = 50;
  const body = table.tBodies[0];
  const search = document.getElementById("list-search");
  const status = document.getElementById("list-status");
  const more = document.getElementById("list-more");
  const headings = [...table.querySelectorAll("[data-sort]")];
  let key = "count", descending = true, limit = PAGE, found = [], facets = new Set();

  function cell(className, text, name = "") {
    const made = element("td", className, text);
    if (name) made.dataset.name = name;
    return made;
  }

  function line(row) {
    const tr = element("tr");
    const what = cell("what", "");
    const title = element("b");
    title.append(element("i", `dot ${facetOf(row)}`), element("bdi", "", data.name[row]));
    what.append(title, element("span", "soft", ` ${facetOf(row)}${retired.has(row) ? ", retired" : ""}`));
    if (data.description[row]) what.append(element("p", "", data.description[row]));
    if (data.members[row].length) what.append(element("p", "tags", `Tags: ${data.members[row].join(", ")}`));
    tr.append(
      cell("n key", String(data.id[row]), "id"),
      what,
      cell("n", count(data.count[row]), "chunks"),
      cell("n", rate(data.precision[row]), "precision"),
      cell("n", rate(data.recall[row]), "recall"),
    );
    return tr;
  }

  function before(a, b) {
    const [p, q] = [data[key][a], data[key][b]];
    if (p === null || q === null) return (p === null) - (q === null) || a - b; // unknown last, either way
    const order = typeof p === "string" ? p.localeCompare(q, "en") : p - q;
    return (descending ? -order : order) || a - b;
  }

  function filter() {
    const words = wordsOf(search);
    found = data.id.map((_, row) => row).filter((row) => facets.has(data.facet[row]) && matches(row, words)).sort(before);
    limit = PAGE;
    draw();
  }

  function draw() {
    body.replaceChildren(...found.slice(0, limit).map(line));
    more.hidden = found.length <= limit;
    const shown = Math.min(limit, found.length);
    status.textContent = `${count(found.length)} of ${count(data.id.length)} concepts${shown < found.length ? `; the first ${count(shown)} are shown` : ""}`;
    for (const heading of headings) {
      if (heading.dataset.sort === key) heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    }
  }

  for (const heading of headings) {
    heading.addEventListener("click", () => {
      const same = key === heading.dataset.sort;
      key = heading.dataset.sort;
      descending = same ? !descending : !["id", "name"].includes(key);
      filter();
    });
  }
  more.addEventListener("click", () => {
    limit += 4 * PAGE;
    draw();
  });
  search.addEventListener("input", filter);
  document.addEventListener("list", (event) => {
    search.value = `#${event.detail}`;
    filter();
    search.focus({ preventScroll: true });
    document.getElementById("concepts").scrollIntoView();
  });
  facets = facetToggles(document.getElementById("list-facets"), (pressed) => {
    facets = pressed;
    filter();
  });
  filter();
}

if (document.getElementById("list")) startList(document.getElementById("list"));
