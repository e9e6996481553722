// Reads docs/api with the parsers of the AsyncAPI project and of Redocly. Prints what is wrong; exits with 1 if anything is.
import { Parser } from "@asyncapi/parser";
import { createConfig, lint } from "@redocly/openapi-core";
import { readFileSync, readdirSync } from "node:fs";

const folder = new URL("../../docs/api/", import.meta.url).pathname;
const config = await createConfig({ extends: ["spec"] });
const faults = [];

for (const name of readdirSync(folder).filter((each) => each.endsWith(".json"))) {
  if (name === "asyncapi.json") {
    const found = await new Parser().validate(readFileSync(folder + name, "utf8"));
    // 0 is an error, 1 a warning; 2 recommends.
    faults.push(...found.filter((each) => each.severity < 2).map((each) => `${name} ${each.path.join("/")}: ${each.message}`));
  } else {
    const found = await lint({ ref: folder + name, config });
    faults.push(...found.map((each) => `${name} ${each.location[0]?.pointer}: ${each.message}`));
  }
  console.log(`docs/api/${name} was read`);
}
faults.forEach((each) => console.error(each));
process.exit(faults.length ? 1 : 0);
