import { type OpInfo, type OpName, opTable } from '../../ir/opcodes.ts';
import { type SpecialName, specials } from './contract.ts';

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
  | { readonly kind: 'load' | 'store' | 'atomic'; readonly info: OpInfo }
  /** if op(a, b) go to record imm, else to where the jump behind this record goes */
  | { readonly kind: 'branch'; readonly info: OpInfo }
  /** the same with b = the pc field as an immediate */
  | { readonly kind: 'branchImm'; readonly info: OpInfo }
  | { readonly kind: 'special'; readonly name: SpecialName };

const isInt = (info: OpInfo): boolean => info.args.every((a) => a === 'i32' || a === 'i64');
/** Integer comparisons: fused with the branch that tests them. */
export const isCompare = (info: OpInfo): boolean =>
  info.kind === 'pure' && info.result === 'i32' && isInt(info) && /\.(eqz|eq|ne|[lg][te]_[su])$/.test(info.name);

/** Lane moves are plain copies between slots here; shuffles read their masks from memory. */
const byCopy = (name: OpName): boolean => name.includes('_lane');

const build = (): { hot: Handler[]; cold: Handler[]; number: Map<string, number> } => {
  const hot: Handler[] = specials.map((name) => ({ kind: 'special', name }));
  const cold: Handler[] = [];
  for (const info of opTable) {
    if (info.kind === 'load' || info.kind === 'store') hot.push({ kind: info.kind, info });
    else if (info.kind === 'atomic') cold.push({ kind: 'atomic', info });
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
    number.set(h.kind === 'special' ? h.name : `${prefix[h.kind]}${h.info.name}`, i);
  }
  return { hot, cold, number };
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
export const findHandler = (key: string): number | undefined => built.number.get(key);
