/**
 * An element with its properties, or attributes where there is no property of that name, and its children.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag @param {{[name: string]: unknown}} [properties] @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element) /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** An element that page.html has. @param {string} id @returns {HTMLElement} */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** An input or select that page.html has. @param {string} id @returns {HTMLInputElement} */
export function field(id) {
  return /** @type {HTMLInputElement} */ (byId(id));
}

/** Hand a file to whoever looks at the page. @param {Blob} blob @param {string} name */
export function saveFile(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

/** The one cell of a grid that Tab reaches, and the focus when asked. @param {Element} root @param {HTMLElement|null} cell @param {boolean} focus */
export function rove(root, cell, focus) {
  if (!cell) return;
  for (const other of root.querySelectorAll('[tabindex="0"]')) /** @type {HTMLElement} */ (other).tabIndex = -1;
  cell.tabIndex = 0;
  if (focus) cell.focus();
}

/** The cell of a grid below a pointer. @param {PointerEvent} event @param {string} selector @returns {HTMLElement|null} */
export function cellUnder(event, selector) {
  const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest(selector);
  return /** @type {HTMLElement|null} */ (cell ?? null);
}

/** Which of the five steps of colour a value has; 0 for none. @param {number} value @param {number} peak @returns {number} */
export function heatStep(value, peak) {
  return value > 0 ? Math.max(1, Math.ceil((value / peak) ** 0.8 * 5)) : 0;
}
