"use strict";
(() => {
  const all = (root, query) => [...root.querySelectorAll(query)];
  const KEY = "benchkit-ticked";

  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    root.dataset.theme = getComputedStyle(root).colorScheme === "dark" ? "light" : "dark";
  });

  // Ticks outlive paging and filtering: what is ticked on another page is compared too.
  const ticked = new Set(JSON.parse(sessionStorage.getItem(KEY) ?? "[]"));

  function show() {
    for (const box of all(document, "#compare input[name=run]")) box.checked = ticked.has(box.value);
    const go = document.getElementById("go");
    if (!go) return;
    go.disabled = ticked.size < 2;
    const said = document.getElementById("ticked");
    said.textContent = ticked.size < 2 ? `${ticked.size} ticked: tick two or more` : `${ticked.size} ticked; base: ${[...ticked].sort()[0]}`;
    sessionStorage.setItem(KEY, JSON.stringify([...ticked]));
  }

  function tickable() {
    const form = document.getElementById("compare");
    if (!form) return;
    form.addEventListener("change", (event) => {
      if (event.target.name !== "run") return;
      if (event.target.checked) ticked.add(event.target.value); else ticked.delete(event.target.value);
      show();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      location.assign(`/compare?${new URLSearchParams([...ticked].sort().map((run) => ["run", run]))}`);
    });
    show();
  }

  // Typing filters at once; the address keeps it, so a reload or a link shows the same.
  let asked = 0;
  async function filter(address, focus) {
    const number = ++asked;
    const answer = await fetch(address);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (number !== asked) return;
    for (const id of ["compare", "count"]) {
      const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
      if (old && fresh) old.replaceWith(fresh);
      else if (old || fresh) { location.assign(address); return; }
    }
    history.replaceState(null, "", address);
    tickable();
    focus?.focus();
  }

  const form = document.getElementById("filter");
  if (form) {
    let waiting = 0;
    const go = () => {
      const values = [...new FormData(form)].filter(([, value]) => value);
      filter(`/?${new URLSearchParams(values)}`);
    };
    form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(go, 150); });
    form.addEventListener("submit", (event) => { event.preventDefault(); go(); });
  }
  tickable();
})();
