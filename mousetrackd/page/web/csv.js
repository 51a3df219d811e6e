/**
 * A table as CSV (RFC 4180): a cell is quoted where it must be. A text that a spreadsheet would run as a formula
 * (it begins with = + - @, a tab or a line end) gets an apostrophe before it, as OWASP's "CSV Injection" recommends; numbers stay as they are.
 * @param {(string|number)[][]} rows @returns {string}
 */
export function csvOf(rows) {
  return rows.map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");
}

/** @param {string|number} value @returns {string} */
function csvCell(value) {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
