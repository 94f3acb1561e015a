import type { Block, Terminal } from './block.ts';
import { terminalValue, terminalValues } from './finish.ts';
import type { ArgType } from './opcodes.ts';
import type { Type } from './types.ts';
import type { Value } from './value.ts';

const isPc = (n: number): boolean => Number.isInteger(n) && n >= 0 && n <= 0xffff_ffff;
const isInt32 = (n: number): boolean => n === (n | 0);

/** Whether a value of `type` may stand for an argument of the table. */
const fits = (arg: ArgType, type: string): boolean =>
  arg === type || (arg === 'addr' && (type === 'i64' || type === 'i32'));

/** Lanes of the vector that an extract_lane or replace_lane names. */
const laneCount = (name: string): number => Number(/x(\d+)\./.exec(name)?.[1] ?? 0);

/** Loads and stores that may ask for alignment: of the rest the cold tier has no form that does. */
const MAY_ALIGN = /^(i32\.(load(16_u|8_u)?|store(16|8)?)|(i64|f32|f64|v128)\.(load|store))$/;

/** What is wrong with the things an operation carries besides its operands. */
const immediateProblem = (v: Value): string | null => {
  const { kind, name } = v.info;
  const { imm, lanes } = v;
  if (name === 'i8x16.shuffle' || name === 'v128.const') {
    const limit = name === 'v128.const' ? 256 : 32;
    const whole = lanes?.length === 16 && lanes.every((n) => Number.isInteger(n) && n >= 0 && n < limit);
    return whole ? null : `needs 16 numbers below ${limit}`;
  }
  if (lanes !== null) return 'carries lanes it has no use for';
  if (name.includes('_lane')) return imm >= 0 && imm < laneCount(name) ? null : `lane ${imm} does not exist`;
  if (/^([gs]et|peek|poke)$/.test(kind)) return Number.isInteger(imm) && imm >= 0 ? null : `state offset ${imm}`;
  if (name === 'i64.const') return isInt32(imm) && isInt32(v.hi) ? null : 'halves are not int32';
  if (name === 'f32.const') return Object.is(imm, Math.fround(imm)) ? null : `${imm} is no f32`;
  if (kind === 'load' || kind === 'store') {
    const masks = MAY_ALIGN.test(name) ? [0, 1, 3, 7, 15, 31] : [0];
    return isInt32(imm) && masks.includes(v.hi) ? null : `displacement ${imm}, bits that have to be 0 ${v.hi}`;
  }
  if (kind === 'const') return v.type === 'f64' || isInt32(imm) ? null : `${imm} is no int32`;
  return isInt32(imm) && isInt32(v.hi) ? null : `immediate ${imm}, ${v.hi}`;
};

const targets = (t: Terminal): number[] => [...ownTargets(t), ...(t.guard ? [t.guard.next] : [])];

const ownTargets = (t: Terminal): number[] => {
  switch (t.kind) {
    case 'jump':
      return [t.target];
    case 'branch':
      return [t.taken, t.next];
    case 'call':
      return [t.target, t.ret];
    case 'callIndirect':
      return [t.ret];
    case 'syscall':
      return [t.next];
    case 'exit':
      return [t.pc];
    case 'jumpIndirect':
      return [];
    case 'choice':
      return [...t.among];
    default:
      return t satisfies never;
  }
};

/**
 * What is wrong with a block, one line per problem; empty = well formed. Checked: operands by the
 * table of operations, values defined before they are used and used as often as they say, immediates,
 * the address width being one in the block, each register's type being one in all blocks that are given the same
 * `registers`, and the terminal.
 */
export const verifyBlock = (block: Block, registers: Map<number, Type> = new Map()): string[] => {
  const problems: string[] = [];
  const uses = new Map<Value, number>();
  let addressType: string | null = null;
  /** Values of the conditional part at hand, and those of parts that are over. */
  let within: Value[] | null = null;
  const over = new Set<Value>();
  for (const [i, v] of block.ops.entries()) {
    const say = (what: string): void => {
      problems.push(`op ${i} (${v.info.name}, pc 0x${v.pc.toString(16)}): ${what}`);
    };
    const operands = [v.a, v.b, v.c];
    for (const [n, operand] of operands.entries()) {
      const arg = v.info.args[n];
      if (operand === null || arg === undefined) {
        if (operand !== null) say(`operand ${n} is one too many`);
        else if (arg !== undefined) say(`operand ${n} is missing`);
        continue;
      }
      const count = uses.get(operand);
      if (count === undefined) say(`operand ${n} (${operand.info.name}) is not defined before`);
      else uses.set(operand, count + 1);
      if (over.has(operand)) say(`operand ${n} (${operand.info.name}) was computed under a condition`);
      if (!fits(arg, operand.info.result)) say(`operand ${n} is ${operand.info.result}, not ${arg}`);
      if (arg === 'addr') {
        addressType ??= operand.info.result;
        if (addressType !== operand.info.result) say(`address is ${operand.info.result}, elsewhere ${addressType}`);
      }
    }
    if (v.info.kind === 'get' || v.info.kind === 'set') {
      // a region keeps each register in one local, of one type
      const type = v.a?.type ?? v.type;
      const other = registers.get(v.imm) ?? type;
      if (type !== other) say(`register at ${v.imm} is ${type}, elsewhere ${other}`);
      registers.set(v.imm, type as Type);
    }
    const problem = immediateProblem(v);
    if (problem !== null) say(problem);
    if (uses.has(v)) say('is in the block twice');
    if (v.pc < block.pc || v.pc >= block.end) say('lies outside the block');
    uses.set(v, 0);
    if (v.info.name === 'when.begin') {
      if (within) say('is nested');
      within = [];
    } else if (v.info.name === 'when.end') {
      if (!within) say('ends nothing');
      for (const x of within ?? []) if (!x.isConst) over.add(x);
      within = null;
    } else within?.push(v);
  }
  if (within) problems.push('a conditional part has no end');
  const { terminal } = block;
  for (const value of terminalValues(terminal)) {
    const count = uses.get(value);
    if (count === undefined) problems.push(`terminal ${terminal.kind}: its value is not defined in the block`);
    else uses.set(value, count + 1);
    if (over.has(value)) problems.push(`terminal ${terminal.kind}: its value was computed under a condition`);
  }
  const last = terminalValue(terminal);
  if (last) {
    const wanted: ArgType = terminal.kind === 'branch' ? 'i32' : 'addr';
    if (!fits(wanted, last.info.result)) problems.push(`terminal ${terminal.kind}: its value is ${last.info.result}`);
  }
  for (const pc of targets(terminal)) if (!isPc(pc)) problems.push(`terminal ${terminal.kind}: ${pc} is no pc`);
  for (const [v, count] of uses) {
    if (v.uses !== count)
      problems.push(`${v.info.name} at pc 0x${v.pc.toString(16)}: used ${count} times, says ${v.uses}`);
  }
  return problems;
};
