/**
 * Record which instructions programs usually have: `node scripts/record-usual-words.ts GUEST FILE…` with ELF files of
 * programs and libraries (those of a sysroot of Debian's). Of words that differ only in what templates leave open one is
 * kept, if it is in three of the files or in five places (of ARM: in five and ten), or once (of ARM: twice) in those
 * behind `--every`, which most programs run; the build learns their templates (see src/cpu/templates.ts). Files of ARM
 * are read as T32, those named behind `--a32` as A32 (`--t32` goes back). AArch64's list was made of the 900 largest files of the tests'
 * sysroot, with every instruction of libc, ld.so, libm, libstdc++, libgcc, libz, libtinfo, bash, python3, perl, sqlite3 and cc1.
 */
import fs from 'node:fs';
import { fetchWord, formAt, lengthOf } from '../src/cpu/frontend/form.ts';
import type { SingleLift } from '../src/cpu/frontend/frontend.ts';
import { ANY_KIND, kindBehind } from '../src/cpu/template.ts';
import { Templates } from '../src/cpu/templates.ts';
import { guestsWithWords, usualWordsFile } from './usual-words.ts';

const PT_LOAD = 1;
const PF_X = 1;
const PC = 0x40_0000;

const [guest = '', ...args] = process.argv.slice(2);
const frontEnd = guestsWithWords[guest]?.();
if (!frontEnd) throw new Error(`no such guest: ${guest}`);
const single = frontEnd.single as SingleLift;
const templates = Templates.of(frontEnd, null);
/** Files and number of places by representative, form and flags kind. */
const seen = new Map<string, { readonly files: Set<string>; places: number; always: number }>();
let every = false;

/** `bit`: bit 0 of a pc in the code. */
function scan(file: string, code: DataView, bit: number): void {
  let kind = -1;
  let form = formAt(bit);
  for (let at = 0; at + 4 <= code.byteLength; ) {
    const word = fetchWord(code, at + bit);
    const length = lengthOf(word, form);
    const template = templates.find(single, word, form, PC + bit, kind);
    at += length;
    if (template === null) {
      kind = -1;
      form = formAt(bit);
      continue;
    }
    const key = `${(templates.found >>> 0).toString(16).padStart(8, '0')} ${template.reads !== 0 ? kind : -1} ${form}`;
    const found = seen.get(key) ?? { files: new Set(), places: 0, always: 0 };
    found.files.add(file);
    found.places++;
    if (every) found.always++;
    seen.set(key, found);
    if (template.flagsOut !== ANY_KIND) kind = kindBehind(kind, template.flagsOut);
    // behind a conditional branch the flags are what they were; elsewhere nobody knows how control comes there
    if (template.ends && template.links.length < 2) kind = -1;
    form = template.next;
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

let bit = guest === 'arm' ? 1 : 0;
for (const file of args) {
  if (file === '--a32') bit = 0;
  if (file === '--t32') bit = 1;
  if (file === '--every') every = true;
  if (file.startsWith('--')) continue;
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
    guest === 'arm' ? (files.size >= 5 && places >= 10) || always >= 2 : files.size >= 3 || places >= 5 || always > 0;
  if (!usual) continue;
  const [word, kind, form] = key.split(' ') as [string, string, string];
  const head = `${kind} ${form}`;
  lines.set(head, [...(lines.get(head) ?? []), word]);
}
const text = [...lines]
  .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
  .map(([head, words]) => `${head}: ${words.sort().join(' ')}\n`);
fs.writeFileSync(usualWordsFile(guest), text.join(''));
