const SVG = "http://www.w3.org/2000/svg";

/** @param {string} tag @param {{[name: string]: string|number}} attributes @param {...Element} children @returns {SVGElement} */
function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * Bars from zero, as wide as there is space for, one alone as wide as a third. B is a line of steps over them.
 * @param {number[]} values @param {string[]} titles what a bar is, with its value @param {string} name
 * @param {number[]} [before] values of B @returns {SVGElement}
 */
export function barChart(values, titles, name, before = []) {
  const peak = Math.max(...values, ...before, 0) || 1;
  const gap = values.length > 60 ? 0.1 : 0.22;
  const bars = values.map((value, at) => {
    const title = draw("title", {});
    title.textContent = titles[at];
    const height = (value / peak) * 100;
    const bar = { class: "bar", x: at + gap / 2, y: 100 - height, width: 1 - gap, height };
    return draw("g", {}, draw("rect", { class: "hover-area", x: at, y: 0, width: 1, height: 100 }), draw("rect", bar), title);
  });
  const steps = before.slice(0, values.length).map((value, at) => `${at},${100 - (value / peak) * 100} ${at + 1},${100 - (value / peak) * 100}`);
  const line = draw("polyline", { class: "line-b", points: steps.join(" "), "vector-effect": "non-scaling-stroke" });
  const box = { class: "chart", viewBox: `0 0 ${values.length > 1 ? values.length : 3} 100`, preserveAspectRatio: "none", role: "img", "aria-label": name };
  return draw("svg", box, ...bars, line);
}
