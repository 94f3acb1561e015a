import fs from 'node:fs';
import path from 'node:path';
import type { AddressType } from './cpu/backend/interpreter/module.ts';
import { moduleOf } from './cpu/machine-code.ts';
import { interpreterModule } from './cpu/translation.ts';

/** Set by the build, which also puts the module into a file beside the bundle. */
declare const TSQEMU_BUILD: number | undefined;

/** File of the module for guests with addresses of a type. */
export const interpreterFile = (addresses: AddressType): string => `interpreter-${addresses}.wasm`;
export const INTERPRETERS: readonly AddressType[] = ['i32', 'i64'];

/** The whole 4 GiB, as the address space creates its memory. */
export const MEMORY_PAGES = { initial: 65536, maximum: 65536 };

/** The cold tier's bytes: generating them takes a seventh of a short program's time, so the build does it. */
export const interpreterBytes = (addresses: AddressType): Uint8Array<ArrayBuffer> => {
  if (typeof TSQEMU_BUILD !== 'undefined') {
    try {
      return new Uint8Array(fs.readFileSync(path.join(import.meta.dirname, interpreterFile(addresses))));
    } catch {
      // a bundle of somebody else's without the file beside it: generate
    }
  }
  return interpreterModule(MEMORY_PAGES, addresses);
};

/** The cold tier's module, with V8's machine code of it from earlier where there is some. */
export const interpreter = (
  addresses: AddressType,
  code: Uint8Array<ArrayBuffer> | null = null,
): WebAssembly.Module => {
  const bytes = interpreterBytes(addresses);
  return (code && moduleOf(bytes, code)) ?? new WebAssembly.Module(bytes);
};
