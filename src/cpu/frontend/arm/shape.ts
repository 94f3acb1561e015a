import type { Part, RegisterField, Shape } from '../frontend.ts';
import type { Field, Pattern } from '../pattern.ts';
import { immediateField, openField } from '../shape.ts';
import { SP } from './registers.ts';

const REGISTER = /^r([a-z]|t2|dlo|dhi)$/;
const IMMEDIATE = /^imm\d+$/;
/**
 * Modified immediates are numbers in their low byte, and a way to change them above it; T32's in the low seven bits, as the
 * one above belongs to the number of places that they are rotated by where they are.
 */
const MODIFIED = '#<const>';
const BYTE = 8;
/** Of a list of vector registers the immediate is the length. */
const LIST = '<list>';
/** Single values of the immediate have a meaning of their own: calls of the old ABI, breakpoints. */
const SINGULAR = /^(svc|udf)/;

/** Parts of the distance of BL, BLX and B.W (T4), whose J1 and J2 are bits 23 and 22 xor the inverted sign (Arm ARM F5.1.25). */
const FAR = 's j1 j2 high low';
/** Of conditional branches (T3) they are bits 19 and 18 as they are. */
const NEAR = 's j2 j1 high low';
/** The pc that distances are from is two units ahead: -1 leads to the next instruction. */
const AHEAD = 1;
const WIDE = 'imm16h imm16t imm16m imm16l';

const immediateOf = (syntax: string, fields: ReadonlyMap<string, Field>): Shape['immediate'] => {
  const joined = (names: string): Part[] => names.split(' ').flatMap((name) => fields.get(name)?.parts ?? []);
  if (fields.has('j1')) {
    if (fields.has('cc')) return immediateField(joined(NEAR), true);
    const parts = joined(FAR);
    const width = parts.reduce((sum, part) => sum + part.width, 0);
    return immediateField(parts, true, 3 << (width - 3));
  }
  if (fields.has('imm16h')) return immediateField(joined(WIDE), false);
  if (syntax.includes(LIST) || SINGULAR.test(syntax)) return null;
  for (const { name, signed, parts } of fields.values()) {
    if (!IMMEDIATE.test(name)) continue;
    const low = parts.at(-1);
    if (!syntax.includes(MODIFIED)) return immediateField(parts, signed, 0, signed ? AHEAD : 0);
    const width = parts.length > 1 ? BYTE - 1 : BYTE;
    return low && low.width >= BYTE ? immediateField([{ shift: low.shift, width }], false) : null;
  }
  return null;
};

/** Fields are recognised by their names. A list names registers of its own, which others may be among. The stack pointer, the link register and the pc have meanings of their own. */
export const shapeOf = (syntax: string, pattern: Pattern): Shape => {
  const fields = new Map(pattern.fields.map((field) => [field.name, field]));
  const registers: RegisterField[] = pattern.fields
    .filter(({ name }) => REGISTER.test(name) && !fields.has('list'))
    .map(({ parts }) => ({ ...openField(parts), special: SP }));
  return { registers, immediate: immediateOf(syntax, fields) };
};
