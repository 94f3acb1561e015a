import fs from 'node:fs';
import type { MapSource } from '../../src/cpu/memory/types.ts';
import type { LoadOptions } from '../../src/loader/load.ts';

/** Bytes as a mappable file. */
export function bytesFile(bytes: Uint8Array, name = '/test'): MapSource {
  return {
    name,
    dev: 1,
    ino: 1,
    read(into, offset) {
      const part = bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + into.length, bytes.length));
      into.set(part);
      return part.length;
    },
    write: () => -30,
    size: () => bytes.length,
    ref() {},
    unref() {},
  };
}

/** A host file as the emulator would open it; -errno when it is not there. */
export function hostFile(path: string): MapSource | number {
  try {
    return bytesFile(fs.readFileSync(path), path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return -2;
    if (code === 'EISDIR') return -21;
    if (code === 'EACCES') return -13;
    throw error;
  }
}

/** Options for tests that do not care. */
export const LOAD: Omit<LoadOptions, 'taskSize'> = {
  envp: ['HOME=/', 'LANG=C'],
  ids: { uid: 1000, euid: 1001, gid: 1002, egid: 1003 },
  hwcap: 0xfb,
  hwcap2: 0x10,
  platform: 'aarch64',
  random: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
};

export const FIXTURES: string = new URL('../fixtures/aarch64/', import.meta.url).pathname;
