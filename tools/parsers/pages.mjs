// Writes docs/api as pages of AsyncAPI's and Redocly's viewers into the folder that is named: one file each, which fetches nothing.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const folder = new URL("../../docs/api/", import.meta.url).pathname;
const [to] = process.argv.slice(2);
const part = (name) => readFileSync(createRequire(import.meta.url).resolve(name), "utf8").replaceAll("</script", "<\\/script");
// Nothing but what stands in the page itself may be used: a viewer that asks for more is seen to fail on every machine.
const policy = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; font-src data:; worker-src blob:";

const viewers = {
  asyncapi: {
    style: part("@asyncapi/react-component/styles/default.min.css"),
    script: part("@asyncapi/react-component/browser/standalone/index.js"),
    call: "AsyncApiStandalone.render({ schema, config: { show: { sidebar: true, errors: false } } }, document.body)",
  },
  openapi: {
    style: 'body { margin: 0 } img[src^="https:"] { display: none }', // Redocly's mark is on its own server
    script: part("redoc/bundles/redoc.standalone.js"),
    call: 'Redoc.init(schema, { theme: { typography: { fontFamily: "sans-serif", headings: { fontFamily: "sans-serif" } } } }, document.body)',
  },
};

mkdirSync(to, { recursive: true });
for (const name of readdirSync(folder).filter((each) => each.endsWith(".json"))) {
  const schema = readFileSync(folder + name, "utf8");
  const { style, script, call } = viewers[name === "asyncapi.json" ? "asyncapi" : "openapi"];
  writeFileSync(
    `${to}/${name.replace(".json", ".html")}`,
    `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${JSON.parse(schema).info.title}</title>
<style>${style}</style>
<body>
<script>${script}</script>
<script>const schema = ${schema.replaceAll("<", "\\u003c")}; ${call};</script>
</html>
`,
  );
  console.log(`${to}/${name.replace(".json", ".html")}`);
}
