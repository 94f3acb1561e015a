import { CALL_TARGETS, CALL_TARGETS_SIZE, JUMP_CACHE_VICTIM, State } from '../../memory/layout.ts';
import { jumpCacheEntry } from '../wasm/jump-cache.ts';
import { type Emitter, F, STATE } from './emitter.ts';

/** Pushes the record to go on with for the guest address in slot a; leaves when there is none. */
export const indirect = (e: Emitter): void => {
  e.readAddress();
  e.code.set(e.addr);
  cachedRecord(e, () => {
    e.code.get(STATE);
    e.pc();
    e.code.mem('i32.store', State.SITE, 2);
  });
};

/** Pushes the record of the jump cache's entry on the stack if that is of the guest address in `addr`, else what `otherwise` does. */
const recordOf = (e: Emitter, otherwise: () => void, found = (): void => {}): void => {
  const c = e.code;
  c.tee(e.tmp);
  c.mem('i64.load32_u', 0, 2);
  c.get(e.addr);
  c.op('i64.eq');
  c.likelyIf(0x7f);
  found();
  c.get(e.tmp);
  c.mem('i32.load', 8, 2);
  c.else();
  otherwise();
  c.end();
};

/** Exchange the jump cache's entry in `tmp` with the one that it is the victim of, which `tmp` is then. */
export const promoteVictim = (e: Emitter): void => {
  const c = e.code;
  for (const [i, offset] of [0, 8].entries()) {
    c.get(e.tmp);
    c.mem('i64.load', offset, 3);
    c.set(e.wide[i] as number);
  }
  const other = (): void => {
    c.get(e.tmp);
    c.i32(JUMP_CACHE_VICTIM);
    c.op('i32.xor');
  };
  for (const offset of [0, 8]) {
    c.get(e.tmp);
    other();
    c.mem('i64.load', offset, 3);
    c.mem('i64.store', offset, 3);
  }
  other();
  c.set(e.tmp);
  for (const [i, offset] of [0, 8].entries()) {
    c.get(e.tmp);
    c.get(e.wide[i] as number);
    c.mem('i64.store', offset, 3);
  }
};

/** Pushes the record for the guest address in `addr`; `missed` runs before the dispatcher is asked, `displaced` where a victim has it. */
export const cachedRecord = (e: Emitter, missed: () => void, displaced = (): void => {}): void => {
  const c = e.code;
  jumpCacheEntry(c, () => e.guest());
  recordOf(e, () => {
    c.get(e.tmp);
    c.i32(JUMP_CACHE_VICTIM);
    c.op('i32.xor');
    recordOf(
      e,
      () => {
        c.get(STATE);
        c.get(e.addr);
        c.mem('i64.store', State.PC, 3);
        missed();
        c.get(STATE);
        c.call(F.lookup);
      },
      displaced,
    );
  });
  c.tee(e.tmp);
  c.op('i32.eqz');
  c.unlikelyIf();
  e.leave();
  c.end();
  c.get(e.tmp);
};

/** For regions, which may have what is called in place of the call: this one goes to the guest address in `addr`. */
export const noteCall = (e: Emitter): void => {
  const c = e.code;
  e.pc();
  c.i32(3);
  c.op('i32.shl');
  c.i32(CALL_TARGETS_SIZE - 8);
  c.op('i32.and');
  c.get(e.addr);
  c.i64(32);
  c.op('i64.shl');
  e.pc();
  c.op('i64.extend_i32_u');
  c.op('i64.or');
  c.mem('i64.store', CALL_TARGETS, 3);
};

/** Run the record in `tmp` as a call; on return to the expected pc go on, else pass the pc up. */
export const callRecord = (e: Emitter): void => {
  const c = e.code;
  c.get(STATE);
  c.get(e.tmp);
  c.mem('i32.store', State.IP, 2);
  countDown(e, e.tmp);
  c.get(STATE);
  c.get(e.below);
  c.call(F.run);
  c.tee(e.tmp);
  e.pc();
  c.op('i32.ne');
  c.unlikelyIf();
  c.get(e.tmp);
  c.return();
  c.end();
};

/** Address of the header of the block that begins at ip. */
export const header = (e: Emitter): void => {
  e.code.get(e.ip);
  e.code.i32(16);
  e.code.op('i32.sub');
};

/**
 * The block header before a record: {executions left, pc, flags kind, slot of its region}. Calls `hot` at zero, and
 * below: threads that count at the same time may miss it.
 */
export const countDown = (e: Emitter, record: number): void => {
  const c = e.code;
  const left = e.wide[0] as number;
  c.get(record);
  c.i32(16);
  c.op('i32.sub');
  c.get(record);
  c.i32(16);
  c.op('i32.sub');
  c.mem('i64.load32_s', 0, 2);
  c.i64(-1);
  c.op('i64.add');
  c.tee(left);
  c.mem('i64.store32', 0, 2);
  c.get(left);
  c.i64(0);
  c.op('i64.le_s');
  c.unlikelyIf();
  c.get(STATE);
  c.get(record);
  c.call(F.hot);
  c.drop();
  c.end();
};
