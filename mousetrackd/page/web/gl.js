// Draws levels in the colours of a palette with WebGL2. canvas2d.js draws the same without.

/** @import {Box} from "./geometry.js" */
/** @typedef {{key: number, clip: Box, place: Box, image: Box}} Quad
 *   key: of the levels. clip: whole px of the canvas to fill. place: where all levels are, image: where the image is. */
/** @typedef {{setLevels(key: number, levels: Uint8Array, cols: number, rows: number, isSmooth: boolean): void,
 *   setPalette(palette: Uint8ClampedArray): void, setImage(image: HTMLCanvasElement|null): void,
 *   draw(panel: number[], quads: Quad[]): void}} Renderer */

const VERTICES = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4. - 1., 0, 1); }`;
// An 8 bit texture is always filtered linearly where it is asked for; one of floats is only with an extension.
const FRAGMENTS = `#version 300 es
precision highp float;
uniform sampler2D source, colours;
uniform vec4 place;
uniform float height;
uniform bool isImage;
out vec4 colour;
void main() {
  vec2 at = (vec2(gl_FragCoord.x, height - gl_FragCoord.y) - place.xy) / place.zw;
  vec4 found = texture(source, at);
  if (!isImage) colour = texture(colours, vec2((found.r * 255. + .5) / 256., .5));
  else if (at == clamp(at, 0., 1.)) colour = found;
  else discard;
}`;

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Renderer|null} null where there is no WebGL2
 */
export function createGl(canvas) {
  const gl = canvas.getContext("webgl2", { alpha: false, antialias: false });
  if (!gl) return null;
  const program = gl.createProgram();
  for (const [type, source] of /** @type {[number, string][]} */ ([[gl.VERTEX_SHADER, VERTICES], [gl.FRAGMENT_SHADER, FRAGMENTS]])) {
    const shader = /** @type {WebGLShader} */ (gl.createShader(type));
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
  gl.useProgram(program);
  const [place, height, isImage] = ["place", "height", "isImage"].map((name) => gl.getUniformLocation(program, name));
  gl.uniform1i(gl.getUniformLocation(program, "colours"), 1);
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  gl.enable(gl.BLEND);
  gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  /** @param {number} filter */
  const create = (filter) => {
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, filter);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    return texture;
  };
  /** @type {Map<number, WebGLTexture>} */
  const textures = new Map();
  /** @type {WebGLTexture|null} */
  let picture = null;
  gl.activeTexture(gl.TEXTURE1);
  create(gl.LINEAR);
  gl.activeTexture(gl.TEXTURE0);
  return {
    setLevels(key, levels, cols, rows, isSmooth) {
      gl.deleteTexture(textures.get(key) ?? null);
      textures.set(key, create(isSmooth ? gl.LINEAR : gl.NEAREST));
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, cols, rows, 0, gl.RED, gl.UNSIGNED_BYTE, levels);
    },
    setPalette(palette) {
      const multiplied = Uint8Array.from(palette, (one, at) => Math.round((one * (at % 4 < 3 ? palette[at | 3] : 255)) / 255));
      gl.activeTexture(gl.TEXTURE1);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, multiplied);
      gl.activeTexture(gl.TEXTURE0);
    },
    setImage(image) {
      gl.deleteTexture(picture);
      picture = image && create(gl.LINEAR);
      if (image) gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
    },
    draw([red, green, blue], quads) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.disable(gl.SCISSOR_TEST);
      gl.clearColor(red / 255, green / 255, blue / 255, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.enable(gl.SCISSOR_TEST);
      gl.uniform1f(height, canvas.height);
      for (const quad of quads) {
        gl.scissor(quad.clip.x, canvas.height - quad.clip.y - quad.clip.height, quad.clip.width, quad.clip.height);
        /** @type {(texture: WebGLTexture|null|undefined, box: Box, isOne: number) => void} */
        const fill = (texture, box, isOne) => {
          gl.bindTexture(gl.TEXTURE_2D, texture ?? null);
          gl.uniform1i(isImage, isOne);
          gl.uniform4f(place, box.x, box.y, box.width, box.height);
          gl.drawArrays(gl.TRIANGLES, 0, 3);
        };
        if (picture) fill(picture, quad.image, 1);
        fill(textures.get(quad.key), quad.place, 0);
      }
    },
  };
}
