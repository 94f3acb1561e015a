/**
 * Record which instructions programs of a guest whose instructions are bytes usually have:
 * `node scripts/record-usual-bytes.ts GUEST FILE…` with ELF files of programs and libraries (those of a sysroot of
 * Debian's). Of instructions that differ only in what templates leave open one is kept, if it is in three of the files or in
 * five places, or in one of the files behind `--every`, which most programs run, and all that behind `--log` ran, of which
 * logs by `-d in_asm,op_opt` are given, so that a first run of these programs loads no translator; the build learns their
 * templates. `--add` keeps what the list has. The lists were made of the 120 largest files of the tests' sysroots below
 * 4 MB, with every instruction of libc, ld.so, libm, libstdc++, libgcc, libz, libtinfo, bash, python3, perl and sqlite3,
 * and logs of bash, perl, python3, sqlite3, gawk, git, openssl, lua and forty others (docs/measurements.md, Start-up).
 */
import fs from 'node:fs';
import { ANY_KIND } from '../src/cpu/template.ts';
import { type ByteGuestName, byteGuest, byteTemplates, usualBytes, usualBytesFile } from './usual-bytes.ts';

const MIN_FILES = 3;
const MIN_PLACES = 5;
/** Where examples lie: code and data of large programs reach far in both directions. */
const PC = 0x4000_0000;
const LONGEST = 15;

const [name = '', ...files] = process.argv.slice(2);
const guest = name as ByteGuestName;
const templates = byteTemplates(guest);
const { lift } = byteGuest(guest);
interface Seen {
  readonly bytes: string;
  readonly kind: number;
  readonly files: Set<string>;
  places: number;
  always: boolean;
}
let every = false;
const seen = new Map<string, Seen>();
/** What was found for the same bytes and kind before. */
const before = new Map<string, ReturnType<typeof templates.learn>>();
const lengths = new Map<string, number>();
let [all, without] = [0, 0];

/** An instruction with a flags kind was met; returns what was learned of it. */
function meet(file: string, bytes: readonly number[], hex: string, kind: number): ReturnType<typeof templates.learn> {
  const key = `${hex} ${kind}`;
  let found = before.get(key);
  if (found === undefined) {
    found = templates.learn(bytes, PC, kind);
    before.set(key, found);
  }
  if (!found) return null;
  const { name, template } = found;
  const as = template.reads !== 0 ? kind : -1;
  const known = seen.get(name) ?? { bytes: hex, kind: as, files: new Set(), places: 0, always: false };
  seen.set(name, known);
  known.files.add(file);
  known.places++;
  known.always ||= every;
  return found;
}

function scan(file: string, code: Buffer): void {
  let kind = -1;
  for (let at = 0; at + LONGEST <= code.length; ) {
    const window = [...code.subarray(at, at + LONGEST)];
    const length = templates.at(window, PC)?.length ?? 0;
    all++;
    if (length === 0) {
      without++;
      kind = -1;
      const key = Buffer.from(window).toString('hex');
      let known = lengths.get(key);
      if (known === undefined) {
        known = Math.max(1, lift(window, PC, -1).block.end - PC);
        lengths.set(key, known);
      }
      at += known;
      continue;
    }
    const bytes = window.slice(0, length);
    const found = meet(file, bytes, Buffer.from(bytes).toString('hex'), kind);
    at += length;
    if (!found) {
      without++;
      kind = -1;
      continue;
    }
    const { template } = found;
    if (template.flagsOut !== ANY_KIND) kind = template.flagsOut;
    // behind a conditional branch the flags are what they were; elsewhere nobody knows how control comes there
    if (template.ends && template.links.length < 2) kind = -1;
  }
}

/** The blocks of a log: a line with the bytes of each instruction, and then one with the kind of the flags before them. */
function scanLog(file: string): void {
  let block: string[] = [];
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    if (line === 'IN:') block = [];
    const instruction = /^0x[0-9a-f]+: {2}([0-9a-f]+) /.exec(line);
    if (instruction) block.push(instruction[1] as string);
    const begins = /^block 0x[0-9a-f]+\..* flags (\?|\d+) /.exec(line);
    if (!begins) continue;
    let kind = begins[1] === '?' ? -1 : Number(begins[1]);
    for (const hex of block) {
      all++;
      const found = meet(file, [...Buffer.from(hex, 'hex')], hex, kind);
      if (!found) {
        without++;
        break;
      }
      if (found.template.flagsOut !== ANY_KIND) kind = found.template.flagsOut;
    }
    block = [];
  }
}

/** (address, offset, size) of the executable sections: what lies between them is no code. */
function* sections(bytes: Buffer): Generator<readonly [offset: number, size: number]> {
  const wide = bytes[4] === 2;
  const number = (at: number): number => (wide ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at));
  const [headers, size, count] = wide
    ? [number(40), 64, bytes.readUInt16LE(60)]
    : [number(32), 40, bytes.readUInt16LE(48)];
  for (let i = 0; i < count; i++) {
    const at = headers + size * i;
    const [type, flags] = [bytes.readUInt32LE(at + 4), bytes.readUInt32LE(at + 8)];
    if (type !== 1 || (flags & 4) === 0) continue;
    yield wide ? [number(at + 24), number(at + 32)] : [number(at + 16), number(at + 20)];
  }
}

let logs = false;
for (const file of files) {
  if (file === '--every') every = true;
  if (file === '--log') {
    every = true;
    logs = true;
  }
  if (file === '--add') {
    for (const { bytes, kind } of usualBytes(guest)) {
      const found = templates.learn(bytes, PC, kind);
      const hex = Buffer.from(bytes).toString('hex');
      if (found) seen.set(found.name, { bytes: hex, kind, files: new Set(), places: 0, always: true });
    }
  }
  if (file.startsWith('--')) continue;
  if (logs) {
    scanLog(file);
    continue;
  }
  const bytes = fs.readFileSync(file);
  for (const [offset, size] of sections(bytes)) scan(file, bytes.subarray(offset, offset + size));
}

const lines = new Map<number, string[]>();
for (const { bytes, kind, files, places, always } of seen.values()) {
  if (!always && files.size < MIN_FILES && places < MIN_PLACES) continue;
  const list = lines.get(kind) ?? [];
  lines.set(kind, list);
  list.push(bytes);
}
const text = [...lines].sort(([a], [b]) => a - b).map(([kind, list]) => `${kind}: ${list.sort().join(' ')}\n`);
fs.writeFileSync(usualBytesFile(guest), text.join(''));
process.stderr.write(`${all} instructions, ${without} without, ${seen.size} kinds of them\n`);
