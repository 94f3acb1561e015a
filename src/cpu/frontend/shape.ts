import type { ImmediateField, OpenField, Part, RegisterField, Shape } from './frontend.ts';
import type { Pattern } from './pattern.ts';

const bits = ({ shift, width }: Part): number => ((1 << width) - 1) << shift;

/** A field of parts, the highest one first. */
export const openField = (parts: readonly Part[]): OpenField => {
  const mask = parts.reduce((all, part) => all | bits(part), 0);
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  const [first] = parts;
  if (first !== undefined && parts.length === 1) {
    const { shift } = first;
    const low = mask >>> shift;
    return { parts, mask, width, get: (word) => (word >>> shift) & low, put: (value) => (value & low) << shift };
  }
  return {
    parts,
    mask,
    width,
    get(word) {
      let value = 0;
      for (const part of parts) value = (value << part.width) | ((word & bits(part)) >>> part.shift);
      return value;
    },
    put(value) {
      let word = 0;
      let rest = value;
      for (let i = parts.length - 1; i >= 0; i--) {
        const part = parts[i] as Part;
        word |= (rest << part.shift) & bits(part);
        rest >>>= part.width;
      }
      return word;
    },
  };
};

export const immediateField = (parts: readonly Part[], signed: boolean, mixed = 0, bias = 0): ImmediateField => {
  const field = openField(parts);
  if (mixed === 0) return { ...field, signed, mixed, bias };
  const sign = 1 << (field.width - 1);
  const mix = (value: number): number => ((value & sign) === 0 ? value ^ mixed : value);
  return { ...field, signed, mixed, bias, get: (word) => mix(field.get(word)), put: (value) => field.put(mix(value)) };
};

const REGISTER = /^r[a-z]2?$/;
const IMMEDIATE = /^imm(7|9|12|14|16|19|26|hi)?$/;
const REGISTER_BITS = 5;
/** x30 is the link register, 31 zero or sp. */
const FIRST_SPECIAL = 30;

/** Fields of AArch64 are recognised by their names. */
export const shapeOf = (pattern: Pattern): Shape => {
  const registers: RegisterField[] = [];
  let immediate: Shape['immediate'] = null;
  for (const { name, signed, width, parts } of pattern.fields) {
    if (parts.length > 1) continue;
    if (REGISTER.test(name) && width === REGISTER_BITS) {
      registers.push({ ...openField(parts), special: FIRST_SPECIAL });
    } else if (IMMEDIATE.test(name)) immediate = immediateField(parts, signed);
  }
  return { registers, immediate };
};
