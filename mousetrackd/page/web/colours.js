// The colours of a picture, as mousetrackd/picture/theme.py and blend.py choose them. Pure.

/** @typedef {[number, number, number]} Rgb red, green, blue from 0 to 255 */
/** @typedef {{palette: Uint8ClampedArray, panel: Rgb, text: Rgb, line: Rgb}} Colours
 *   palette: 256 times red, green, blue and opacity, from cold to hot. panel: where no monitor is; text and line on it. */

const LAST = 255;
const LIGHT_FROM = 50;
const LINE_CONTRAST = 3;
const ONE_WAY = 0.05;
const FADED_IN = 0.12;
const COLOURED_FADED_IN = 0.1;
const OVER_OPAQUE_FROM = 0.45;
const COLOURED_OVER_FADED_IN = 0.25;
const APART = 3;
/** @type {Rgb} */
const WHITE = [255, 255, 255];
/** @type {[Rgb, Rgb][]} Panel and text, of a dark picture and of a light one */
const PANELS = [[[15, 17, 21], [236, 238, 242]], [[246, 244, 240], [22, 24, 29]]];

/**
 * @param {string} base64 of 256 times red, green and blue
 * @returns {Rgb[]}
 */
export function mapFrom(base64) {
  const bytes = Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return Array.from({ length: 256 }, (_, at) => /** @type {Rgb} */ (bytes.slice(3 * at, 3 * at + 3)));
}

/** @param {Rgb} colour */
function luminance(colour) {
  const [red, green, blue] = colour.map((one) => {
    const encoded = one / 255;
    return encoded <= 0.04045 ? encoded / 12.92 : ((encoded + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** @param {Rgb} colour CIE L*, from 0 to 100 */
function lightness(colour) {
  const share = luminance(colour);
  return share > 216 / 24389 ? 116 * Math.cbrt(share) - 16 : (share * 24389) / 27;
}

/**
 * @param {Rgb} one
 * @param {Rgb} other
 */
function contrast(one, other) {
  const ratio = (luminance(one) + 0.05) / (luminance(other) + 0.05);
  return Math.max(ratio, 1 / ratio);
}

/**
 * @param {Rgb} one
 * @param {Rgb} other
 * @param {number} share of the other
 * @returns {Rgb}
 */
export function mixed(one, other, share) {
  return /** @type {Rgb} */ (one.map((value, at) => Math.round(value * (1 - share) + other[at] * share)));
}

/** @param {Rgb[]} colours Do they grow only lighter, or only darker? */
function runsOneWay(colours) {
  let [up, down] = [0, 0];
  colours.map(lightness).reduce((last, one) => {
    if (one > last) up += one - last;
    else down += last - one;
    return one;
  });
  return Math.min(up, down) <= ONE_WAY * Math.max(up, down);
}

/**
 * @param {Rgb[]} colours
 * @param {number} place from 0 to 255, whole or between
 */
function colourAt(colours, place) {
  const below = Math.floor(place);
  return mixed(colours[below], colours[Math.min(below + 1, LAST)], place - below);
}

/**
 * As many colours, of which the coldest goes up to a level.
 * @param {Rgb[]} colours
 * @param {number} level
 */
function fromLevel(colours, level) {
  return colours.map((_, at) => colourAt(colours, (Math.max(at - level, 0) / (LAST - level)) * LAST));
}

/**
 * Colours that fade into the background, of the part of the map that is beyond it.
 * @param {Rgb[]} colours
 * @param {Rgb} background
 */
function onBackground(colours, background) {
  const isOneWay = runsOneWay(colours);
  const faded = (isOneWay ? FADED_IN : COLOURED_FADED_IN) * LAST;
  let seen = fromLevel(colours, faded);
  if (isOneWay) {
    const ways = colours.map((one) => lightness(one) - lightness(background));
    const first = Math.max(ways.findIndex((way) => way * Math.sign(ways[LAST]) > APART), 0);
    seen = colours.map((_, at) => colourAt(colours, first + ((LAST - first) * at) / LAST));
  }
  return seen.map((one, at) => {
    const share = Math.min(at / faded, 1);
    return mixed(background, one, share ** 2 * (3 - 2 * share));
  });
}

/**
 * @param {{[name: string]: string}} maps
 * @param {{map: string, isLight: boolean, isDifference: boolean, opacity: number|null}} choice
 *   map: may end in "_r". isLight: the page is. opacity: of the hottest place over an image; null without one
 * @returns {Colours}
 */
export function coloursOf(maps, choice) {
  const isReversed = choice.map.endsWith("_r");
  const isOver = choice.opacity !== null;
  let name = isReversed ? choice.map.slice(0, -2) : choice.map;
  let onWhite = !isOver && (name === "classic" || (choice.isLight && !isReversed));
  if (choice.isDifference) {
    name = choice.isLight === isReversed ? "difference" : "difference_light";
    onWhite = false;
  }
  let colours = mapFrom(maps[name] ?? maps.ember);
  const isOneWay = runsOneWay(colours);
  // On a light page the reversed map is the dark picture.
  if (!choice.isDifference && isReversed && !(choice.isLight && isOneWay && !isOver)) colours.reverse();
  const untouched = onWhite ? WHITE : colours[choice.isDifference ? 128 : 0];
  const isLight = lightness(untouched) > LIGHT_FROM;
  if (onWhite && isOneWay && lightness(colours[LAST]) > lightness(colours[0]) === isLight) colours.reverse();
  if (onWhite) colours = onBackground(colours, WHITE);
  const [panel, text] = PANELS[Number(isLight)];
  const shades = Array.from({ length: 32 }, (_, at) => mixed(panel, text, at / 31));
  const beside = isOver ? [panel] : [panel, untouched];
  const line = shades.find((shade) => beside.every((one) => contrast(shade, one) > LINE_CONTRAST)) ?? text;
  if (isOver && !isOneWay && !choice.isDifference) colours = fromLevel(colours, COLOURED_FADED_IN * LAST);
  const opaque = isOneWay || choice.isDifference ? OVER_OPAQUE_FROM : COLOURED_OVER_FADED_IN;
  const palette = new Uint8ClampedArray(1024);
  colours.forEach((colour, at) => {
    const share = choice.isDifference ? Math.abs(at - 128) / 127 : at / LAST;
    const seen = choice.opacity === null ? 1 : choice.opacity * Math.min(share / opaque, 1);
    palette.set([...colour, 255 * seen], 4 * at);
  });
  return { palette, panel, text, line };
}
