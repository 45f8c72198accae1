#!/usr/bin/env node
/** The launcher behind `npx recoup`: runs the compiled CLI, or says how to compile it. */
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const main = join(__dirname, '..', 'dist', 'client', 'main.js');
if (existsSync(main)) {
  require(main).main(process.argv);
} else {
  process.stderr.write('recoup: not compiled yet. Run `npm run build`, or `npm start`, first.\n');
  process.exitCode = 2;
}
