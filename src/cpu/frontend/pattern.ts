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
  readonly signed: boolean;
  readonly width: number;
  /** Highest part first. */
  readonly parts: readonly Part[];
}

export interface Pattern {
  /** Bits that are fixed, and their values (uint32). */
  readonly mask: number;
  readonly value: number;
  readonly fields: readonly Field[];
}

/** Parse a pattern of 32 (or `bits`) bits; throws on a malformed one (a programming error). */
export const parsePattern = (text: string, bits = 32): Pattern => {
  let at = bits;
  let mask = 0;
  let value = 0;
  const fields = new Map<string, { name: string; signed: boolean; width: number; parts: Part[] }>();
  for (const token of text.split(' ')) {
    const colon = token.indexOf(':');
    if (colon < 0) {
      for (const bit of token) {
        at--;
        if (bit === 'x') continue;
        if (bit !== '0' && bit !== '1') throw new Error(`pattern '${text}': bad token '${token}'`);
        mask |= 1 << at;
        if (bit === '1') value |= 1 << at;
      }
      continue;
    }
    const name = token.slice(0, colon);
    const signed = token[colon + 1] === 's';
    const width = Number(token.slice(colon + (signed ? 2 : 1)));
    at -= width;
    let field = fields.get(name);
    if (!field) {
      field = { name, signed, width: 0, parts: [] };
      fields.set(name, field);
    }
    field.width += width;
    field.parts.push({ shift: at, width });
  }
  if (at !== 0) throw new Error(`pattern '${text}': ${bits - at} bits instead of ${bits}`);
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
