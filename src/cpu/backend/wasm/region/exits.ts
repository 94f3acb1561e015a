import { Exit, State } from '../../../memory/layout.ts';
import type { Code } from '../encoder.ts';
import { DEPTH, type ExitPoint, MISS_BITS, Miss, STATE } from './contract.ts';
import type { ValueEmitter } from './values.ts';

/** Leave translated code with a reason and the pc that `pc` pushes. */
export const leave = (c: Code, reason: number, pc: () => void): void => {
  c.get(STATE);
  pc();
  c.mem('i64.store', State.PC, 3);
  c.get(STATE);
  c.i32(reason);
  c.mem('i32.store', State.EXIT_REASON, 2);
  c.i32(-1);
  c.return();
};

/** Exit sequences, behind the region's body. */
export class ExitEmitter {
  private readonly c: Code;
  private readonly r: ValueEmitter;

  constructor(c: Code, r: ValueEmitter) {
    this.c = c;
    this.r = r;
  }

  emit({ kind, dirty }: ExitPoint): void {
    const { c, r } = this;
    r.storeRegisters(c, dirty);
    c.get(STATE);
    c.get(r.pcOfExit);
    c.op('i64.extend_i32_u');
    c.mem('i64.store', State.PC, 3);
    if (kind === 'interrupt') {
      c.get(STATE);
      c.i32(Exit.INTERRUPT);
      c.mem('i32.store', State.EXIT_REASON, 2);
      c.i32(-1);
      c.return();
      return;
    }
    const missed = kind !== 'dispatch';
    if (missed) {
      c.get(STATE);
      c.get(r.addressOfExit);
      c.op('i64.extend_i32_u');
      c.mem('i64.store', State.FAULT_ADDR, 3);
      c.get(STATE);
      c.i32((r.id << MISS_BITS) | Miss[kind]);
      c.mem('i32.store', State.EXIT_INFO, 2);
      c.get(STATE);
      c.call(r.mod.miss);
      c.if();
      c.i32(-1);
      c.return();
      c.end();
    }
    c.get(STATE);
    c.get(DEPTH);
    c.returnCall(missed ? r.mod.run : r.mod.dispatch);
  }
}
