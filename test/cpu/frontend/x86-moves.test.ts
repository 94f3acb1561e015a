import { describe, expect, test } from 'vitest';
import { Random } from '../../../scripts/fuzz-random.ts';
import type { HelperContext } from '../../../src/cpu/frontend/helper.ts';
import { createX86_64 } from '../../../src/cpu/frontend/x86/frontend.ts';
import { FLAT, repeatMove, repeatStore } from '../../../src/cpu/frontend/x86/helpers/strings.ts';
import { REPEAT_OPERAND, repeatMoves, repeatStores } from '../../../src/cpu/frontend/x86/natives/moves.ts';
import { nativeNumber } from '../../../src/cpu/frontend/x86/natives.ts';
import { RAX, RCX, RDI, RSI, Sys } from '../../../src/cpu/frontend/x86/registers.ts';
import {
  CPU_STATES,
  GUEST_BASE,
  PAGE_SHIFT,
  PageByte,
  READ_BYTES,
  State,
  WRITE_BYTES,
} from '../../../src/cpu/memory/layout.ts';
import { nativesAlone } from '../../support/natives.ts';

const { run, view, u8 } = nativesAlone({ addressType: 'i64', natives: 'x86' });
const frontEnd = createX86_64();
const context = {
  view,
  u8,
  access: (_state: number, address: bigint) => Number(address) + GUEST_BASE,
} as unknown as HelperContext;
const S = CPU_STATES;
/** Three pages whose first and last bytes nobody writes. */
const PLACE = 0x10_0000;
const BYTES = 3 << PAGE_SHIFT;
const setPlain = (page: number, count: number): void => {
  for (const table of [READ_BYTES, WRITE_BYTES]) u8.fill(PageByte.PLAIN, table + page, table + page + count);
};
setPlain(PLACE >> PAGE_SHIFT, 3);

interface Operands {
  readonly count: bigint;
  readonly from: bigint;
  readonly to: bigint;
  readonly value: bigint;
  readonly down: number;
}
const put = ({ count, from, to, value, down }: Operands): void => {
  const numbers = [
    [RCX, REPEAT_OPERAND.COUNT, count],
    [RSI, REPEAT_OPERAND.FROM, from],
    [RDI, REPEAT_OPERAND.TO, to],
    [RAX, REPEAT_OPERAND.VALUE, value],
  ] as const;
  for (const [register, operand, number] of numbers) {
    view.setBigUint64(S + State.REGS + 8 * register, number, true);
    view.setBigUint64(S + operand, number, true);
  }
  view.setUint32(S + Sys.DF, down, true);
  view.setUint32(S + REPEAT_OPERAND.DIRECTION, down, true);
};
const results = (moves: boolean): string =>
  [REPEAT_OPERAND.COUNT, REPEAT_OPERAND.TO, ...(moves ? [REPEAT_OPERAND.FROM] : [])]
    .map((at) => view.getBigUint64(S + at, true))
    .join();

const SIZES = [1, 2, 4, 8] as const;
const all = ['movs', 'stos'].flatMap((name) => SIZES.map((size) => [name, size] as const));

describe('repeated moves and stores by natives', () => {
  test.each(all)('%s of %i bytes: what the helper does', (name, size) => {
    const random = new Random(size);
    const moves = name === 'movs';
    const native = nativeNumber((moves ? repeatMoves : repeatStores)[size]);
    const helper = frontEnd.helper(moves ? repeatMove : repeatStore);
    const aux = Math.log2(size) | (3 << 2) | FLAT;
    const before = new Uint8Array(BYTES);
    for (let i = 0; i < 400; i++) {
      for (let k = 0; k < BYTES; k++) before[k] = random.u32();
      const count = random.below(random.pick([4, 40, 400]));
      const down = random.below(2);
      const room = BYTES - (count + 2) * size;
      const first = size + random.below(room);
      // near each other as often as not
      const second = random.oneIn(2) ? size + random.below(room) : Math.min(room, Math.max(size, first + random.below(40) - 20)); // biome-ignore format: one line
      const place = (at: number): bigint => BigInt(PLACE + at + (down ? (count - 1) * size : 0));
      const byte = BigInt(random.below(256)) * 0x0101_0101_0101_0101n;
      const value = random.oneIn(2) ? byte : random.integer();
      const operands: Operands = { count: BigInt(count), from: place(first), to: place(second), value, down };
      const say = `${count} from ${first} to ${second}, down ${down}, ${value.toString(16)}`;
      const at = PLACE + GUEST_BASE;
      u8.set(before, at);
      put(operands);
      expect(run(S, native, aux), say).toBe(0);
      const [ours, numbers] = [Buffer.from(u8.slice(at, at + BYTES)), results(moves)];
      u8.set(before, at);
      put(operands);
      expect(helper?.(context, S, aux)).toBe(0);
      expect(numbers, say).toBe(results(moves));
      expect(ours.equals(Buffer.from(u8.slice(at, at + BYTES))), say).toBe(true);
    }
  });

  test.each(all)('%s of %i bytes: pages that are not plain are the helper’s', (name, size) => {
    const moves = name === 'movs';
    const native = nativeNumber((moves ? repeatMoves : repeatStores)[size]);
    const base: Operands = { count: 2n, from: BigInt(PLACE), to: BigInt(PLACE + 64), value: 0n, down: 0 };
    const refused = (operands: Partial<Operands>): void => {
      put({ ...base, ...operands });
      expect(run(S, native, 0)).not.toBe(0);
    };
    refused({ to: BigInt(PLACE + BYTES - size) });
    refused({ to: BigInt(PLACE), down: 1 });
    refused({ to: 0x1_0000_0000n });
    if (moves) refused({ from: BigInt(PLACE), down: 1 });
    // below 0 there is nothing, whatever lies at the upper end
    setPlain(0, 1);
    setPlain(0xfffff, 1);
    refused({ to: 0n, down: 1 });
    refused({ to: 0xffff_ffffn });
    for (const table of [READ_BYTES, WRITE_BYTES]) u8[table] = u8[table + 0xfffff] = 0;
  });
});
