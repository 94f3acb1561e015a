import { describe, expect, test } from 'vitest';
import { createAarch64 } from '../../../src/cpu/frontend/aarch64/frontend.ts';
import { patternOf } from '../../../src/cpu/frontend/row.ts';
import type { Block, Terminal } from '../../../src/cpu/ir/block.ts';
import { Builder } from '../../../src/cpu/ir/builder.ts';
import { terminalValue } from '../../../src/cpu/ir/finish.ts';
import { opInfo } from '../../../src/cpu/ir/opcodes.ts';
import { printBlock } from '../../../src/cpu/ir/print.ts';
import type { Type } from '../../../src/cpu/ir/types.ts';
import { Value } from '../../../src/cpu/ir/value.ts';
import { verifyBlock } from '../../../src/cpu/ir/verify.ts';
import { random } from '../../loader/mutate.ts';

const PC = 0x1000_0000;
const PER_ROW = 20;

/** A DataView in which every address holds the next word of a list. */
const wordsAt = (words: readonly number[]): DataView =>
  ({ getUint32: (pc: number) => words[(pc - PC) / 4] ?? 0 }) as unknown as DataView;

test.each([false, true])('every row lifts to well-formed IR; exact floating point: %s', (exact) => {
  const frontEnd = createAarch64();
  frontEnd.exact = exact;
  const next = random(11);
  const problems: string[] = [];
  const registers = new Map<number, Type>();
  let lifted = 0;
  for (const row of frontEnd.decoder.rows) {
    const { mask, value } = patternOf(row);
    for (let n = 0; n < PER_ROW; n++) {
      const noise = (Math.floor(next() * 0x1_0000) << 16) | Math.floor(next() * 0x1_0000);
      const word = ((noise & ~mask) | value) >>> 0;
      for (const flags of [-1, 5]) {
        const block = frontEnd.liftBlock(wordsAt([word, word]), PC, flags, PC + 8);
        lifted++;
        for (const p of verifyBlock(block, registers)) problems.push(`${row.syntax} (${word.toString(16)}): ${p}`);
        expect(printBlock(block)).not.toMatch(/undefined|%\?/);
      }
    }
  }
  expect(problems).toEqual([]);
  expect(lifted).toBe(frontEnd.decoder.rows.length * PER_ROW * 2);
});

describe('what is wrong is told', () => {
  const block = (b: Builder, terminal: Terminal): Block => {
    const last = terminalValue(terminal);
    if (last) last.uses++;
    return {
      pc: 0,
      end: 4,
      ops: b.ops,
      terminal,
      count: 1,
      flagsIn: -1,
      reads: [],
      readsFlags: false,
      setsFlags: false,
      flagsOut: -1,
    };
  };
  const jump: Terminal = { kind: 'jump', target: 4 };

  test('nothing, for a good block', () => {
    const b = new Builder();
    b.set(0x100, b.i64.add(b.get('i64', 0x108), b.const64(1)));
    expect(verifyBlock(block(b, jump))).toEqual([]);
  });

  test('an operand of another type', () => {
    const b = new Builder();
    b.emit('i64.add', b.get('i64', 0x100), b.get('i32', 0x108));
    expect(verifyBlock(block(b, jump))).toEqual(['op 2 (i64.add, pc 0x0): operand 1 is i32, not i64']);
  });

  test('a register of another type, in this block or in one before', () => {
    const b = new Builder();
    b.set(0x100, b.get('i64', 0x108));
    b.set(0x110, b.get('i32', 0x100));
    const registers = new Map<number, Type>([[0x110, 'i64']]);
    expect(verifyBlock(block(b, jump), registers)).toEqual([
      'op 2 (i32.get, pc 0x0): register at 256 is i32, elsewhere i64',
      'op 3 (i32.set, pc 0x0): register at 272 is i32, elsewhere i64',
    ]);
  });

  test('a missing operand, and one too many', () => {
    const b = new Builder();
    const x = b.get('i32', 0x100);
    b.ops.push(new Value(opInfo['i32.add'], x, null, null, 0, 0, null, 0));
    b.ops.push(new Value(opInfo['i32.eqz'], x, x, null, 0, 0, null, 0));
    expect(verifyBlock(block(b, jump))).toEqual([
      'op 1 (i32.add, pc 0x0): operand 1 is missing',
      'op 2 (i32.eqz, pc 0x0): operand 1 is one too many',
      'i32.get at pc 0x0: used 2 times, says 3',
    ]);
  });

  test('use before definition', () => {
    const b = new Builder();
    const x = b.get('i64', 0x100);
    b.set(0x108, x);
    b.ops.reverse();
    expect(verifyBlock(block(b, jump)).join()).toMatch(/operand 0 \(i64.get\) is not defined before/);
  });

  test('addresses of two widths, lanes, immediates', () => {
    const b = new Builder();
    b.load('i32.load', b.get('i64', 0x100));
    b.load('i32.load', b.get('i32', 0x108));
    b.extract('i32x4.extract_lane', b.get('v128', 0x200), 4);
    b.emit('i8x16.shuffle', b.get('v128', 0x200), b.get('v128', 0x200), null, 0, 0, [1, 2]);
    b.emit('i32.const', null, null, null, 2 ** 31);
    expect(verifyBlock(block(b, jump)).map((p) => p.replace(/.*?: /, ''))).toEqual([
      'address is i32, elsewhere i64',
      'lane 4 does not exist',
      'needs 16 numbers below 32',
      '2147483648 is no int32',
    ]);
  });

  test('a wrong count of uses', () => {
    const b = new Builder();
    b.get('i64', 0x100).uses = 3;
    expect(verifyBlock(block(b, jump))).toEqual(['i64.get at pc 0x0: used 0 times, says 3']);
  });

  test('a terminal with a value of the wrong type, from elsewhere, or with a wild target', () => {
    const b = new Builder();
    const cond = b.get('i64', 0x100) as unknown as Value<'i32'>;
    expect(verifyBlock(block(b, { kind: 'branch', cond, taken: 0, next: 4 }))).toEqual([
      'terminal branch: its value is i64',
    ]);
    const other = new Builder().get('i64', 0x100);
    expect(verifyBlock(block(new Builder(), { kind: 'jumpIndirect', target: other, isReturn: true }))).toEqual([
      'terminal jumpIndirect: its value is not defined in the block',
    ]);
    expect(verifyBlock(block(new Builder(), { kind: 'jump', target: -4 }))).toEqual(['terminal jump: -4 is no pc']);
  });
});
