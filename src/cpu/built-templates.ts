import fs from 'node:fs';
import path from 'node:path';

/** Set by the build, which also puts templates into files beside the bundle. */
declare const TSQEMU_BUILD: number | undefined;

/** What templates of a front end go by. */
export const templatesName = ({ name, variant }: { readonly name: string; readonly variant: string }): string =>
  `${name}-${variant}`;

/** File of the templates for a front end and its variant. */
export const templateFile = (name: string): string => `templates-${name}.bin`;

/** Templates that the build learned, put into memory that is asked for by their size in bytes; null: none for this host. */
export const builtTemplates = (name: string, memory: (size: number) => Uint8Array): Int32Array | null => {
  if (typeof TSQEMU_BUILD === 'undefined') return null;
  let fd: number;
  try {
    fd = fs.openSync(path.join(import.meta.dirname, templateFile(name)), 'r');
  } catch {
    return null;
  }
  try {
    const { size } = fs.fstatSync(fd);
    const bytes = memory(size);
    const read = fs.readSync(fd, bytes, 0, size, 0);
    return new Int32Array(bytes.buffer, bytes.byteOffset, read >>> 2);
  } finally {
    fs.closeSync(fd);
  }
};
