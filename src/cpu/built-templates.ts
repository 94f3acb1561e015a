import fs from 'node:fs';
import path from 'node:path';

/** Set by the build, which also puts templates into files beside the bundle. */
declare const TSQEMU_BUILD: number | undefined;

/** File of the templates for a front end and its variant. */
export const templateFile = (name: string): string => `templates-${name}.bin`;

/** Templates that the build learned; null: none for this host, they are learned as programs need them. */
export const builtTemplates = (name: string): Int32Array | null => {
  if (typeof TSQEMU_BUILD === 'undefined') return null;
  try {
    const bytes = fs.readFileSync(path.join(import.meta.dirname, templateFile(name)));
    return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  } catch {
    return null;
  }
};
