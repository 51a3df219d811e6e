// The two canvases of the picture, the heat below and what lies over it, and who draws on the first.

import { create2d } from "./canvas2d.js";
import { make } from "./dom.js";
import { createGl } from "./gl.js";

/** @import {Renderer} from "./gl.js" */

/**
 * @param {HTMLElement} root
 * @param {boolean} isPlain without WebGL
 * @param {() => void} onLost everything is to be set and drawn again, for the WebGL context was lost
 */
export function createSurface(root, isPlain, onLost) {
  const over = make("canvas", {});
  let base = make("canvas", {});
  root.append(base, over);

  /** A canvas that has had a WebGL context never gets another one. */
  function replaced() {
    const fresh = make("canvas", {});
    base.replaceWith(fresh);
    base = fresh;
    return create2d(base);
  }

  function withGl() {
    const gl = createGl(base);
    if (!gl) return replaced();
    base.addEventListener("webglcontextlost", () => {
      surface.renderer = replaced();
      onLost();
    });
    return gl;
  }

  const surface = {
    /** @type {Renderer} */
    renderer: isPlain ? create2d(base) : withGl(),
    over,
    layers: () => [base, over],
    /** @type {(width: number, height: number, ratio: number) => void} */
    resize(width, height, ratio) {
      for (const canvas of [base, over]) {
        if (canvas.width !== width) canvas.width = width;
        if (canvas.height !== height) canvas.height = height;
      }
      root.style.width = `${width / ratio}px`;
      root.style.height = `${height / ratio}px`;
    },
  };
  return surface;
}
