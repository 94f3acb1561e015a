import { GUEST_BASE, State } from '../../memory/layout.ts';
import { type Emitter, STATE } from './emitter.ts';

/**
 * Words from the address a + imm on, and the registers whose bits are set in d: where all is plain memory, done here instead
 * of by the b records behind, which do one each.
 */
export const list = (e: Emitter, stores: boolean, next: number): void => {
  const c = e.code;
  e.plain(stores);
  c.if();
  e.field('d');
  c.set(e.tmp);
  c.loop();
  const register = (): void => {
    c.get(e.tmp);
    c.op('i32.ctz');
    c.i32(3);
    c.op('i32.shl');
    c.get(STATE);
    c.op('i32.add');
  };
  if (stores) e.guest();
  register();
  if (stores) c.mem('i32.load', State.REGS, 2);
  else {
    e.guest();
    c.mem('i64.load32_u', GUEST_BASE, 0);
  }
  c.mem(stores ? 'i32.store' : 'i64.store', stores ? GUEST_BASE : State.REGS, 0);
  c.get(e.addr);
  c.i64(4);
  c.op('i64.add');
  c.set(e.addr);
  c.get(e.tmp);
  c.get(e.tmp);
  c.i32(1);
  c.op('i32.sub');
  c.op('i32.and');
  c.tee(e.tmp);
  c.brIf(0);
  c.end();
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
