import fs from 'node:fs';
import path from 'node:path';

/** Set by the build, which also puts templates into files beside the bundle. */
declare const TSQEMU_BUILD: number | undefined;

/** What templates of a front end go by. */
export const templatesName = ({ name, variant }: { readonly name: string; readonly variant: string }): string =>
  `${name}-${variant}`;

/** File of the templates for a front end and its variant. */
export const templateFile = (name: string): string => `templates-${name}.bin`;

/** A file of templates that the build learned. */
export interface TemplateSource {
  /** In bytes. */
  readonly size: number;
  /** Fill an array from a byte on. */
  read(at: number, into: Uint8Array): void;
  /** All has been read. */
  close(): void;
}

/** The templates of the build; null: none for this host. The file stays open, as a new build puts another in its place. */
export const builtTemplates = (name: string): TemplateSource | null => {
  if (typeof TSQEMU_BUILD === 'undefined') return null;
  let fd: number;
  try {
    fd = fs.openSync(path.join(import.meta.dirname, templateFile(name)), 'r');
  } catch {
    return null;
  }
  return {
    size: fs.fstatSync(fd).size,
    read: (at, into) => {
      if (fs.readSync(fd, into, 0, into.length, at) !== into.length)
        throw new Error(`${templateFile(name)} is cut off`);
    },
    close: () => fs.closeSync(fd),
  };
};
