import { State } from '../../memory/layout.ts';
import { type Emitter, STATE } from './emitter.ts';

/** A kind of flags and what they are of (cc1: one value). */
export const flags = (e: Emitter, name: 'cc' | 'cc3' | 'ccImm' | 'cc1'): void => {
  const c = e.code;
  c.get(STATE);
  e.field('d');
  c.mem('i32.store', State.CC_OP, 2);
  c.get(STATE);
  e.read('i64', 'a');
  c.mem('i64.store', State.CC_A, 3);
  if (name === 'cc1') return;
  c.get(STATE);
  if (name === 'ccImm') e.wordOf('imm', 'i64.load32_s');
  else e.read('i64', 'b');
  c.mem('i64.store', State.CC_B, 3);
  if (name === 'cc3') {
    c.get(STATE);
    e.readThird('i32');
    c.mem('i32.store', State.CC_C, 2);
  }
};

/** Newer results over the flags that are there: bits of the kind in d. */
export const over = (e: Emitter, name: 'ccOver' | 'ccOver2'): void => {
  const c = e.code;
  c.get(STATE);
  c.get(STATE);
  c.mem('i32.load', State.CC_OP, 2);
  e.field('d');
  c.op('i32.or');
  c.mem('i32.store', State.CC_OP, 2);
  c.get(STATE);
  e.read('i32', 'a');
  c.mem('i32.store', State.CC_C, 2);
  if (name === 'ccOver2') {
    c.get(STATE);
    e.read('i32', 'b');
    c.mem('i32.store', State.CC_D, 2);
  }
};
