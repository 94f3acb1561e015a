import fs from 'node:fs';
import { expect, it } from 'vitest';
import { createArm } from '../../../src/cpu/frontend/arm/frontend.ts';

/** pc, word (of T32 the first halfword in front) and objdump's text. */
const recorded = fs
  .readFileSync(new URL('disassembly-arm.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => /^(\S+) (\S+) (.*)$/.exec(line) as RegExpExecArray);

/** What is written in more than one way. */
const plain = (text: string): string =>
  text
    .replace(/^(\w+(?:\.\w+)*?)\.w\b/, '$1')
    .replace(/0x/g, '')
    .replace(/, #0\]/g, ']')
    .replace(/^(ldm|stm)ia/, '$1')
    .replace(/\bhs\b/, 'cs');

it('instructions of ARM are written as objdump writes them', () => {
  const frontEnd = createArm();
  for (const [, pc, hex, text] of recorded) {
    const [at, word] = [Number.parseInt(pc as string, 16), Number.parseInt(hex as string, 16)];
    const halves = (at & 1) === 1 ? [word >>> 16, word & 0xffff] : [word & 0xffff, word >>> 16];
    const start = at - (at & 1);
    const code = {
      getUint16: (address: number) => halves[(address - start) / 2],
      getUint32: () => word,
      getInt32: () => word | 0,
    };
    expect(plain(frontEnd.disassemble(code as unknown as DataView, at)), hex).toBe(plain(text as string));
  }
  expect(recorded.length).toBeGreaterThan(400);
});
