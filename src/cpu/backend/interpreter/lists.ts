import { GUEST_BASE, State } from '../../memory/layout.ts';
import { Code } from '../wasm/encoder.ts';
import { type Emitter, F, STATE } from './emitter.ts';

/** Parameters of a list's function after the state. */
const ADDRESS = 1;
const REGISTERS = 2;

/**
 * (state, address, registers) → 0: words from a guest address on, all plain memory, and the registers whose bits are set.
 *
 * A function of its own: for a loop so short that V8 could unroll it, its compiler copies the whole function around it once
 * more, and the main loop's is the largest of all.
 */
export const listFunction = (stores: boolean): Code => {
  const c = new Code(3);
  c.loop();
  const register = (): void => {
    c.get(REGISTERS);
    c.op('i32.ctz');
    c.i32(3);
    c.op('i32.shl');
    c.get(STATE);
    c.op('i32.add');
  };
  if (stores) c.get(ADDRESS);
  register();
  if (stores) c.mem('i32.load', State.REGS, 2);
  else {
    c.get(ADDRESS);
    c.mem('i64.load32_u', GUEST_BASE, 0);
  }
  c.mem(stores ? 'i32.store' : 'i64.store', stores ? GUEST_BASE : State.REGS, 0);
  c.get(ADDRESS);
  c.i32(4);
  c.op('i32.add');
  c.set(ADDRESS);
  c.get(REGISTERS);
  c.get(REGISTERS);
  c.i32(1);
  c.op('i32.sub');
  c.op('i32.and');
  c.tee(REGISTERS);
  c.brIf(0);
  c.end();
  c.i32(0);
  return c;
};

/**
 * Words from the address a + imm on, and the registers whose bits are set in d: where all is plain memory, done here instead
 * of by the b records behind, which do one each.
 */
export const list = (e: Emitter, stores: boolean, next: number): void => {
  const c = e.code;
  e.plain(stores);
  c.if();
  c.get(STATE);
  e.guest();
  e.field('d');
  c.call(stores ? F.storeList : F.loadList);
  c.drop();
  c.get(e.ip);
  e.field('b');
  c.i32(1);
  c.op('i32.add');
  c.i32(4);
  c.op('i32.shl');
  c.op('i32.add');
  c.set(e.ip);
  c.br(next + 1);
  c.end();
};
