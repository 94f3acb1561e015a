import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ByteGuest, ByteTemplates, type UsualBytes } from '../src/cpu/byte-learning.ts';
import { composerModule } from '../src/cpu/composer-module.ts';
import type { FrontEnd } from '../src/cpu/frontend/frontend.ts';
import { opcodeForms } from '../src/cpu/frontend/x86/forms.ts';
import { createX86, type X86 } from '../src/cpu/frontend/x86/frontend.ts';
import { MEMORY_PAGES } from '../src/interpreter-bytes.ts';

/** Guests whose instructions are bytes. */
export const guestsWithBytes = { x86_64: 64, i386: 32 } as const;
export type ByteGuestName = keyof typeof guestsWithBytes;

/** Bytes from a pc on, as front ends read guest code. */
const codeAt = (bytes: readonly number[], pc: number): DataView => {
  const view = new DataView(new ArrayBuffer(64));
  for (const [i, byte] of bytes.entries()) view.setUint8(i, byte);
  const code = {
    getUint8: (at: number) => view.getUint8(at - pc),
    getInt8: (at: number) => view.getInt8(at - pc),
    getUint16: (at: number) => view.getUint16(at - pc, true),
    getInt16: (at: number) => view.getInt16(at - pc, true),
    getInt32: (at: number) => view.getInt32(at - pc, true),
  };
  return code as unknown as DataView;
};

const MAX_BLOCK = 64;

export const byteGuest = (
  name: ByteGuestName,
  frontEnd: FrontEnd & X86 = createX86(guestsWithBytes[name]),
): ByteGuest => {
  const lift: ByteGuest['lift'] = (bytes, pc, kind) => frontEnd.liftOne(codeAt(bytes, pc), pc, kind);
  const forms = opcodeForms(frontEnd.decoder, (bytes) => lift(bytes, 0x40_0000, -1).block);
  return { mode: guestsWithBytes[name], maxBlock: MAX_BLOCK, forms, lift };
};

let memory: WebAssembly.Memory | null = null;
let module: WebAssembly.Module | null = null;

/** Templates that can be learned. */
export const byteTemplates = (name: ByteGuestName): ByteTemplates => {
  memory ??= new WebAssembly.Memory({ ...MEMORY_PAGES, shared: true });
  module ??= new WebAssembly.Module(composerModule(MEMORY_PAGES, null));
  const nothing = { made: () => 0, crosses: () => 0, lookAhead: () => 0, note: () => 0, want: () => 0 };
  return new ByteTemplates(byteGuest(name), memory, (table) => {
    const imports = { m: memory as WebAssembly.Memory, m1: table.memory, ...nothing };
    return new WebAssembly.Instance(module as WebAssembly.Module, { e: imports }).exports;
  });
};

/**
 * Instructions that programs of a guest usually have, a line for each flags kind: `kind: bytes bytes …`; see
 * record-usual-bytes.ts.
 */
export const usualBytesFile = (guest: ByteGuestName): string =>
  fileURLToPath(new URL(`../src/cpu/frontend/x86/usual-${guest}.txt`, import.meta.url));

export const usualBytes = (guest: ByteGuestName): UsualBytes[] =>
  fs
    .readFileSync(usualBytesFile(guest), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [kind, list] = line.split(': ') as [string, string];
      return list.split(' ').map((hex) => ({ bytes: [...Buffer.from(hex, 'hex')], kind: Number(kind) }));
    });

/** The file of a guest's templates. */
export const learnedBytes = (guest: ByteGuestName): Int32Array<ArrayBuffer> => {
  const templates = byteTemplates(guest);
  for (const usual of usualBytes(guest)) templates.keep(usual);
  return templates.file();
};
