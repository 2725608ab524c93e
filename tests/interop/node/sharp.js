// What sharp makes of white images upon a black background: the result's size, and what of it is white.
// Cases come as one line of JSON on stdin, and answers leave as one on stdout.
"use strict";

const sharp = require("sharp");

async function answer({ source, asked, fit, enlarge }) {
  const white = { width: source[0], height: source[1], channels: 3, background: "white" };
  const { data, info } = await sharp({ create: white, limitInputPixels: false })
    .resize(asked[0], asked[1], { fit, withoutEnlargement: !enlarge, background: "black" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  let [left, top, right, bottom] = [info.width, info.height, -1, -1];
  for (let y = 0; y < info.height; y++) {
    for (let x = 0; x < info.width; x++) {
      if (data[(y * info.width + x) * info.channels] > 127) {
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      }
    }
  }
  return { size: [info.width, info.height], place: [left, top], seen: [right - left + 1, bottom - top + 1] };
}

async function main() {
  const cases = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const answers = [];
  for (const each of cases) answers.push(await answer(each));
  console.log(JSON.stringify(answers));
}

main();
