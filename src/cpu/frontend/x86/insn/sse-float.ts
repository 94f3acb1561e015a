import type { OpName } from '../../../ir/opcodes.ts';
import type { Value } from '../../../ir/value.ts';
import { exactComis } from '../helpers/exact-convert.ts';
import * as exact from '../helpers/exact-float.ts';
import { insn, type X86Row } from '../row.ts';
import type { Translator } from '../translator.ts';
import { Lanes as ExactLanes } from './exact-fast.ts';
import { arithmetic, arithmetic1, exactly, type FloatBinary, floatFamily, type Lanes, packedFloats, scalar, scalarFloats, setScalar } from './floats.ts'; // biome-ignore format: one line
import { type I32, noVvvv, setVex128, setYmm, type V128, vex, ymmHighRm, zero } from './vector.ts';

/** MIN and MAX give the second operand for NaNs and for two zeros, which wasm's pmin and pmax do with operands swapped. */
const extreme =
  (name: 'pmin' | 'pmax'): FloatBinary =>
  (t, type, a, b) => {
    if (type.includes('x')) return t.b.emit(`${type}.${name}` as OpName, b, a);
    const first = t.b.emit(`${type}.${name === 'pmin' ? 'lt' : 'gt'}` as OpName, a, b);
    return t.b.emit(`${type}.select` as OpName, a, b, first);
  };

/** Reciprocal and its root to single precision: processors differ in these approximations; ours are exact to a rounding. */
const reciprocal: FloatBinary = (t, type, a, b) => {
  const one = t.b.constF32(1);
  const ones = type === 'f32' ? one : t.b.f32x4.splat(one);
  return arithmetic('div')(t, type, ones, b) as typeof a;
};
const reciprocalRoot: FloatBinary = (t, type, a, b) => reciprocal(t, type, a, arithmetic1('sqrt')(t, type, a, b));

/** The operation itself. */
const host =
  (name: string): FloatBinary =>
  (t, type, a, b) =>
    t.b.emit(`${type}.${name}` as OpName, a, b);

/** Masks by the predicate of CMPPS (SDM vol. 2, CMPPD, table 3-1). */
const compareLanes = (t: Translator, p: Lanes, predicate: number, a: V128, b: V128): V128 => {
  const { v128 } = t.b;
  const is = (name: string, x: V128 = a, y: V128 = b): V128 => t.b.emit(`${p}.${name}` as OpName, x, y) as V128;
  switch (predicate & 15) {
    case 0:
      return is('eq');
    case 1:
      return is('lt');
    case 2:
      return is('le');
    case 3:
      return v128.or(is('ne', a, a), is('ne', b, b));
    case 4:
      return is('ne');
    case 5:
      return v128.not(is('lt'));
    case 6:
      return v128.not(is('le'));
    case 7:
      return v128.and(is('eq', a, a), is('eq', b, b));
    case 8:
      return v128.not(v128.or(is('lt'), is('gt')));
    case 9:
      return v128.not(is('ge'));
    case 10:
      return v128.not(is('gt'));
    case 11:
      return zero(t);
    case 12:
      return v128.or(is('lt'), is('gt'));
    case 13:
      return is('ge');
    case 14:
      return is('gt');
    default:
      return t.b.constV64(-1n, -1n);
  }
};

const predicateOf = (t: Translator): number => t.d.imm & (t.d.vexL === -2 ? 7 : 31);
const CMP = { helper: exact.exactCmp, imm: predicateOf };

const comparePacked = (prefix: string, name: string, double: boolean): X86Row[] => {
  const p = double ? 'f64x2' : 'f32x4';
  const encoding = `${prefix} 0F C2 /r ib`;
  const op = (t: Translator, a: V128, b: V128): V128 => compareLanes(t, p, predicateOf(t), a, b);
  return [
    insn(encoding, `${name} xmm, xmm/m128, imm8`, (t) => {
      if (t.exact) return exactly(t, CMP, double, 128);
      t.setXmm(t.d.reg, op(t, t.xmm(t.d.reg), t.xmmRm()));
    }),
    vex(encoding, '128', `v${name} xmm, xmm, xmm/m128, imm8`, (t) => {
      if (t.exact) return exactly(t, CMP, double, 128);
      setVex128(t, t.d.reg, op(t, t.xmm(t.d.vvvv), t.xmmRm()));
    }),
    vex(encoding, '256', `v${name} ymm, ymm, ymm/m256, imm8`, (t) => {
      if (t.exact) return exactly(t, CMP, double, 256);
      const low = op(t, t.xmm(t.d.vvvv), t.xmmRm());
      setYmm(t, t.d.reg, low, op(t, t.ymmHigh(t.d.vvvv), ymmHighRm(t)));
    }),
  ];
};

const compareScalar = (prefix: string, name: string, double: boolean): X86Row[] => {
  const encoding = `${prefix} 0F C2 /r ib`;
  const type = double ? 'f64' : 'f32';
  const lift = (t: Translator): void => {
    if (t.exact) return exactly(t, CMP, double, 'scalar');
    const first = t.d.vexL === -2 ? t.d.reg : t.d.vvvv;
    const p = double ? 'f64x2' : 'f32x4';
    const b = t.d.mod === 3 ? t.xmm(t.d.rm) : (t.b.emit(`${p}.splat` as OpName, t.scalarRm(type)) as V128);
    const mask = compareLanes(t, p, predicateOf(t), t.xmm(first), b);
    setScalar(t, double, first, t.b.extract(`${p}.extract_lane` as OpName, mask, 0) as never);
  };
  const operand = `xmm/m${double ? 64 : 32}, imm8`;
  return [insn(encoding, `${name} xmm, ${operand}`, lift), vex(encoding, 'LIG', `v${name} xmm, xmm, ${operand}`, lift)];
};

/** COMISS, UCOMISS …: ZF, PF, CF = unordered 111, greater 000, less 001, equal 100. */
const comis = (code: string, name: string): X86Row[] =>
  (
    [
      ['NP', 's', false],
      ['66', 'd', true],
    ] as const
  ).flatMap(([prefix, letter, double]) => {
    // biome-ignore format: pairs
    const type = double ? 'f64' : 'f32';
    const lift = (t: Translator): void => {
      const { i32 } = t.b;
      const [a, b] = [scalar(t, double, t.d.reg), t.scalarRm(type)] as [Value, Value];
      const is = (test: string): I32 => t.b.emit(`${type}.${test}` as OpName, a, b) as I32;
      if (t.exact) {
        const x = new ExactLanes(t, double, true);
        const slow = [x.isNaN(a), x.isNaN(b), x.isDenormal(a), x.isDenormal(b)].reduce((all, v) => x.or(all, v)) as I32;
        t.b.beginWhen(slow);
        exactly(t, { helper: exactComis, imm: () => (code === '2F' ? 1 : 0) }, double, 'scalar');
        t.b.endWhen();
        return t.setEflagsWhen(i32.eqz(slow), i32.or(is('lt'), i32.shl(is('eq'), t.imm(6))));
      }
      const unordered = i32.eqz(i32.or(is('ge'), is('lt')));
      t.setParts({ cf: i32.eqz(is('ge')), zf: i32.or(is('eq'), unordered), pf: unordered });
    };
    const operands = `xmm, xmm/m${double ? 64 : 32}`;
    const encoding = `${prefix} 0F ${code} /r`;
    return [
      insn(encoding, `${name}s${letter} ${operands}`, lift),
      vex(encoding, 'LIG', `v${name}s${letter} ${operands}`, noVvvv(lift)),
    ];
  });

const RCP = { helper: exact.exactRcp };
const RSQRT = { helper: exact.exactRsqrt };

/** SDM vol. 1, 10.4.1.2, 11.4.1.2 and 14.2: arithmetic and comparisons of packed and scalar floats */
export const sseFloatRows: readonly X86Row[] = [
  ...floatFamily('58', 'add', arithmetic('add'), { helper: exact.exactAdd, fast: { kind: 'add', op: host('add') } }),
  ...floatFamily('59', 'mul', arithmetic('mul'), { helper: exact.exactMul, fast: { kind: 'mul', op: host('mul') } }),
  ...floatFamily('5C', 'sub', arithmetic('sub'), { helper: exact.exactSub, fast: { kind: 'sub', op: host('sub') } }),
  ...floatFamily('5E', 'div', arithmetic('div'), { helper: exact.exactDiv, fast: { kind: 'div', op: host('div') } }),
  ...floatFamily('5D', 'min', extreme('pmin'), { helper: exact.exactMin, fast: { kind: 'min', op: extreme('pmin') } }),
  ...floatFamily('5F', 'max', extreme('pmax'), { helper: exact.exactMax, fast: { kind: 'max', op: extreme('pmax') } }),
  ...floatFamily(
    '51',
    'sqrt',
    arithmetic1('sqrt'),
    { helper: exact.exactSqrt, fast: { kind: 'sqrt', op: (t, type, _a, b) => t.b.emit(`${type}.sqrt` as OpName, b) } },
    1,
  ),
  ...packedFloats('NP 0F 53 /r', 'rcpps', false, reciprocal, RCP, 1),
  ...scalarFloats('F3 0F 53 /r', 'rcpss', false, reciprocal, RCP),
  ...packedFloats('NP 0F 52 /r', 'rsqrtps', false, reciprocalRoot, RSQRT, 1),
  ...scalarFloats('F3 0F 52 /r', 'rsqrtss', false, reciprocalRoot, RSQRT),
  ...comparePacked('NP', 'cmpps', false),
  ...comparePacked('66', 'cmppd', true),
  ...compareScalar('F3', 'cmpss', false),
  ...compareScalar('F2', 'cmpsd', true),
  ...comis('2E', 'ucomi'),
  ...comis('2F', 'comi'),
];
