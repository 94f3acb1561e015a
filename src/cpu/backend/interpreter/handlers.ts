import { type OpInfo, type OpName, opTable } from '../../ir/opcodes.ts';
import { type SpecialName, specials } from './contract.ts';
import { pairs } from './pairs.ts';

/**
 * The cold tier's instruction set, derived from the IR's operation table. A record is 16 bytes:
 * `op d | a b | imm | pc` (u16 u16, u16 u16, i32, u32). d, a, b are byte offsets into the CPU state
 * (guest registers and temporaries alike), imm is an immediate, a displacement, a third operand's
 * offset or the wasm offset of another record; pc is the guest pc, or a second immediate.
 */
export type Handler =
  /** d ← op(a, b, imm as offset) */
  | { readonly kind: 'pure'; readonly info: OpInfo }
  /** d ← op(a, imm) */
  | { readonly kind: 'pureImm'; readonly info: OpInfo }
  /** `aligned`: b of a load, d of a store tells which bits of the address have to be 0 */
  | { readonly kind: 'load' | 'store'; readonly info: OpInfo; readonly aligned: boolean }
  | { readonly kind: 'atomic'; readonly info: OpInfo }
  /** if op(a, b) go to record imm, else to where the jump behind this record goes */
  | { readonly kind: 'branch'; readonly info: OpInfo }
  /** the same with b = the pc field as an immediate */
  | { readonly kind: 'branchImm'; readonly info: OpInfo }
  | { readonly kind: 'special'; readonly name: SpecialName };

/**
 * What a record and the one behind it do, one after the other. Both stay as they are but for the first one's operation, so
 * each knows its own pc, and whatever leads to the second one finds it.
 */
export interface FusedHandler {
  readonly first: Handler;
  readonly second: Handler;
}

const isInt = (info: OpInfo): boolean => info.args.every((a) => a === 'i32' || a === 'i64');
/** Integer comparisons: fused with the branch that tests them. */
export const isCompare = (info: OpInfo): boolean =>
  info.kind === 'pure' && info.result === 'i32' && isInt(info) && /\.(eqz|eq|ne|[lg][te]_[su])$/.test(info.name);

/** Whether a load or store of the IR may ask for alignment: vectors always may, of the others those that zero their register's rest. */
const mayAlign = ({ name, result, args }: OpInfo): boolean =>
  result !== 'v128' && !args.includes('v128') && ALIGNED.test(name);
const ALIGNED = /^(i32\.(load|load16_u|load8_u|store|store16|store8)|(i64|f32|f64)\.(load|store))$/;
const isFloat = ({ name }: OpInfo): boolean => name.startsWith('f');

/** Lane moves are plain copies between slots here; shuffles read their masks from memory. */
const byCopy = (name: OpName): boolean => name.includes('_lane');

const build = (): { hot: Handler[]; cold: Handler[]; number: Map<string, number> } => {
  const hot: Handler[] = specials.map((name) => ({ kind: 'special', name }));
  const cold: Handler[] = [];
  for (const info of opTable) {
    if (info.kind === 'load' || info.kind === 'store') {
      const { kind } = info;
      hot.push({ kind, info, aligned: info.result === 'v128' || info.args.includes('v128') });
      // those of floats are ARM's usual ones
      if (mayAlign(info)) (isFloat(info) ? hot : cold).push({ kind, info, aligned: true });
    } else if (info.kind === 'atomic') cold.push({ kind: 'atomic', info });
    else if ((info.kind === 'pure' || info.kind === 'guard') && !byCopy(info.name)) {
      const vector = info.result === 'v128' || info.args.includes('v128');
      (vector ? cold : hot).push({ kind: 'pure', info });
      if (!vector && isInt(info) && info.args.length === 2) hot.push({ kind: 'pureImm', info });
      if (isCompare(info)) {
        hot.push({ kind: 'branch', info });
        if (info.args.length === 2) hot.push({ kind: 'branchImm', info });
      }
    }
  }
  const number = new Map<string, number>();
  for (const [i, h] of [...hot, ...cold].entries()) {
    number.set(keyOf(h), i);
  }
  return { hot, cold, number };
};

const keyOf = (h: Handler): string => {
  if (h.kind === 'special') return h.name;
  const asks = (h.kind === 'load' || h.kind === 'store') && h.aligned && mayAlign(h.info);
  return `${asks ? 'aligned ' : prefix[h.kind]}${h.info.name}`;
};
const prefix = { pure: '', pureImm: '#', load: '', store: '', atomic: '', branch: 'br ', branchImm: 'br# ' } as const;

const built = build();
/** Handlers in the main loop, and those in the function it calls for the rest (numbers go on). */
export const hotHandlers: readonly Handler[] = built.hot;
export const coldHandlers: readonly Handler[] = built.cold;

/** Number of a handler: `i64.add`, `#i64.add` (immediate), `br i64.lt_s`, `br# i64.lt_s`, or a special. */
export const handlerNumber = (key: string): number => {
  const n = built.number.get(key);
  if (n === undefined) throw new Error(`cold tier: no handler for ${key}`);
  return n;
};
const numbers = pairs.map(([first, second]) => [handlerNumber(first), handlerNumber(second)] as const);
/** Handlers of two records at once; their numbers are above all others. */
export const fusedHandlers: readonly FusedHandler[] = numbers.map(([first, second]) => ({
  first: built.hot[first] as Handler,
  second: built.hot[second] as Handler,
}));
export const FIRST_FUSED: number = built.hot.length + built.cold.length;

/** By the operations of two records. */
const pairNumber = new Map(numbers.map(([first, second], i) => [(first << 16) | second, FIRST_FUSED + i]));
/** Have the records in `words` from an index on do what the ones behind them do too, where there is an operation for both. */
export const fuseRecords = (words: Int32Array | Uint32Array, from: number): void => {
  for (let i = from; i + 4 < words.length; i += 4) {
    const [first, second] = [words[i] as number, words[i + 4] as number];
    const fused = pairNumber.get(((first & 0xffff) << 16) | (second & 0xffff));
    if (fused !== undefined) words[i] = (first & 0xffff_0000) | fused;
  }
};

/**
 * What `fuseRecords` knows for WebAssembly, as bytes: of each operation its row as a first one and its column as a second one (0: none),
 * then rows of `columns` bytes: 0, or how many more than FIRST_FUSED - 1 the fused one is.
 */
export const pairTable = (): { readonly bytes: Uint8Array; readonly columns: number } => {
  const [firsts, seconds] = [0, 1].map((at) => [...new Set(numbers.map((pair) => pair[at] as number))]) as [
    number[],
    number[],
  ];
  const columns = seconds.length + 1;
  if (numbers.length > 255) throw new Error('cold tier: pairs do not fit into a byte');
  const bytes = new Uint8Array(2 * FIRST_FUSED + (firsts.length + 1) * columns);
  for (const [i, first] of firsts.entries()) bytes[first] = i + 1;
  for (const [i, second] of seconds.entries()) bytes[FIRST_FUSED + second] = i + 1;
  for (const [i, [first, second]] of numbers.entries()) {
    bytes[2 * FIRST_FUSED + (bytes[first] as number) * columns + (bytes[FIRST_FUSED + second] as number)] = i + 1;
  }
  return { bytes, columns };
};

export const findHandler = (key: string): number | undefined => built.number.get(key);
