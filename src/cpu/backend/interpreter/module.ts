import type { Native } from '../../ir/native.ts';
import type { OpName } from '../../ir/opcodes.ts';
import { Header } from '../../memory/code-layout.ts';
import { EntryCost, frameDepth } from '../../memory/fuel.ts';
import { Exit, GUEST_BASE, State } from '../../memory/layout.ts';
import { clmulFunction } from '../wasm/ciphers.ts';
import { emitDepthCheck } from '../wasm/depth-check.ts';
import { Code, encodeModule } from '../wasm/encoder.ts';
import { emitNative, NativeTables } from '../wasm/native.ts';
import { cachedRecord, callRecord, countDown, header, indirect, noteCall, promoteVictim } from './calls.ts';
import { flags, over } from './condition-codes.ts';
import { type SpecialName, specialNumber } from './contract.ts';
import { type AddressType, DEPTH, Emitter, F, IMPORTS, REC, STATE, setAddressType, T } from './emitter.ts';
import { enterBlocksFunction } from './enter-blocks.ts';
import { gatherBlocksFunction } from './gather-blocks.ts';
import { coldHandlers, type FusedHandler, fusedHandlers, type Handler, hotHandlers } from './handlers.ts';
import { list, listFunction } from './lists.ts';

/** Bytes of stack that one activation takes besides what every frame has. */
const LOCALS = 128;
/** Imports that take another number besides the state. */
const TWO_PARAMETERS: ReadonlySet<string> = new Set(['link', 'hot', 'refuel']);
/** Bytes of a record. */
const RECORD = 16;

export type { AddressType };

const copy = (e: Emitter, load: OpName, store: OpName): void => {
  e.slot('d');
  e.slot('a');
  e.code.mem(load, 0, 0);
  e.code.mem(store, 0, 0);
};

/** Call the helper that the immediate names, `number` making that of it; leave where it says so. */
const callHelper = (e: Emitter, number: () => void): void => {
  const c = e.code;
  e.storePc();
  c.get(STATE);
  e.imm();
  number();
  c.get(e.ip);
  c.mem('i32.load', REC.a, 2);
  c.call(F.helper);
  c.unlikelyIf();
  e.leave();
  c.end();
};

/** The record behind this one is a jump: goes to where that goes. */
const afterwards = (e: Emitter): void => {
  e.code.get(e.ip);
  e.code.mem('i32.load', e.at + RECORD + REC.imm, 2);
  e.code.set(e.ip);
};

/** Goes on as the condition on the stack says: where this record goes, or the jump behind it. */
const branch = (e: Emitter, next: number): false => {
  const c = e.code;
  c.if();
  e.imm();
  c.set(e.ip);
  c.br(next + 1);
  c.end();
  afterwards(e);
  c.br(next);
  return false;
};

/** What a special does; those that do not fall through to the next record say `false`. */
const special = (e: Emitter, name: SpecialName, next: number, count: number): boolean => {
  const c = e.code;
  switch (name) {
    case 'exit':
      e.storePc();
      c.get(STATE);
      e.imm();
      c.mem('i32.store', State.EXIT_REASON, 2);
      e.leave();
      return false;
    case 'jump':
    case 'jumpBack':
      e.imm();
      c.set(e.ip);
      c.br(name === 'jump' ? next : count);
      return false;
    case 'branchIf':
      e.read('i32', 'a');
      return branch(e, next);
    case 'branchUnless':
      e.read('i32', 'a');
      c.op('i32.eqz');
      c.if();
      e.imm();
      c.set(e.ip);
      c.br(next + 1);
      c.end();
      return true;
    case 'call':
    case 'callIndirect': {
      if (name === 'call') e.imm();
      else indirect(e);
      c.set(e.tmp);
      if (name === 'callIndirect') noteCall(e);
      callRecord(e);
      afterwards(e);
      c.br(next);
      return false;
    }
    case 'jumpIndirect':
      indirect(e);
      c.set(e.ip);
      c.br(count);
      return false;
    case 'return':
      e.readAddress();
      c.tee(e.addr);
      c.i64(32);
      c.op('i64.shr_u');
      c.op('i64.eqz');
      c.likelyIf();
      c.get(e.addr);
      c.op('i32.wrap_i64');
      c.return();
      c.end();
      c.get(STATE);
      c.get(e.addr);
      c.mem('i64.store', State.PC, 3);
      e.exit(Exit.UNTRANSLATED);
      return false;
    case 'syscall':
      e.storePc();
      c.get(STATE);
      c.call(F.syscall);
      c.if();
      e.leave();
      c.end();
      return true;
    case 'helper':
      callHelper(e, () => {});
      return true;
    case 'native':
      c.get(STATE);
      e.imm();
      c.i32(16);
      c.op('i32.shr_u');
      c.get(e.ip);
      c.mem('i32.load', REC.a, 2);
      c.call(F.native);
      c.unlikelyIf();
      callHelper(e, () => {
        c.i32(0xffff);
        c.op('i32.and');
      });
      c.end();
      return true;
    case 'unlinked':
      c.get(STATE);
      c.get(e.ip);
      c.call(F.link);
      c.tee(e.ip);
      c.op('i32.eqz');
      c.unlikelyIf();
      e.leave();
      c.end();
      c.br(next);
      return false;
    case 'enter':
      // the block's header has its pc and the slot; the record keeps its operands, which others may be reading
      c.get(STATE);
      header(e);
      c.mem('i64.load32_u', 4, 2);
      c.mem('i64.store', State.PC, 3);
      c.get(STATE);
      c.get(DEPTH);
      header(e);
      c.mem('i32.load', 12, 2);
      c.returnCallIndirect(T.ii_i);
      return false;
    case 'const32':
      e.slot('d');
      e.imm();
      c.mem('i32.store', 0, 0);
      return true;
    case 'const64':
      e.slot('d');
      e.wordOf('imm', 'i64.load');
      c.mem('i64.store', 0, 0);
      return true;
    case 'constV128':
      e.slot('d');
      e.imm();
      c.mem('v128.load', 0, 0);
      c.mem('v128.store', 0, 0);
      return true;
    case 'mov32':
      copy(e, 'i32.load', 'i32.store');
      return true;
    case 'mov64':
      copy(e, 'i64.load', 'i64.store');
      return true;
    case 'mov128':
      copy(e, 'v128.load', 'v128.store');
      return true;
    case 'set64z':
      copy(e, 'i64.load', 'i64.store');
      e.slot('d');
      c.i64(0);
      c.mem('i64.store', 8, 0);
      return true;
    case 'set32z':
      copy(e, 'i64.load32_u', 'i64.store');
      e.slot('d');
      c.i64(0);
      c.mem('i64.store', 8, 0);
      return true;
    case 'cc':
    case 'cc3':
    case 'ccImm':
    case 'cc1':
      flags(e, name);
      return true;
    case 'ccOver':
    case 'ccOver2':
      over(e, name);
      return true;
    case 'loadList':
    case 'storeList':
      list(e, name === 'storeList', next);
      return true;
    case 'loadPair':
      e.address(16, false, false);
      for (const [slot, at] of [
        ['d', 0],
        ['b', 8],
      ] as const) {
        e.slot(slot);
        e.guest();
        c.mem('i64.load', GUEST_BASE + at, 0);
        c.mem('i64.store', 0, 0);
      }
      return true;
    case 'storePair':
      e.address(16, true, false);
      for (const [slot, at] of [
        ['d', 0],
        ['b', 8],
      ] as const) {
        e.guest();
        e.slot(slot);
        c.mem('i64.load', 0, 0);
        c.mem('i64.store', GUEST_BASE + at, 0);
      }
      return true;
    case 'fence':
      c.op('atomic.fence');
      return true;
    case 'slot8s':
      copy(e, 'i32.load8_s', 'i32.store');
      return true;
    case 'slot8u':
      copy(e, 'i32.load8_u', 'i32.store');
      return true;
    case 'slot16s':
      copy(e, 'i32.load16_s', 'i32.store');
      return true;
    case 'slot16u':
      copy(e, 'i32.load16_u', 'i32.store');
      return true;
    case 'putSlot8':
      copy(e, 'i32.load8_u', 'i32.store8');
      return true;
    case 'putSlot16':
      copy(e, 'i32.load16_u', 'i32.store16');
      return true;
  }
};

/** Enters the bodies that follow, each behind the end of a block, by br_table on the record's op, whose place in `places` that is for. */
const enterTable = (e: Emitter, first: number, places: readonly number[], bodies: number): void => {
  const c = e.code;
  c.get(e.ip);
  c.mem('i32.load16_u', 0);
  if (first > 0) {
    c.i32(first);
    c.op('i32.sub');
  }
  c.brTable(places, bodies);
};

/** What a handler of the main loop does; whether it goes on with the next record. */
const perform = (e: Emitter, h: Handler, next: number, count: number): boolean => {
  if (h.kind === 'special') return special(e, h.name, next, count);
  if (h.kind === 'branch' || h.kind === 'branchImm') {
    e.pure(h);
    return branch(e, next);
  }
  e.straight(h);
  return true;
};

/** Go on with the record that is so many bytes further. */
const goOn = (e: Emitter, bytes: number, next: number): void => {
  const c = e.code;
  c.get(e.ip);
  c.i32(bytes);
  c.op('i32.add');
  c.set(e.ip);
  c.br(next);
};

/** Handlers of the main loop that go on through a label of their own. */
const GROUP = 32;
const groupOf = (place: number): number => Math.floor(place / GROUP);

/**
 * The main loop's table and bodies: first those of fused handlers, which leave what needs more than plain memory to the
 * handlers of each record, further out. Groups of them go on through a label of their own: V8 compiles a place to which
 * hundreds of blocks go in time and memory that grow with the square of their number (for all handlers 300 ms and 70 MB).
 */
const mainTable = (e: Emitter): void => {
  const c = e.code;
  const [fused, all] = [fusedHandlers.length, fusedHandlers.length + hotHandlers.length];
  const groups = groupOf(all - 1) + 1;
  const lastOf = (place: number): number => Math.min((groupOf(place) + 1) * GROUP, all) - 1;
  /** The label by which `place` is entered from the body of another one further in; that of the place behind the last is cold's. */
  const label = (from: number, to: number): number =>
    to - from - 1 + (to === all ? groups : groupOf(to)) - groupOf(Math.max(from, 0));
  for (let i = 0; i < all + groups; i++) c.block();
  const places = [...hotHandlers.map((_, i) => fused + i), ...coldHandlers.map(() => all), ...fusedHandlers.keys()];
  enterTable(
    e,
    0,
    places.map((place) => label(-1, place)),
    label(-1, all),
  );
  const own = (h: Handler, place: number): number => label(place, fused + hotHandlers.indexOf(h));
  for (let place = 0; place < all; place++) {
    c.end();
    // labels from a body: those further out, its group's, cold, count
    const next = lastOf(place) - place;
    const count = label(place, all) + 1;
    if (place < fused) {
      const { first, second } = fusedHandlers[place] as FusedHandler;
      e.elsewhere = own(first, place);
      perform(e, first, next, count);
      e.at = RECORD;
      e.elsewhere = own(second, place);
      const falls = perform(e, second, next, count);
      e.at = 0;
      e.elsewhere = null;
      if (falls) goOn(e, 2 * RECORD, next);
    } else if (perform(e, hotHandlers[place - fused] as Handler, next, count)) goOn(e, RECORD, next);
    if (place === lastOf(place)) {
      c.end();
      c.br(label(place, all) + 1);
    }
  }
};

const runFunction = (): Code => {
  const e = new Emitter(2, null);
  const c = e.code;
  const budget = c.local('i32');
  e.below = c.local('i32');
  c.get(STATE);
  c.mem('i32.load', State.IP, 2);
  c.set(e.ip);
  const activation = { frame: frameDepth(LOCALS), cost: EntryCost.LOOPS, refuel: F.refuel, below: e.below };
  emitDepthCheck(c, activation, () => leaveAtBlock(e));
  c.get(STATE);
  c.mem('i32.load', State.BUDGET, 2);
  c.set(budget);
  c.loop(); // next
  c.block(); // count
  c.block(); // cold
  mainTable(e);
  c.end(); // cold: the default of the table
  c.get(STATE);
  c.get(e.ip);
  c.call(F.cold);
  c.unlikelyIf();
  e.leave();
  c.end();
  goOn(e, RECORD, 1);
  c.end(); // count: a backward edge or an indirect jump to the block at ip
  countDown(e, e.ip);
  c.get(budget);
  c.i32(1);
  c.op('i32.sub');
  c.tee(budget);
  c.op('i32.eqz');
  c.get(STATE);
  c.mem('i32.load', State.INTERRUPT, 2);
  c.op('i32.or');
  c.unlikelyIf();
  leaveAtBlock(e);
  c.end();
  c.br(0);
  c.end();
  c.unreachable();
  return c;
};

/** Leave with the pc of the block whose first record is ip. */
const leaveAtBlock = (e: Emitter): void => {
  const c = e.code;
  c.get(STATE);
  header(e);
  c.mem('i64.load32_u', 4, 2);
  c.mem('i64.store', State.PC, 3);
  e.exit(Exit.INTERRUPT);
};

/** Vector and atomic operations: (state, record) → 0, or 1 to leave. Compiled when first needed. */
const coldFunction = (): Code => {
  const e = new ColdEmitter(2, 1);
  const c = e.code;
  c.block();
  for (const _ of coldHandlers) c.block();
  enterTable(e, hotHandlers.length, [...coldHandlers.keys()], coldHandlers.length);
  for (const h of coldHandlers) {
    c.end();
    e.straight(h);
    c.i32(0);
    c.return();
  }
  c.end();
  c.unreachable();
  return c;
};

class ColdEmitter extends Emitter {
  override leave(): void {
    this.code.i32(1);
    this.code.return();
  }
}

/**
 * (state, depth) → pc: go on at State.PC in whatever tier has it. Regions end here where they do not
 * know a function for their target.
 */
const dispatchFunction = (): Code => {
  const e = new Emitter(2, null);
  const c = e.code;
  c.get(STATE);
  c.mem('i64.load', State.PC, 3);
  c.set(e.addr);
  // regions do not look at victims: what they often go to must be none
  cachedRecord(
    e,
    () => {},
    () => promoteVictim(e),
  );
  c.set(e.tmp);
  c.get(e.tmp);
  c.mem('i32.load16_u', 0, 1);
  c.i32(specialNumber('enter'));
  c.op('i32.eq');
  c.if();
  c.get(STATE);
  c.get(DEPTH);
  c.get(e.tmp);
  c.i32(Header.SLOT);
  c.op('i32.add');
  c.mem('i32.load', 0, 2);
  c.returnCallIndirect(T.ii_i);
  c.end();
  c.get(STATE);
  c.get(e.tmp);
  c.mem('i32.store', State.IP, 2);
  countDown(e, e.tmp);
  c.get(STATE);
  c.get(DEPTH);
  c.returnCall(F.run);
  return c;
};

/** As dispatch, on a worker thread, in slots without a region: what is missing may have been compiled meanwhile. */
const gateFunction = (): Code => {
  const e = new Emitter(2, null);
  const c = e.code;
  c.get(STATE);
  c.mem('i32.load', State.NEWS, 2);
  c.unlikelyIf();
  e.exit(Exit.UNTRANSLATED);
  c.end();
  c.get(STATE);
  c.get(DEPTH);
  c.returnCall(F.dispatch);
  return c;
};

/** (state, number, aux) → what native `number` says. */
const nativeFunction = (count: number): Code => {
  const c = new Code(3);
  for (let i = 0; i <= count; i++) c.block();
  c.get(1);
  c.brTable([...Array(count).keys()], count);
  for (let i = 0; i < count; i++) {
    c.end();
    c.get(STATE);
    c.get(2);
    c.returnCall(F.natives + i);
  }
  c.end();
  c.i32(1);
  return c;
};

/**
 * The module of the cold tier: exports `run(state, depth) → pc`, -1 after State.EXIT_REASON was set, the guest's
 * natives as `native(state, number, aux)`, and `clmul`, which regions call too.
 */
export const interpreterModule = (
  memoryPages: { initial: number; maximum: number },
  addresses: AddressType = 'i64',
  natives: readonly Native[] = [],
): Uint8Array<ArrayBuffer> => {
  setAddressType(addresses);
  const tables = new NativeTables();
  const nativeCode = natives.map((native) => ({ type: T.ii_i, code: emitNative(native, tables) }));
  return encodeModule({
    types: [
      { params: ['i32'], results: ['i32'] },
      { params: ['i32', 'i32'], results: ['i32'] },
      { params: ['i32', 'i32', 'i32'], results: ['i32'] },
      { params: ['i64', 'i64'], results: ['v128'] },
    ],
    imports: IMPORTS.map((name) => ({
      name,
      type: name === 'helper' ? T.iii_i : TWO_PARAMETERS.has(name) ? T.ii_i : T.i_i,
    })),
    funcs: [
      { type: T.ii_i, code: runFunction(), export: 'run' },
      // exported as all that is worth having optimised: see machine-code.ts
      { type: T.ii_i, code: coldFunction(), export: 'cold' },
      { type: T.ii_i, code: dispatchFunction(), export: 'dispatch' },
      { type: T.ii_i, code: gateFunction(), export: 'gate' },
      { type: T.iii_i, code: nativeFunction(natives.length), export: 'native' },
      { type: T.ll_v, code: clmulFunction(), export: 'clmul' },
      { type: T.iii_i, code: listFunction(false) },
      { type: T.iii_i, code: listFunction(true) },
      ...nativeCode,
      { type: T.ii_i, code: enterBlocksFunction(), export: 'enterBlocks' },
      { type: T.iii_i, code: gatherBlocksFunction(), export: 'gatherBlocks' },
    ],
    memoryPages,
    importTable: true,
    data: tables.data,
  });
};
