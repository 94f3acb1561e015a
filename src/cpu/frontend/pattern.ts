/**
 * The notation of instruction tables. A pattern lists the word's bits from the highest to the lowest,
 * separated by spaces: literal bits (`0101`, `x` = ignored) and fields `name:width` (unsigned) or
 * `name:sWIDTH` (two's complement). A name given twice is one field whose parts are joined, first part
 * highest: `immhi:s19 … immlo:2` are two fields, `imm:s19 … imm:2` is one of 21 bits.
 */
export type FieldNames<P extends string, Acc extends string = never> = P extends `${infer Head} ${infer Rest}`
  ? FieldNames<Rest, Acc | FieldName<Head>>
  : Acc | FieldName<P>;
type FieldName<T extends string> = T extends `${infer Name}:${string}` ? Name : never;
export type Fields<P extends string> = { readonly [K in FieldNames<P>]: number };

interface Part {
  readonly shift: number;
  readonly width: number;
}

export interface Field {
  readonly name: string;
  /** Number of the name, the same in all patterns. */
  readonly id: number;
  readonly signed: boolean;
  readonly width: number;
  /** Highest part first. */
  readonly parts: readonly Part[];
}

/** Bits that are fixed, and their values. */
export interface FixedBits {
  readonly mask: number;
  readonly value: number;
}

export interface Pattern extends FixedBits {
  readonly fields: readonly Field[];
}

const ZERO = 0x30;
const SPACE = 0x20;

/** Mask and value of a pattern of 32 bits (as int32); for all rows of a guest at start, so quick, and checked by parsePattern. */
export const fixedBits = (text: string): FixedBits => {
  let at = 32;
  let mask = 0;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === SPACE) continue;
    if (c === ZERO || c === ZERO + 1) {
      at--;
      mask |= 1 << at;
      value |= (c - ZERO) << at;
      continue;
    }
    const end = text.indexOf(' ', i);
    const colon = text.indexOf(':', i);
    if (colon < 0 || (end >= 0 && colon > end)) {
      at--;
      continue;
    }
    let width = 0;
    const stop = end < 0 ? text.length : end;
    for (i = colon + 1; i < stop; i++) {
      const digit = text.charCodeAt(i) - ZERO;
      if (digit < 10) width = width * 10 + digit;
    }
    at -= width;
  }
  return { mask, value };
};

const ids = new Map<string, number>();

const idOf = (name: string): number => {
  const id = ids.get(name) ?? ids.size;
  ids.set(name, id);
  return id;
};

/** Parse a pattern of 32 bits; throws on a malformed one (a programming error). */
export const parsePattern = (text: string): Pattern => {
  let at = 32;
  const fields = new Map<string, { name: string; id: number; signed: boolean; width: number; parts: Part[] }>();
  for (const token of text.split(' ')) {
    const colon = token.indexOf(':');
    if (colon < 0) {
      if (!/^[01x]+$/.test(token)) throw new Error(`pattern '${text}': bad token '${token}'`);
      at -= token.length;
      continue;
    }
    const name = token.slice(0, colon);
    const signed = token[colon + 1] === 's';
    const width = Number(token.slice(colon + (signed ? 2 : 1)));
    at -= width;
    let field = fields.get(name);
    if (!field) {
      field = { name, id: idOf(name), signed, width: 0, parts: [] };
      fields.set(name, field);
    }
    field.width += width;
    field.parts.push({ shift: at, width });
  }
  if (at !== 0) throw new Error(`pattern '${text}': ${32 - at} bits instead of 32`);
  const { mask, value } = fixedBits(text);
  return { mask: mask >>> 0, value: value >>> 0, fields: [...fields.values()] };
};

/** The value of one field in an instruction word. */
export const extractField = (field: Field, word: number): number => {
  let v = 0;
  for (const { shift, width } of field.parts) {
    v = width === 32 ? word : (v << width) | ((word >>> shift) & ((1 << width) - 1));
  }
  return field.signed ? (v << (32 - field.width)) >> (32 - field.width) : v >>> 0;
};

export const extractFields = (pattern: Pattern, word: number): Record<string, number> => {
  const out: Record<string, number> = {};
  for (const field of pattern.fields) out[field.name] = extractField(field, word);
  return out;
};

type Values = Record<string, number>;

/**
 * A function that sets the field with a number. Made as code: stores by a name that varies take 25 ns each, which is most
 * of what decoding costs.
 */
const setterOf = (names: readonly string[]): ((values: Values, id: number, value: number) => void) => {
  const cases = names.map((name) => `case ${idOf(name)}: f.${name} = v; break;`);
  return new Function('f', 'id', 'v', `switch (id) { ${cases.join(' ')} }`) as ReturnType<typeof setterOf>;
};

/**
 * Reads fields into one object that has every field name of a table, so that all rows see objects of one shape and
 * nothing is allocated. What a row's own fields are not is left over from other words.
 */
export class FieldReader {
  private readonly texts: () => Iterable<string>;
  private values: Values = {};
  private set: ((values: Values, id: number, value: number) => void) | null = null;

  /** `texts`: all patterns, asked for when the first one is read. */
  constructor(texts: () => Iterable<string>) {
    this.texts = texts;
  }

  private prepare(): (values: Values, id: number, value: number) => void {
    const names = new Set<string>();
    for (const text of this.texts()) for (const [, name] of text.matchAll(/(\w+):/g)) names.add(name as string);
    // an object made at once keeps its properties in place, unlike one filled by name
    this.values = JSON.parse(`{${[...names].map((name) => `"${name}":0`).join(',')}}`);
    this.set = setterOf([...names]);
    return this.set;
  }

  /** The object is valid until the next call. */
  read(pattern: Pattern, word: number): Readonly<Values> {
    const set = this.set ?? this.prepare();
    const { values } = this;
    const { fields } = pattern;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i] as Field;
      const { parts } = field;
      const first = parts[0] as Part;
      if (parts.length === 1 && !field.signed && first.width < 32) {
        set(values, field.id, (word >>> first.shift) & ((1 << first.width) - 1));
      } else {
        set(values, field.id, extractField(field, word));
      }
    }
    return values;
  }
}
