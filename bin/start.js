'use strict';
const fs = require('node:fs');
const path = require('node:path');

// V8's compiled code of the bundle, kept beside the translation cache; private to the user, else unused.
function compileCache() {
  const { TSQEMU_CACHE: own, XDG_CACHE_HOME: xdg, HOME: home } = process.env;
  if (own === 'off' || !(own || xdg || home)) return;
  const dir = path.join(own || path.join(xdg || path.join(home, '.cache'), 'tsqemu-user'), 'v8');
  try {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
    const stat = fs.lstatSync(dir);
    const ours = !process.getuid || (stat.uid === process.getuid() && (stat.mode & 0o077) === 0);
    if (ours && stat.isDirectory()) require('node:module').enableCompileCache(dir);
  } catch {
    // Read-only or full: run without.
  }
}

compileCache();
require('../dist/cli.cjs').main();
