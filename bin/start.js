'use strict';
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');

const dist = path.join(__dirname, '..', 'dist');

/** A folder private to the user beside the kept translations, or null: run without. */
function cacheFolder() {
  const { TSQEMU_CACHE: own, XDG_CACHE_HOME: xdg, HOME: home } = process.env;
  if (own === 'off' || !(own || xdg || home)) return null;
  const dir = path.join(own || path.join(xdg || path.join(home, '.cache'), 'tsqemu-user'), 'v8');
  try {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
    const stat = fs.lstatSync(dir);
    const ours = !process.getuid || (stat.uid === process.getuid() && (stat.mode & 0o577) === 0o500);
    return ours && stat.isDirectory() ? dir : null;
  } catch {
    // Read-only or full.
    return null;
  }
}

/** See src/bounce.ts; and where a start's files are read to, one after the other: most are no larger. */
const BOUNCE = 0x10000;
let bounce = null;
const ROOM = 0x200000;
let room = null;

/** A file's bytes, until the next file is read. */
function read(file) {
  const fd = fs.openSync(file);
  try {
    const { size } = fs.fstatSync(fd);
    if (room === null || room.length < size) room = Buffer.allocUnsafeSlow(Math.max(size, ROOM));
    bounce ??= Buffer.allocUnsafeSlow(BOUNCE);
    let done = 0;
    while (done < size) {
      const count = fs.readSync(fd, bounce, 0, Math.min(size - done, BOUNCE), null);
      if (count === 0) break;
      bounce.copy(room, done, 0, count);
      done += count;
    }
    return room.subarray(0, done);
  } finally {
    fs.closeSync(fd);
  }
}

function readIfThere(file) {
  try {
    return read(file);
  } catch {
    return undefined;
  }
}

/** Other versions' caches that stay beside a new one. */
const KEPT = 4;

/** Node's CRC-32 without the rest of node:zlib, whose loading costs a start more than the checksum. */
function crc32(data) {
  try {
    return process.binding('zlib').crc32(data, 0);
  } catch {
    return require('node:zlib').crc32(data);
  }
}

/** V8 looks at a cache's head only, and ends the process over damage further on: bytes are kept with their CRC. */
function unseal(bytes) {
  if (bytes === undefined || bytes.length < 4) return undefined;
  const data = bytes.subarray(0, -4);
  return crc32(data) === bytes.readUInt32LE(data.length) ? data : undefined;
}

function seal(data) {
  const bytes = Buffer.alloc(data.length + 4);
  data.copy(bytes);
  bytes.writeUInt32LE(crc32(data), data.length);
  return bytes;
}

function replace(file, bytes) {
  const aside = `${file}.${process.pid}`;
  try {
    fs.writeFileSync(aside, bytes, { mode: 0o600, flag: 'wx' });
    fs.renameSync(aside, file);
    const [kind] = path.basename(file).split('-');
    const names = fs.readdirSync(path.dirname(file)).filter((name) => name.startsWith(`${kind}-`));
    const others = names.map((name) => path.join(path.dirname(file), name));
    const byAge = others.map((name) => ({ name, at: fs.statSync(name).mtimeMs })).sort((a, b) => b.at - a.at);
    for (const { name } of byAge.slice(1 + KEPT)) fs.rmSync(name, { recursive: true, force: true });
  } catch {
    fs.rmSync(aside, { force: true });
  }
}

/** A run that did more than those before it: a cache is written anew when it becomes larger by this, the build's by less. */
const LARGER = 1.1;
const LARGER_THAN_BUILT = 1.02;
/** Seconds. */
const LONG = 1;

/** The command line's exports, and whether this run learned something: its caches are written then. */
let command = null;

/**
 * A bundle's exports. Node's own compile cache holds only what is compiled before anything runs, a fifth of
 * what a start needs; this one is written when a run ends that kept new translations, with all that had been
 * compiled by then.
 */
function loadWithCodeCache(dir, name) {
  const bundle = path.join(dist, `${name}.cjs`);
  const { mtimeMs, size } = fs.statSync(bundle);
  const key = `${name}-${process.version}-${process.arch}-${size}-${mtimeMs}`;
  const file = path.join(dir, key);
  // esbuild writes ASCII
  const text = read(bundle).latin1Slice();
  // where no run has left one yet, the build's (scripts/build-seed.ts)
  const own = unseal(readIfThere(file));
  const cachedData = own ?? unseal(readIfThere(path.join(dist, 'seed', 'v8', key)));
  const script = new vm.Script(text, {
    filename: bundle,
    cachedData,
    importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  room = null;
  const had = cachedData === undefined || script.cachedDataRejected ? 0 : cachedData.length;
  const bundled = { exports: {} };
  process.once('exit', () => {
    if (had > 0 && !command.learned()) return;
    // to make one takes a tenth of a short run, which needs little more than the build's has
    if (had > 0 && own === undefined && process.uptime() < LONG) return;
    const data = script.createCachedData();
    if (data.length > had * (own ? LARGER : LARGER_THAN_BUILT)) replace(file, seal(data));
  });
  const load = (id) => {
    if (id === './translator.cjs') return loadWithCodeCache(dir, 'translator');
    return require(id.startsWith('./') ? path.join(dist, id) : id);
  };
  script.runInThisContext()(bundled.exports, load, bundled, bundle, dist);
  return bundled.exports;
}

const dir = cacheFolder();
command = dir === null ? require('../dist/cli.cjs') : loadWithCodeCache(dir, 'cli');
command.main();
