// Builds the page's program: src/main.ts with all it imports, style sheets as texts in it.

import { readFile } from "node:fs/promises";
import { build, transform } from "esbuild";

const sheets = {
  name: "sheets",
  setup(built) {
    built.onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      const { code } = await transform(text, { loader: "css", minify: true, charset: "utf8" });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

await build({
  entryPoints: ["src/main.ts"],
  outfile: "../src/glassgrad/show/page/glassgrad.js",
  bundle: true,
  minify: true,
  charset: "utf8",
  format: "esm",
  target: "es2022",
  legalComments: "none",
  plugins: [sheets],
  logLevel: "info",
});
