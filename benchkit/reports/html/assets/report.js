"use strict";
(() => {
  const views = new Map();
  const all = (root, query) => [...root.querySelectorAll(query)];

  async function draw(figure) {
    const spec = JSON.parse(document.getElementById(`spec-${figure.dataset.chart}`).textContent);
    const plot = figure.querySelector(".plot");
    plot.replaceChildren();
    // `ast` interprets expressions: no eval, so the strictest policy lets it work.
    const { view } = await window.vegaEmbed(plot, spec, {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
    });
    views.set(figure, view);
    // The words beside it stand for the picture: its marks one by one would be noise.
    plot.querySelector("svg").setAttribute("aria-hidden", "true");
    figure.querySelector(".tools").hidden = false;
    const names = spec.params.map((param) => param.name);
    if (names.includes("x0")) zoomable(figure, view);
  }

  function zoomable(figure, view) {
    const whole = [view.signal("x0"), view.signal("x1")];
    const { axis } = figure.dataset;
    // Charts along one axis show the same stretch of it.
    const show = (from, to) => {
      const beside = axis ? all(document, `[data-axis="${CSS.escape(axis)}"]`) : [figure];
      for (const each of beside) views.get(each)?.signal("x0", from).signal("x1", to).runAsync();
    };
    let dragged = null;
    view.addSignalListener("brush", (_, value) => { dragged = Object.values(value)[0] ?? dragged; });
    figure.addEventListener("pointerdown", () => { dragged = null; });
    window.addEventListener("pointerup", () => {
      if (!dragged) return;
      const [from, to] = [Math.min(...dragged), Math.max(...dragged)];
      dragged = null;
      view.signal("brush_x", []);
      if (to - from > (whole[1] - whole[0]) / 1e4) show(from, to);
    });
    figure.querySelector(".plot").addEventListener("dblclick", () => show(...whole));
    const moves = {
      in: (from, to) => [from + (to - from) / 4, to - (to - from) / 4],
      out: (from, to) => [Math.max(whole[0], from - (to - from) / 2), Math.min(whole[1], to + (to - from) / 2)],
      left: (from, to) => [from - (to - from) / 4, to - (to - from) / 4],
      right: (from, to) => [from + (to - from) / 4, to + (to - from) / 4],
      all: () => whole,
    };
    for (const button of all(figure, "[data-zoom]")) {
      button.addEventListener("click", () => show(...moves[button.dataset.zoom](view.signal("x0"), view.signal("x1"))));
    }
  }

  function togglable(figure) {
    for (const button of all(figure, "[data-series]")) {
      button.addEventListener("click", () => {
        const shown = button.getAttribute("aria-pressed") === "true";
        button.setAttribute("aria-pressed", String(!shown));
        const hidden = all(figure, '[data-series][aria-pressed="false"]').map((each) => each.dataset.series);
        views.get(figure)?.signal("hidden", hidden).runAsync();
      });
    }
  }

  async function picture(figure) {
    const style = getComputedStyle(document.documentElement);
    const text = await views.get(figure).toSVG();
    const ground = `<rect width="100%" height="100%" fill="${style.getPropertyValue("--card")}"/>`;
    return text.replace(/var\((--[a-z]+)\)/g, (_, name) => style.getPropertyValue(name).trim())
      .replace(/(<svg[^>]*>)/, `$1${ground}`);
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function savable(figure) {
    for (const button of all(figure, "[data-save]")) {
      button.addEventListener("click", async () => {
        const svg = new Blob([await picture(figure)], { type: "image/svg+xml" });
        const name = `${figure.dataset.chart}.${button.dataset.save}`;
        if (button.dataset.save === "svg") { save(svg, name); return; }
        const image = new Image();
        image.src = URL.createObjectURL(svg);
        await image.decode();
        const canvas = document.createElement("canvas");
        canvas.width = 2 * image.width;
        canvas.height = 2 * image.height;
        canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
        canvas.toBlob((blob) => save(blob, name));
      });
    }
  }

  const text = (cell) => cell.textContent.trim();
  const order = (one, other) => {
    const [a, b] = [one, other].map((cell) => cell.dataset.n ?? text(cell).replace(/[±%,]/g, ""));
    if (a === "" || b === "") return (a === "") - (b === "");
    const difference = Number(a) - Number(b);
    return Number.isNaN(difference) ? a.localeCompare(b, undefined, { numeric: true }) : difference;
  };

  function sortable(table) {
    const heads = all(table, "thead th");
    heads.forEach((head, column) => {
      head.querySelector(".sort")?.addEventListener("click", () => {
        const falling = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows].sort((one, other) => order(one.cells[column], other.cells[column]));
        body.append(...(falling ? rows.reverse() : rows));
      });
    });
  }

  async function copy(button, words) {
    try {
      await navigator.clipboard.writeText(words);
    } catch {
      const area = document.createElement("textarea");
      area.value = words;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    const before = button.textContent;
    button.textContent = "copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  for (const button of all(document, "[data-copy]")) {
    button.closest(".tools").hidden = false;
    button.addEventListener("click", () => {
      const rows = [...document.getElementById(button.dataset.copy).rows];
      copy(button, rows.map((row) => [...row.cells].map(text).join("\t")).join("\n"));
    });
  }
  for (const button of all(document, "[data-copytext]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button, text(document.getElementById(button.dataset.copytext))));
  }
  all(document, "table").forEach(sortable);

  const theme = document.getElementById("theme");
  if (theme) {
    theme.hidden = false;
    theme.addEventListener("click", () => {
      const root = document.documentElement;
      const dark = getComputedStyle(root).colorScheme === "dark";
      root.dataset.theme = dark ? "light" : "dark";
    });
  }

  (async () => {
    for (const figure of all(document, "[data-chart]")) {
      togglable(figure);
      savable(figure);
      try {
        await draw(figure);
      } catch (error) {
        figure.querySelector(".plot").textContent = `This chart cannot be drawn: ${error.message}`;
      }
    }
    document.documentElement.dataset.drawn = String(views.size);
  })();
})();
