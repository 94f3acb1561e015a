import type { Shape } from './frontend.ts';
import type { Pattern } from './pattern.ts';

const REGISTER = /^r[a-z]2?$/;
const IMMEDIATE = /^imm(7|9|12|14|16|19|26|hi)?$/;
const REGISTER_BITS = 5;

/** Fields are recognised by their names. */
export const shapeOf = (pattern: Pattern): Shape => {
  const registers: number[] = [];
  let immediate: Shape['immediate'] = null;
  for (const { name, signed, width, parts } of pattern.fields) {
    const [first, ...others] = parts;
    if (first === undefined || others.length > 0) continue;
    if (REGISTER.test(name) && width === REGISTER_BITS) registers.push(first.shift);
    else if (IMMEDIATE.test(name)) immediate = { shift: first.shift, width, signed };
  }
  return { registers, immediate };
};
