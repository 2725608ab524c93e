// Thumbnails by sharp, as anyone would write it first: one process, and sharp's own threads.
"use strict";

const http = require("node:http");
const sharp = require("sharp");

const WIDTH = 512;
const QUALITY = 80;

const server = http.createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", async () => {
    try {
      const thumbnail = sharp(Buffer.concat(parts)).resize(WIDTH); // Lanczos, by default
      const format = request.url.slice(1);
      const file = await thumbnail.toFormat(format, { quality: QUALITY }).toBuffer();
      response.writeHead(200, { "Content-Type": `image/${format}`, "Content-Length": file.length });
      response.end(file);
    } catch (error) {
      response.writeHead(400);
      response.end(String(error));
    }
  });
});

server.listen(0, "127.0.0.1", () => {
  console.log(`sharp serving on 127.0.0.1:${server.address().port}`);
});
// Until whoever started it is gone.
process.stdin.on("end", () => process.exit(0)).resume();
