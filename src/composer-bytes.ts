import fs from 'node:fs';
import path from 'node:path';
import { flagWords } from './cpu/frontend/aarch64/flag-reads.ts';
import type { Facts } from './cpu/frontend/frontend.ts';
import { compileModule, moduleOf } from './cpu/machine-code.ts';
import { composerModule } from './cpu/translation.ts';
import { MEMORY_PAGES } from './interpreter-bytes.ts';

/** Set by the build, which also puts the module into a file beside the bundle. */
declare const TSQEMU_BUILD: number | undefined;

/** Names the composer's module for a guest: of words, or of bytes, which are those that programs may store to unnoticed. */
export const composerName = ({ coherentCode = false }: Pick<Facts, 'coherentCode'>): string =>
  coherentCode ? 'composer-bytes' : 'composer';
const fileOf = (name: string): string => `${name}.wasm`;
/** The modules of all guests by their files. */
export const composerModules: Readonly<Record<string, () => Uint8Array<ArrayBuffer>>> = Object.fromEntries(
  [false, true].map((coherentCode) => [
    fileOf(composerName({ coherentCode })),
    () => composerModule(MEMORY_PAGES, coherentCode ? null : flagWords),
  ]),
);

const composerBytes = (name: string): Uint8Array<ArrayBuffer> => {
  if (typeof TSQEMU_BUILD !== 'undefined') {
    try {
      return new Uint8Array(fs.readFileSync(path.join(import.meta.dirname, fileOf(name))));
    } catch {
      // a bundle of somebody else's without the file beside it: generate
    }
  }
  return (composerModules[fileOf(name)] as () => Uint8Array<ArrayBuffer>)();
};

/** Where machine code from earlier runs may be. */
interface ComposerStore {
  composerModule(use: (code: Uint8Array<ArrayBuffer>) => WebAssembly.Module | null): WebAssembly.Module | null;
}

/** The composer's module, with V8's machine code of it from earlier where there is some. */
export const composer = (name: string, store: ComposerStore | null): WebAssembly.Module => {
  const bytes = composerBytes(name);
  return store?.composerModule((code) => moduleOf(bytes, code)) ?? compileModule(bytes);
};
