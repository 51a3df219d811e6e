// Reads a page's elements as JSON on standard input: {elements: {id: text}, questions: [Selection]}. Writes what data.js and
// tally.js answer. For test_sums.py.

import { readFileSync } from "node:fs";

import { openArchive } from "../../mousetrackd/page/web/data.js";
import { wholeSpan } from "../../mousetrackd/page/web/ranges.js";
import { sumOf, tallyDays } from "../../mousetrackd/page/web/tally.js";

const { elements, questions } = JSON.parse(readFileSync(0, "utf8"));
const document = { getElementById: (id) => (id in elements ? { textContent: elements[id] } : null), readyState: "complete" };
const archive = await openArchive(document);
const whole = wholeSpan(archive);
const answers = [];
for (const { first, last, application, layers, hours, weekdays } of questions) {
  const isIn = (at) => (!hours || hours.includes(at % 24)) && (!weekdays || weekdays.includes(Math.floor(at / 24)));
  const week = Uint8Array.from({ length: 168 }, (_, at) => Number(isIn(at)));
  const span = first === null ? whole : { first, last };
  const grids = await archive.sum({ span, week, layers, monitors: [0], application }, () => false);
  const { active, length } = sumOf(tallyDays(await archive.of(application), whole, week, [0]), span);
  const [{ total, hours: counted, inexact, values, cols }] = grids;
  const places = [...values].flatMap((value, at) => (value ? [[at % cols, Math.floor(at / cols), value]] : []));
  answers.push({ total, hours: counted, inexact, active, length, places });
}
process.stdout.write(JSON.stringify({ answers, first: (await archive.first()).map(({ total }) => total) }));
