import { describe, expect, it } from 'vitest';
import { byteGuest, guestsWithBytes, usualBytes } from '../../scripts/usual-bytes.ts';
import { usualWords } from '../../scripts/usual-words.ts';
import { composerModule } from '../../src/cpu/composer-module.ts';
import { flagWords } from '../../src/cpu/frontend/aarch64/flag-reads.ts';
import { createAarch64 } from '../../src/cpu/frontend/aarch64/frontend.ts';
import { createArm } from '../../src/cpu/frontend/arm/frontend.ts';
import type { FrontEnd, SingleBlock, SingleLift } from '../../src/cpu/frontend/frontend.ts';
import { createX86 } from '../../src/cpu/frontend/x86/frontend.ts';
import { printBlock } from '../../src/cpu/ir/print.ts';
import { Control } from '../../src/cpu/memory/code-layout.ts';
import { BYTECODE, CODE_CONTROL, GUEST_BASE } from '../../src/cpu/memory/layout.ts';
import { TemplateTable } from '../../src/cpu/template-table.ts';
import { Templates } from '../../src/cpu/templates.ts';

const PC = 0x2000_0000;
type Lift = () => SingleBlock;

/** Instructions that a guest's programs usually have. */
const usual = (name: string, frontEnd: FrontEnd): Lift[] => {
  if (name === 'x86_64' || name === 'i386') {
    const { lift } = byteGuest(name, frontEnd as ReturnType<typeof createX86>);
    return usualBytes(name).map(
      ({ bytes, kind }) =>
        () =>
          lift(bytes, PC, kind),
    );
  }
  const { lift } = frontEnd.single as SingleLift;
  return usualWords(name).map(
    ({ word, form, kind }) =>
      () =>
        lift(word, form, PC, kind),
  );
};

describe.each([
  ['aarch64', createAarch64],
  ['arm', createArm],
  ['x86_64', () => createX86(guestsWithBytes.x86_64)],
  ['i386', () => createX86(guestsWithBytes.i386)],
] as const)('%s', (name, create) => {
  it('knows which instructions exact floating point does in another way', () => {
    const frontEnd: FrontEnd = create();
    const lifts = usual(name, frontEnd);
    const printed = lifts.map((lift) => {
      const { block, fast } = lift();
      return { text: printBlock(block), fast };
    });
    frontEnd.exact = true;
    let others = 0;
    for (const [i, lift] of lifts.entries()) {
      const { text, fast } = printed[i] as (typeof printed)[number];
      const exact = printBlock(lift().block);
      if (!fast) expect(exact).toBe(text);
      else if (exact !== text) others++;
    }
    expect(others).toBeGreaterThan(20);
    expect(printed.filter(({ fast }) => fast).length).toBeLessThan(lifts.length / 3);
  });
});

it('the composer leaves blocks with floating point in the exact mode, and no others', () => {
  const frontEnd = createAarch64();
  // fadd d0, d1, d2; add x0, x1, x2; b
  const [fadd, add, b] = [0x1e62_2820, 0x8b02_0020 | 0, 0x1400_0002];
  const words = [fadd, add, b].map((word) => ({ word, form: 0, kind: -1 }));
  const table = TemplateTable.from(Templates.learned(frontEnd, words));
  const pages = { initial: 65536, maximum: 65536 };
  const memory = new WebAssembly.Memory({ ...pages, shared: true });
  const nothing = (): number => 0;
  const calls = { made: nothing, crosses: nothing, lookAhead: nothing, note: nothing, want: nothing };
  const module = new WebAssembly.Module(composerModule(pages, flagWords));
  const { exports } = new WebAssembly.Instance(module, { e: { m: memory, m1: table.memory, ...calls } });
  const compose = exports.compose as (pc: number, kind: number, limit: number, to: number, last: number) => number;
  const guest = new DataView(memory.buffer, GUEST_BASE);
  const made = (exact: number, ...code: number[]): boolean => {
    new DataView(memory.buffer).setInt32(CODE_CONTROL + 4 * Control.EXACT, exact, true);
    for (const [i, word] of code.entries()) guest.setInt32(PC + 4 * i, word, true);
    return compose(PC, -1, PC + 4 * code.length, BYTECODE, BYTECODE + 0x1_0000) !== 0;
  };
  expect(made(0, fadd, add, b)).toBe(true);
  expect(made(1, fadd, add, b)).toBe(false);
  expect(made(0, add, b)).toBe(true);
  expect(made(1, add, b)).toBe(true);
});
