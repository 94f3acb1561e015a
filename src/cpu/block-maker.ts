import { specialNumber } from './backend/interpreter/contract.ts';
import { FIRST_FUSED, pairTable } from './backend/interpreter/handlers.ts';
import {
  add,
  and,
  call,
  differ,
  equal,
  isZero,
  type Local,
  lessS,
  lessU,
  load,
  load1,
  load8,
  load8of1,
  load16,
  mul,
  or,
  type Push,
  shl,
  shrU,
  sub,
  type Word,
  Writer,
} from './backend/wasm/writer.ts';
import { CONSTANTS, FILE, LINKS, Look, PAIRS, TOLD, Told } from './composer-layout.ts';
import {
  ARENA_SIZE,
  ARENAS,
  Arena,
  ASKS_FLAGS,
  Control,
  HASH,
  HEADER,
  Header,
  LENGTH_SHIFT,
  Mark,
  NEVER,
  READS_FLAGS,
  RECORD_MASK,
  SINGLE,
  STUB,
  WHAT_SHIFT,
} from './memory/code-layout.ts';
import { CODE_CONTROL, CODE_PAGES, PAGE_SHIFT, PAGE_SIZE, PageByte, READ_BYTES } from './memory/layout.ts';

/**
 * The part of the composer's module that makes blocks known and links them: what CodeCache does in JavaScript for blocks
 * that are lifted. Where something is to be decided that only it can, functions return 0.
 */

/** Function indices of the module: imports come first. */
export interface MakerFunctions {
  readonly MADE: number;
  readonly CROSSES: number;
  readonly LOOK_AHEAD: number;
  readonly NOTE: number;
  readonly LOOK: number;
  readonly COMPOSE: number;
  readonly VALUE: number;
  readonly TARGET: number;
  readonly PUT: number;
  readonly MARK: number;
  readonly MAKE: number;
  readonly BLOCK: number;
}

/** Entries that one block may add, marks among them. */
const MOST_ENTRIES = 4;
/** A block is shorter, in bytes. */
const LONGEST = 264;

const RECORD = 16;

const control = (what: number): Push => load(CODE_CONTROL + 4 * what);
const told = (what: number): Push => load1(TOLD + 4 * what);
const recordOf = (value: Word): Push => shl(and(value, RECORD_MASK), 4);
const readsFlags = (record: Word): Push => and(load(add(record, Header.KIND)), READS_FLAGS);
const asksFlags = (record: Word): Push => and(load(add(record, Header.KIND)), ASKS_FLAGS);
const arenaOf = (pc: Word): Push => load8(add(shrU(pc, PAGE_SHIFT), CODE_PAGES));
/** What a page holds may not be in memory: in a file, or where another place of a shared page was stored to. */
const mayLack = (pc: Word): Push => differ(load8(add(shrU(pc, PAGE_SHIFT), READ_BYTES)), PageByte.PLAIN);

/** Look for (pc, what) in the table: `at` is the place of the entry, or of the free one where it would be. */
const search = (f: Writer, pc: Word, what: Word, at: Local, value: Local): void => {
  const mask = f.local(control(Control.MASK));
  const n = f.local(shrU(mul(pc, HASH | 0), control(Control.SHIFT)));
  const searching = f.local(1);
  f.while(searching, () => {
    f.set(at, add(control(Control.TABLE), shl(n, 3)));
    f.set(value, load(at, 4));
    const found = and(equal(load(at), pc), equal(shrU(value, WHAT_SHIFT), what));
    f.if(
      or(isZero(value), found),
      () => f.set(searching, 0),
      () => f.set(n, and(add(n, 1), mask)),
    );
  });
};

/** (pc, what) → what stands in the table, or 0. */
const valueFunction = (): Writer => {
  const f = new Writer(2);
  const value = f.local();
  search(f, f.param(0), f.param(1), f.local(), value);
  f.return(value);
  return f;
};

/** (pc, kind) → see BlockTable.target. */
const targetFunction = (F: MakerFunctions): Writer => {
  const f = new Writer(2);
  const [pc, kind] = [f.param(0), f.param(1)];
  const any = f.local(recordOf(call(F.VALUE, pc, 0)));
  const open = f.local(lessS(kind, 0));
  f.if(any, () => f.if(or(open, isZero(readsFlags(any))), () => f.return(any)));
  f.if(open, () => f.return(0));
  f.return(recordOf(call(F.VALUE, pc, add(kind, 1))));
  return f;
};

/** (pc, value): see BlockTable.put; there is room. */
const putFunction = (): Writer => {
  const f = new Writer(2);
  const [pc, value] = [f.param(0), f.param(1)];
  const at = f.local();
  search(f, pc, shrU(value, WHAT_SHIFT), at, f.local());
  f.store(at, 0, pc);
  f.store(at, 4, value);
  f.store(CODE_CONTROL, 4 * Control.COUNT, add(control(Control.COUNT), 1));
  f.return(0);
  return f;
};

/** (pc, mark): mark a pc; whether flags may cross there: its block asks for them. */
const markFunction = (F: MakerFunctions): Writer => {
  const f = new Writer(2);
  const [pc, mark] = [f.param(0), f.param(1)];
  const seen = f.local();
  f.if(isZero(call(F.VALUE, pc, mark)), () => {
    f.do(call(F.PUT, pc, shl(mark, WHAT_SHIFT)));
    f.if(control(Control.LOOKS_AHEAD), () => f.set(seen, call(F.LOOK, pc)));
    f.if(equal(seen, Look.READS), () => f.return(1));
    f.if(equal(seen, Look.ASK), () => f.do(call(F.LOOK_AHEAD, pc)));
  });
  const any = f.local(recordOf(call(F.VALUE, pc, 0)));
  f.if(isZero(any), () => f.return(0));
  f.return(asksFlags(any));
  return f;
};

/** Have the records from one up to another do what those behind them do too: see BlockWriter.fuse. */
const fuse = (f: Writer, from: Local, end: Local): void => {
  const { columns } = pairTable();
  const record = f.local(from);
  const [row, fused] = [f.local(), f.local()];
  const op = f.local(load16(from));
  f.while(lessU(add(record, RECORD), end), () => {
    f.set(row, load8of1(op, PAIRS));
    f.set(op, load16(record, RECORD));
    f.if(row, () => {
      f.set(fused, load8of1(add(mul(row, columns), load8of1(op, PAIRS + FIRST_FUSED)), PAIRS + 2 * FIRST_FUSED));
      f.if(fused, () => f.store16(record, 0, add(fused, FIRST_FUSED - 1)));
    });
    f.set(record, add(record, RECORD));
  });
};

/**
 * (pc, kind, limit, arena) → the record of a new block, or 0; then Told.ROOM says whether there was too little room. Blocks
 * of the kind SINGLE are for flags of any kind, but not known to the table and never counted.
 */
const makeFunction = (F: MakerFunctions, notes: boolean): Writer => {
  const f = new Writer(4);
  const [pc, kind, limit, id] = [f.param(0), f.param(1), f.param(2), f.param(3)];
  const arena = f.local(add(mul(id, ARENA_SIZE), ARENAS));
  const last = f.local(load(arena, 4 * Arena.END));
  const record = f.local(add(load(arena, 4 * Arena.NEXT), HEADER));
  const full = lessU(control(Control.ROOM), add(control(Control.COUNT), MOST_ENTRIES));
  const noRoom = (): void => {
    f.store1(TOLD, 4 * Told.ROOM, 1);
    f.return(0);
  };
  const single = f.local(equal(kind, SINGLE));
  f.if(single, () => f.set(kind, -1));
  f.store1(TOLD, 4 * Told.ROOM, 0);
  f.if(full, noRoom);
  const end = f.local(call(F.COMPOSE, pc, kind, limit, record, last));
  f.if(isZero(end), () => f.return(0));
  const next = f.local(add(record, shl(told(Told.LENGTH), 2)));
  const links = f.local(told(Told.LINKS));
  const constants = f.local(told(Told.CONSTANTS));
  // 8 bytes tell of a constant of 32 at most, 12 of a link
  f.if(lessU(last, add(next, add(shl(constants, 2), mul(links, 3)))), noRoom);
  fuse(f, record, next);
  if (notes) f.do(call(F.NOTE, pc, end));
  const reads = f.local(told(Told.READS_FLAGS));
  const asks = f.local(told(Told.ASKS_FLAGS));
  f.if(isZero(reads), () => f.set(kind, -1));
  const header = f.local(sub(record, HEADER));
  f.store(header, 0, control(Control.HOT_AFTER));
  f.if(single, () => f.store(header, 0, NEVER));
  f.store(header, 4, pc);
  const traits = or(mul(reads, READS_FLAGS), mul(asks, ASKS_FLAGS));
  f.store(header, 8, or(shl(sub(end, pc), LENGTH_SHIFT), or(and(kind, 0xff), traits)));
  f.store(header, 12, 0);
  // flags that live across a call or a return
  const crosses = f.local();
  const called = or(call(F.VALUE, pc, Mark.FUNCTION), call(F.VALUE, pc, Mark.RETURN_SITE));
  f.if(isZero(single), () => {
    f.do(call(F.PUT, pc, or(shl(add(kind, 1), WHAT_SHIFT), shrU(record, 4))));
    f.if(asks, () => f.set(crosses, called));
  });
  for (const [what, mark] of [
    [Told.CALL_TARGET, Mark.FUNCTION],
    [Told.RETURNS_TO, Mark.RETURN_SITE],
  ] as const) {
    f.if(told(what), () => f.set(crosses, or(crosses, call(F.MARK, told(what), mark))));
  }
  f.if(crosses, () => f.do(call(F.CROSSES, pc)));
  // constants, a byte a word in the file
  const [i, from, left, patched] = [f.local(), f.local(), f.local(), f.local()];
  f.while(lessU(i, constants), () => {
    f.set(patched, add(record, shl(load1(add(i, CONSTANTS)), 4)));
    f.store(patched, 8, next);
    f.set(from, shl(load1(add(i, CONSTANTS + 4)), 2));
    f.set(left, load1(from, FILE));
    f.while(left, () => {
      f.set(from, add(from, 4));
      f.store8(next, 0, load1(from, FILE));
      f.set(next, add(next, 1));
      f.set(left, sub(left, 1));
    });
    f.set(i, add(i, 8));
  });
  // links
  const [target, to, toKind] = [f.local(), f.local(), f.local()];
  f.set(i, 0);
  f.while(lessU(i, links), () => {
    f.set(patched, add(record, shl(load1(add(i, LINKS)), 4)));
    f.set(to, load1(add(i, LINKS + 4)));
    f.set(toKind, load1(add(i, LINKS + 8)));
    f.set(target, 0);
    // jumps into other arenas are CodeCache's
    f.if(equal(arenaOf(to), id), () => f.set(target, call(F.TARGET, to, toKind)));
    f.if(isZero(target), () => {
      f.store(next, 0, NEVER);
      f.store(next, 4, to);
      f.store(next, 8, toKind);
      f.store(next, 12, patched);
      f.store(next, 16, specialNumber('unlinked'));
      f.store(next, 20, 0);
      f.store(next, 24, 0);
      f.store(next, 28, pc);
      f.set(target, add(next, HEADER));
      f.set(next, add(next, STUB));
    });
    f.store(patched, 8, target);
    f.set(i, add(i, 12));
  });
  f.store(arena, 4 * Arena.NEXT, next);
  f.store(arena, 4 * Arena.BLOCKS, add(load(arena, 4 * Arena.BLOCKS), 1));
  f.if(and(isZero(single), differ(call(F.VALUE, pc, Mark.REGION), 0)), () => f.do(call(F.MADE, pc, record)));
  f.return(record);
  return f;
};

/** (pc, kind) → the record of the block there, a new one if need be and if all is known that has to be. */
const blockFunction = (F: MakerFunctions): Writer => {
  const f = new Writer(2);
  const [pc, kind] = [f.param(0), f.param(1)];
  const known = f.local(call(F.TARGET, pc, kind));
  f.if(known, () => f.return(known));
  const id = f.local(arenaOf(pc));
  f.if(isZero(id), () => f.return(0));
  f.if(mayLack(pc), () => f.return(0));
  const limit = f.local(add(or(pc, PAGE_SIZE - 1), 1));
  f.if(lessU(sub(limit, pc), LONGEST), () => {
    f.if(or(differ(arenaOf(limit), id), mayLack(limit)), () => f.return(0));
    f.set(limit, add(limit, PAGE_SIZE));
  });
  f.return(call(F.MAKE, pc, kind, limit, id));
  return f;
};

/** (the first record of a stub) → that of the block it leads to, linked, or 0. */
const followFunction = (F: MakerFunctions): Writer => {
  const f = new Writer(1);
  const stub = f.param(0);
  const header = f.local(sub(stub, HEADER));
  const pc = f.local(load(header, 4));
  const record = f.local(load(header, 12));
  // the pc of where the jump is: the jump's record may have a number there
  f.if(differ(arenaOf(load(stub, 12)), arenaOf(pc)), () => f.return(0));
  const target = f.local(call(F.BLOCK, pc, load(header, 8)));
  f.if(target, () => f.publish(record, 8, target));
  f.return(target);
  return f;
};

/** The functions, in the order of VALUE, TARGET … BLOCK and `follow`. `notes`: which bytes are code is noted. */
export const makerFunctions = (
  F: MakerFunctions,
  notes: boolean,
): readonly { readonly name: string; readonly params: number; readonly writer: Writer }[] => [
  { name: 'value', params: 2, writer: valueFunction() },
  { name: 'target', params: 2, writer: targetFunction(F) },
  { name: 'put', params: 2, writer: putFunction() },
  { name: 'mark', params: 2, writer: markFunction(F) },
  { name: 'make', params: 4, writer: makeFunction(F, notes) },
  { name: 'block', params: 2, writer: blockFunction(F) },
  { name: 'follow', params: 1, writer: followFunction(F) },
];
