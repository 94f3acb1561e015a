import type { Code } from './encoder.ts';

/** A float's bits into an i64 local, whatever its width. */
export const toBits = (c: Code, isDouble: boolean, local: number): void => {
  if (isDouble) c.op('i64.reinterpret_f64');
  else {
    c.op('i32.reinterpret_f32');
    c.op('i64.extend_i32_u');
  }
  c.set(local);
};

/** The float that an i64 local has the bits of. */
export const fromBits = (c: Code, isDouble: boolean, local: number): void => {
  c.get(local);
  if (isDouble) return c.op('f64.reinterpret_i64');
  c.op('i32.wrap_i64');
  c.op('f32.reinterpret_i32');
};
