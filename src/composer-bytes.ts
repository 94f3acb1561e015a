import fs from 'node:fs';
import path from 'node:path';
import { flagWords } from './cpu/frontend/aarch64/flag-reads.ts';
import { moduleOf } from './cpu/machine-code.ts';
import { composerModule } from './cpu/translation.ts';
import { MEMORY_PAGES } from './interpreter-bytes.ts';

/** Set by the build, which also puts the module into a file beside the bundle. */
declare const TSQEMU_BUILD: number | undefined;

export const COMPOSER_FILE = 'composer.wasm';

const composerBytes = (): Uint8Array<ArrayBuffer> => {
  if (typeof TSQEMU_BUILD !== 'undefined') {
    try {
      return new Uint8Array(fs.readFileSync(path.join(import.meta.dirname, COMPOSER_FILE)));
    } catch {
      // a bundle of somebody else's without the file beside it: generate
    }
  }
  return composerModule(MEMORY_PAGES, flagWords);
};

/** The composer's module, with V8's machine code of it from earlier where there is some. */
export const composer = (code: Uint8Array<ArrayBuffer> | null): WebAssembly.Module => {
  const bytes = composerBytes();
  return (code && moduleOf(bytes, code)) ?? new WebAssembly.Module(bytes);
};
