/** Value types of the IR; those of WebAssembly. */
export type Type = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** Bytes of a value in the CPU state. */
export const typeSize: Readonly<Record<Type, number>> = { i32: 4, i64: 8, f32: 4, f64: 8, v128: 16 };
