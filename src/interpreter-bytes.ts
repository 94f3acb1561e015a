import fs from 'node:fs';
import path from 'node:path';
import type { AddressType } from './cpu/backend/interpreter/module.ts';
import { compileModule, moduleOf } from './cpu/machine-code.ts';
import { interpreterModule } from './cpu/translation.ts';
import { nativesOf } from './front-ends.ts';

/** Set by the build, which also puts the module into a file beside the bundle. */
declare const TSQEMU_BUILD: number | undefined;

/** What of a guest decides on its cold tier. */
export interface InterpreterKind {
  readonly addressType: AddressType;
  readonly natives?: string | undefined;
}

/** Names the module of a kind. */
export const interpreterName = ({ addressType, natives = '' }: InterpreterKind): string =>
  `interpreter-${addressType}${natives && '-'}${natives}`;
/** Its file. */
export const interpreterFile = (kind: InterpreterKind): string => `${interpreterName(kind)}.wasm`;
export const INTERPRETERS: readonly InterpreterKind[] = [
  { addressType: 'i32', natives: 'arm' },
  { addressType: 'i32', natives: 'x86' },
  { addressType: 'i64' },
  { addressType: 'i64', natives: 'x86' },
];

/** The whole 4 GiB, as the address space creates its memory. */
export const MEMORY_PAGES = { initial: 65536, maximum: 65536 };

export const generateInterpreter = ({ addressType, natives }: InterpreterKind): Uint8Array<ArrayBuffer> =>
  interpreterModule(MEMORY_PAGES, addressType, nativesOf(natives));

/** The cold tier's bytes: generating them takes a seventh of a short program's time, so the build does it. */
export const interpreterBytes = (kind: InterpreterKind): Uint8Array<ArrayBuffer> => {
  if (typeof TSQEMU_BUILD !== 'undefined') {
    try {
      return new Uint8Array(fs.readFileSync(path.join(import.meta.dirname, interpreterFile(kind))));
    } catch {
      // a bundle of somebody else's without the file beside it: generate
    }
  }
  return generateInterpreter(kind);
};

/** Where machine code from earlier runs may be. */
interface InterpreterStore {
  interpreterModule(use: (code: Uint8Array<ArrayBuffer>) => WebAssembly.Module | null): WebAssembly.Module | null;
}

/** The cold tier's module, with V8's machine code of it from earlier where there is some. */
export const interpreter = (kind: InterpreterKind, store: InterpreterStore | null = null): WebAssembly.Module => {
  const bytes = interpreterBytes(kind);
  return store?.interpreterModule((code) => moduleOf(bytes, code)) ?? compileModule(bytes);
};
