'use strict';
// Loaded before the emulator (node --require): says at the end what V8 was asked for, as JSON on descriptor 3.
const fs = require('node:fs');
const v8 = require('node:v8');
const threads = require('node:worker_threads');

const counts = { memories: 0, tables: 0, workers: 0 };
const counted = (holder, name, key) => {
  const Original = holder[name];
  holder[name] = class extends Original {
    constructor(...args) {
      super(...args);
      counts[key]++;
    }
  };
};
if (threads.isMainThread) {
  counted(WebAssembly, 'Memory', 'memories');
  counted(WebAssembly, 'Table', 'tables');
  counted(threads, 'Worker', 'workers');
  process.once('exit', () => {
    const young = v8.getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    fs.writeSync(3, JSON.stringify({ ...counts, youngMiB: young.space_size / 2 ** 20 }));
  });
}
