/** The aggregations of PCMPESTRI and its like that take the elements of one string one by one (SDM vol. 2, 4.1.2). */
import type { Expr, Native } from '../../../ir/native.ts';
import { NATIVE_OPERAND, Sys } from '../registers.ts';

/** Where rows put the strings and their lengths (i32), and find the result, a bit an element of the second. */
export const STRINGS_OPERAND = {
  FIRST: NATIVE_OPERAND,
  SECOND: NATIVE_OPERAND + 16,
  FIRST_LENGTH: Sys.NUMBER,
  SECOND_LENGTH: Sys.NUMBER + 4,
  RESULT: Sys.NUMBER + 8,
} as const;

type Width = 1 | 2;
const aggregation =
  (width: Width, kind: 'any' | 'ordered' | 'ranges', signed = false): Native =>
  (n) => {
    const { i32 } = n;
    const lanes = width === 1 ? n.i8x16 : (n.i16x8 as unknown as typeof n.i8x16);
    const all = width === 1 ? 0xffff : 0xff;
    const length = n.let(i32.mul(n.load('i32.load', n.state, STRINGS_OPERAND.FIRST_LENGTH), width));
    const valid = n.let(i32.sub(i32.shl(1, n.load('i32.load', n.state, STRINGS_OPERAND.SECOND_LENGTH)), 1));
    const second = n.let(n.load('v128.load', n.state, STRINGS_OPERAND.SECOND));
    const result = n.let(n.value('i32', kind === 'ordered' ? all : 0));
    const i = n.let(n.value('i32', 0));
    const element = (by: number): Expr<'v128'> => {
      const at = i32.add(n.state, i);
      return lanes.splat(n.load(width === 1 ? 'i32.load8_u' : 'i32.load16_u', at, STRINGS_OPERAND.FIRST + by));
    };
    const step = kind === 'ranges' ? 2 * width : width;
    // a range without an end is none
    const last = kind === 'ranges' ? i32.sub(length, width) : length;
    n.while(i32.lt_s(i, last), () => {
      if (kind === 'ranges') {
        const [ge, le] = signed ? [lanes.ge_s, lanes.le_s] : [lanes.ge_u, lanes.le_u];
        const inside = n.v128.and(ge(second, element(0)), le(second, element(width)));
        n.set(result, i32.or(result, lanes.bitmask(inside)));
      } else {
        const equal = lanes.bitmask(lanes.eq(second, element(0)));
        if (kind === 'any') n.set(result, i32.or(result, equal));
        else {
          const place = width === 1 ? i : i32.shr_u(i, 1);
          const beyond = i32.xor(i32.shr_u(n.value('i32', all), place), -1);
          n.set(result, i32.and(result, i32.or(i32.shr_u(i32.and(equal, valid), place), beyond)));
        }
      }
      n.set(i, i32.add(i, step));
    });
    if (kind !== 'ordered') n.set(result, i32.and(result, valid));
    n.store('i32.store', n.state, STRINGS_OPERAND.RESULT, i32.and(result, all));
  };

/** By the lowest four bits of the immediate; null: equal each, which takes no loop. */
export const aggregations: readonly (Native | null)[] = Array.from({ length: 16 }, (_, imm) => {
  const width = imm & 1 ? 2 : 1;
  const kind = (['any', 'ranges', null, 'ordered'] as const)[imm >> 2];
  return kind ? aggregation(width, kind, (imm & 2) !== 0) : null;
});
export const stringNatives: readonly Native[] = aggregations.filter((native) => native !== null);
