/** One member of a tar archive; names and link targets are byte strings. */
export interface TarEntry {
  readonly name: string;
  readonly type: 'file' | 'dir' | 'symlink' | 'link' | 'other';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly target: string;
  readonly data: Uint8Array;
}

const BLOCK = 512;
/** Decompressed archives stop here. */
const MAX_BYTES = 2 ** 31;

/** Undo gzip or zstd compression, by magic number. */
export function decompress(archive: Uint8Array): Uint8Array {
  if (archive[0] === 0x1f && archive[1] === 0x8b)
    return process.getBuiltinModule('node:zlib').gunzipSync(archive, { maxOutputLength: MAX_BYTES });
  if (archive[0] === 0x28 && archive[1] === 0xb5 && archive[2] === 0x2f && archive[3] === 0xfd) {
    return process.getBuiltinModule('node:zlib').zstdDecompressSync(archive, { maxOutputLength: MAX_BYTES });
  }
  return archive;
}

function text(block: Uint8Array, at: number, length: number): string {
  let end = at;
  while (end < at + length && block[end] !== 0) end++;
  return Buffer.from(block.subarray(at, end)).toString('latin1');
}

/** Octal digits, or GNU's base-256 when the first bit is set. */
function number(block: Uint8Array, at: number, length: number): number {
  const first = block[at] ?? 0;
  if ((first & 0x80) !== 0) {
    let value = first & 0x3f;
    for (let i = 1; i < length; i++) value = value * 256 + (block[at + i] ?? 0);
    return value;
  }
  return Number.parseInt(text(block, at, length).trim() || '0', 8) || 0;
}

/** pax records: `LENGTH KEY=VALUE\n`. */
function pax(data: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  const all = Buffer.from(data).toString('latin1');
  for (let at = 0; at < all.length; ) {
    const space = all.indexOf(' ', at);
    const length = Number.parseInt(all.slice(at, space), 10);
    if (space < 0 || !(length > 0)) break;
    const record = all.slice(space + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

const TYPES: Readonly<Record<string, TarEntry['type']>> = {
  '0': 'file',
  '\0': 'file',
  '': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '5': 'dir',
};

/** The members of a tar archive (POSIX ustar and pax, GNU long names). Throws on a broken header. */
export function* readTar(archive: Uint8Array): Generator<TarEntry> {
  let longName: string | null = null;
  let longTarget: string | null = null;
  let extended = new Map<string, string>();
  const globals = new Map<string, string>();
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    let sum = 0;
    for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] ?? 0);
    if (sum !== number(header, 148, 8)) throw new Error(`not a tar archive, or damaged at byte ${at}`);
    const flag = text(header, 156, 1);
    const size = Number(extended.get('size') ?? number(header, 124, 12));
    const start = at + BLOCK;
    if (!(size >= 0) || start + size > archive.length) throw new Error(`tar archive is cut off at byte ${at}`);
    const data = archive.subarray(start, start + size);
    at = start + Math.ceil(size / BLOCK) * BLOCK;
    if (flag === 'L' || flag === 'K') {
      const name = text(data, 0, data.length);
      if (flag === 'L') longName = name;
      else longTarget = name;
      continue;
    }
    if (flag === 'x') {
      extended = pax(data);
      continue;
    }
    if (flag === 'g') {
      for (const [key, value] of pax(data)) globals.set(key, value);
      continue;
    }
    const ustar = text(header, 257, 5) === 'ustar';
    const prefix = ustar ? text(header, 345, 155) : '';
    const short = text(header, 0, 100);
    const pick = (key: string): string | undefined => extended.get(key) ?? globals.get(key);
    yield {
      name: pick('path') ?? longName ?? (prefix === '' ? short : `${prefix}/${short}`),
      type: TYPES[flag] ?? 'other',
      mode: number(header, 100, 8) & 0o7777,
      uid: number(header, 108, 8),
      gid: number(header, 116, 8),
      mtime: Number(pick('mtime') ?? number(header, 136, 12)),
      target: pick('linkpath') ?? longTarget ?? text(header, 157, 100),
      data,
    };
    longName = null;
    longTarget = null;
    extended = new Map();
  }
}
