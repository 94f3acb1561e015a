'use strict';
// Under an older Node: go on in the node@24 package beside us, as if it had been started.
const fs = require('node:fs');
const path = require('node:path');

function findNode() {
  try {
    const file = path.join(path.dirname(require.resolve('node/package.json')), 'bin', 'node');
    return fs.existsSync(file) ? file : null;
  } catch (_error) {
    return null;
  }
}

const node = findNode();
const args = [path.join(__dirname, 'tsqemu-user.js')].concat(process.argv.slice(2));
if (node === null) {
  console.error(`tsqemu-user: needs Node.js 24 or newer (this is ${process.versions.node})`);
  process.exit(125);
} else if (process.execve) {
  process.execve(node, [node].concat(args), process.env);
} else {
  const child = require('node:child_process').spawn(node, args, { stdio: 'inherit' });
  const signals = Object.keys(require('node:os').constants.signals).filter(
    (s) => !/^SIG(KILL|STOP|CHLD|SEGV|BUS|FPE|ILL|PROF)$/.test(s),
  );
  for (const signal of signals) {
    try {
      process.on(signal, () => child.kill(signal));
    } catch (_error) {
      // This host has no such signal.
    }
  }
  child.on('error', (error) => {
    console.error(`tsqemu-user: ${node}: ${error.message}`);
    process.exit(125);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
