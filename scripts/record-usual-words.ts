/**
 * Record which instructions programs usually have: `node scripts/record-usual-words.ts GUEST FILE…` with ELF files of
 * programs and libraries (those of a sysroot of Debian's). Of words that differ only in what templates leave open one is
 * kept, if it is in three of the files or in five places (of ARM: in five and ten), or once (of ARM: twice) in those
 * behind `--every`, which most programs run, and all that behind `--log` ran, of which logs by `-d in_asm,op_opt` are given,
 * so that a first run of these programs loads no translator; the build learns their templates (see src/cpu/templates.ts). Files of ARM
 * are read as T32, those named behind `--a32` as A32 (`--t32` goes back). `--add` keeps what the list has. AArch64's list was made of the 900 largest files of the tests'
 * sysroot, with every instruction of libc, ld.so, libm, libstdc++, libgcc, libz, libtinfo, bash, python3, perl, sqlite3 and cc1.
 */
import fs from 'node:fs';
import { fetchWord, formAt, formBehind, formClass, lengthOf } from '../src/cpu/frontend/form.ts';
import type { SingleLift } from '../src/cpu/frontend/frontend.ts';
import { ANY_KIND, kindBehind, type Template } from '../src/cpu/template.ts';
import { ANY_FLAGS } from '../src/cpu/template-file.ts';
import { Templates } from '../src/cpu/templates.ts';
import { guestsWithWords, usualWords, usualWordsFile } from './usual-words.ts';

const PT_LOAD = 1;
const PF_X = 1;
const PC = 0x40_0000;
const LEVELS = 4;
/** As often as suffices. */
const ALWAYS = 2;

const [guest = '', ...args] = process.argv.slice(2);
const frontEnd = guestsWithWords[guest]?.();
if (!frontEnd) throw new Error(`no such guest: ${guest}`);
const single = frontEnd.single as SingleLift;
const templates = Templates.of(frontEnd, null);
/** Files and number of places by representative, form and flags kind. */
const seen = new Map<string, { readonly files: Set<string>; places: number; always: number }>();
let every = false;

/** A word with a flags kind and a form was met; returns its template. */
function meet(file: string, word: number, form: number, pc: number, kind: number, ran: boolean): Template | null {
  const template = templates.find(single, word, form, pc, kind);
  // nothing is learned when a word is met first, on each level: in a log it may be there once
  if (ran) for (let n = 1; n < LEVELS; n++) templates.find(single, word, form, pc, kind);
  if (template === null) return null;
  const key = keyOf(templates.found, template.reads !== 0 ? kind : -1, form);
  const found = seen.get(key) ?? { files: new Set(), places: 0, always: 0 };
  found.files.add(file);
  found.places++;
  if (every) found.always++;
  if (ran) found.always = ALWAYS;
  seen.set(key, found);
  return template;
}

/** `bit`: bit 0 of a pc in the code. */
function scan(file: string, code: DataView, bit: number): void {
  let kind = -1;
  let form = formAt(bit);
  for (let at = 0; at + 4 <= code.byteLength; ) {
    const word = fetchWord(code, at + bit);
    const length = lengthOf(word, form);
    const template = meet(file, word, form, PC + bit, kind, false);
    at += length;
    if (template === null) {
      kind = -1;
      form = formAt(bit);
      continue;
    }
    if (template.flagsOut !== ANY_KIND) kind = kindBehind(kind, template.flagsOut);
    // behind a conditional branch the flags are what they were; elsewhere nobody knows how control comes there
    if (template.ends && template.links.length < 2) kind = -1;
    form = formBehind(form, template.next);
  }
}

/** The blocks of a log: lines with the words of each, and then one with the kind of the flags that it begins with. */
function scanLog(file: string): void {
  let block: { readonly at: number; readonly word: number }[] = [];
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    if (line === 'IN:') block = [];
    const instruction = /^0x([0-9a-f]{8}): {2}([0-9a-f]{4,8}) /.exec(line);
    if (instruction) {
      const [, at = '', code = ''] = instruction;
      block.push({ at: Number.parseInt(at, 16), word: Number.parseInt(code.padEnd(8, '0'), 16) | 0 });
    }
    const begins = /^block 0x([0-9a-f]+)\..* flags (\?|\d+) /.exec(line);
    if (!begins) continue;
    const [, pc = '', kindIn] = begins;
    let kind = kindIn === '?' ? -1 : Number(kindIn);
    let form = formAt(Number.parseInt(pc, 16));
    for (const { at, word } of block) {
      const template = meet(file, word, form, at + formAt(form), kind, true);
      if (template === null) break;
      // another run may come there with other flags
      if (template.reads !== 0) meet(file, word, form, at + formAt(form), ANY_FLAGS, true);
      if (template.flagsOut !== ANY_KIND) kind = kindBehind(kind, template.flagsOut);
      form = formBehind(form, template.next);
    }
    block = [];
  }
}

/** (address, offset, size) of the executable segments. */
function* segments(view: DataView): Generator<readonly [offset: number, size: number]> {
  const wide = view.getUint8(4) === 2;
  const number = (at: number): number => (wide ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true));
  const [headers, size, count] = wide ? [number(32), 56, 56] : [number(28), 32, 44];
  for (let i = 0; i < view.getUint16(count, true); i++) {
    const at = headers + size * i;
    const flags = view.getUint32(at + (wide ? 4 : 24), true);
    if (view.getUint32(at, true) !== PT_LOAD || (flags & PF_X) === 0) continue;
    yield wide ? [number(at + 8), number(at + 32)] : [number(at + 4), number(at + 16)];
  }
}

/** A word as the list has it. */
const keyOf = (word: number, kind: number, form: number): string =>
  `${(word >>> 0).toString(16).padStart(8, '0')} ${kind} ${formClass(form)}`;

let bit = guest === 'arm' ? 1 : 0;
let logs = false;
for (const file of args) {
  if (file === '--a32') bit = 0;
  if (file === '--t32') bit = 1;
  if (file === '--every') every = true;
  if (file === '--log') logs = true;
  if (file === '--add') {
    for (const { word, form, kind } of usualWords(guest)) {
      seen.set(keyOf(word, kind, form), { files: new Set(), places: 0, always: ALWAYS });
    }
  }
  if (file.startsWith('--')) continue;
  if (logs) {
    scanLog(file);
    continue;
  }
  const bytes = fs.readFileSync(file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const [offset, size] of segments(view)) {
    scan(file, new DataView(bytes.buffer, bytes.byteOffset + offset, size), bit);
  }
}

const lines = new Map<string, string[]>();
for (const [key, { files, places, always }] of seen) {
  // numbers lie between ARM's instructions
  const usual =
    guest === 'arm'
      ? (files.size >= 5 && places >= 10) || always >= ALWAYS
      : files.size >= 3 || places >= 5 || always > 0;
  if (!usual) continue;
  const [word, kind, form] = key.split(' ') as [string, string, string];
  const head = `${kind} ${form}`;
  lines.set(head, [...(lines.get(head) ?? []), word]);
}
const text = [...lines]
  .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  .map(([head, words]) => `${head}: ${words.sort().join(' ')}\n`);
fs.writeFileSync(usualWordsFile(guest), text.join(''));
