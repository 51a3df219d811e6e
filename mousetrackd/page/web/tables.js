import { csvOf } from "./csv.js";
import { make, saveFile } from "./dom.js";

/** @typedef {{title: string, name: string, format?: (value: any) => string}} Column   name: the column's in CSV, with its unit */
/** @typedef {{columns: Column[], rows: (string|number)[][]}} Table */

/** @param {Table} table @param {string} caption @returns {HTMLTableElement} */
function tableOf({ columns, rows }, caption) {
  return make(
    "table",
    { className: "data" },
    make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...columns.map(({ title }) => make("th", { scope: "col" }, title)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((value, at) => {
      const text = columns[at].format?.(value) ?? String(value);
      return at ? make("td", {}, text) : make("th", { scope: "row" }, text);
    })))),
  );
}

/**
 * What a picture shows, as a table that opens below it and as CSV. The table is built when it is opened.
 * @param {string} id @param {string} caption @param {() => Table} read @param {() => string} nameOf the CSV file's
 * @returns {{box: HTMLElement, refresh(): void}}
 */
export function createTable(id, caption, read, nameOf) {
  const holder = make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption });
  const details = make("details", { id: `${id}-table` }, make("summary", {}, "Table"), holder);
  const refresh = () => holder.replaceChildren(...(details.open ? [tableOf(read(), caption)] : []));
  details.addEventListener("toggle", refresh);
  const save = make("button", { type: "button", id: `${id}-csv`, "aria-label": `${caption}, as CSV` }, "CSV");
  save.addEventListener("click", () => {
    const { columns, rows } = read();
    saveFile(new Blob([csvOf([columns.map(({ name }) => name), ...rows])], { type: "text/csv" }), nameOf());
  });
  return { box: make("div", { className: "table-box" }, details, save), refresh };
}
