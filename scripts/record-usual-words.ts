/**
 * Record which instructions programs usually have: `node scripts/record-usual-words.ts FILE…` with ELF files of AArch64
 * programs and libraries (those of a sysroot of Debian's). Of words that differ only in what templates leave open one is
 * kept, if it is in five of the files or in ten places; the build learns their templates (see src/cpu/templates.ts). The list
 * was made of the 871 largest files of the tests' sysroot.
 */
import fs from 'node:fs';
import { createAarch64 } from '../src/cpu/frontend/aarch64/frontend.ts';
import type { SingleLift } from '../src/cpu/frontend/frontend.ts';
import { ANY_KIND } from '../src/cpu/template.ts';
import { Templates } from '../src/cpu/templates.ts';
import { USUAL_WORDS } from './usual-words.ts';

const MIN_FILES = 5;
const MIN_PLACES = 10;
const PT_LOAD = 1;
const PF_X = 1;

const frontEnd = createAarch64();
const single = frontEnd.single as SingleLift;
const templates = Templates.of(frontEnd, null);
/** Files and number of places by representative and flags kind. */
const seen = new Map<string, { readonly files: Set<string>; places: number }>();

function scan(file: string, code: DataView): void {
  let kind = -1;
  for (let at = 0; at + 4 <= code.byteLength; at += 4) {
    const word = code.getInt32(at, true);
    const template = templates.find(single, word, 0x40_0000, kind);
    if (template === null) {
      kind = -1;
      continue;
    }
    const key = `${(templates.found >>> 0).toString(16).padStart(8, '0')} ${template.readsFlags ? kind : -1}`;
    const found = seen.get(key) ?? { files: new Set(), places: 0 };
    found.files.add(file);
    found.places++;
    seen.set(key, found);
    if (template.flagsOut !== ANY_KIND) kind = template.flagsOut;
    // behind a conditional branch the flags are what they were; elsewhere nobody knows how control comes there
    if (template.ends && template.links.length < 2) kind = -1;
  }
}

for (const file of process.argv.slice(2)) {
  const bytes = fs.readFileSync(file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headers = Number(view.getBigUint64(32, true));
  for (let i = 0; i < view.getUint16(56, true); i++) {
    const at = headers + 56 * i;
    if (view.getUint32(at, true) !== PT_LOAD || (view.getUint32(at + 4, true) & PF_X) === 0) continue;
    const [offset, size] = [view.getBigUint64(at + 8, true), view.getBigUint64(at + 32, true)].map(Number) as [
      number,
      number,
    ];
    scan(file, new DataView(bytes.buffer, bytes.byteOffset + offset, size));
  }
}

const byKind = new Map<string, string[]>();
for (const [key, { files, places }] of seen) {
  if (files.size < MIN_FILES && places < MIN_PLACES) continue;
  const [word, kind] = key.split(' ') as [string, string];
  byKind.set(kind, [...(byKind.get(kind) ?? []), word]);
}
const lines = [...byKind]
  .sort(([a], [b]) => Number(a) - Number(b))
  .map(([kind, words]) => `${kind}: ${words.sort().join(' ')}\n`);
fs.writeFileSync(USUAL_WORDS, lines.join(''));
