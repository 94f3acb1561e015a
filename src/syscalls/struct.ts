/** What a structure's layout depends on. */
export interface StructAbi {
  readonly wordSize: 4 | 8;
  readonly align64: 4 | 8;
}

/** A C type in a guest structure: its size, alignment, and how to read and write it. */
export interface FieldType<T> {
  size(abi: StructAbi): number;
  align(abi: StructAbi): number;
  read(view: DataView, offset: number, abi: StructAbi): T;
  write(view: DataView, offset: number, value: T, abi: StructAbi): void;
}

const TWO32 = 0x1_0000_0000;

/** Write a 64-bit integer given as a number (two's complement) or BigInt. */
export function writeI64(view: DataView, offset: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    view.setBigUint64(offset, BigInt.asUintN(64, value), true);
  } else {
    view.setUint32(offset, value >>> 0, true);
    view.setInt32(offset + 4, Math.floor(value / TWO32), true);
  }
}

/** Read a signed 64-bit integer as a number (exact below 2^53). */
export function readI64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getInt32(offset + 4, true) * TWO32;
}

/** Read an unsigned 64-bit integer as a number (exact below 2^53). */
export function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * TWO32;
}

function scalar(
  bytes: number,
  read: (view: DataView, offset: number) => number,
  write: (view: DataView, offset: number, value: number) => void,
): FieldType<number> {
  return { size: () => bytes, align: () => bytes, read, write };
}

export const u8: FieldType<number> = scalar(
  1,
  (v, o) => v.getUint8(o),
  (v, o, x) => v.setUint8(o, x),
);
export const u16: FieldType<number> = scalar(
  2,
  (v, o) => v.getUint16(o, true),
  (v, o, x) => v.setUint16(o, x, true),
);
export const i16: FieldType<number> = scalar(
  2,
  (v, o) => v.getInt16(o, true),
  (v, o, x) => v.setInt16(o, x, true),
);
export const u32: FieldType<number> = scalar(
  4,
  (v, o) => v.getUint32(o, true),
  (v, o, x) => v.setUint32(o, x, true),
);
export const i32: FieldType<number> = scalar(
  4,
  (v, o) => v.getInt32(o, true),
  (v, o, x) => v.setInt32(o, x, true),
);
/** 64-bit unsigned; inode numbers and the like may come as BigInt. */
export const u64: FieldType<number | bigint> = {
  size: () => 8,
  align: (abi) => abi.align64,
  read: readU64,
  write: writeI64,
};
export const i64: FieldType<number> = {
  size: () => 8,
  align: (abi) => abi.align64,
  read: readI64,
  write: writeI64,
};
/** 64-bit unsigned in a packed structure. */
export const packed64: FieldType<number | bigint> = { ...u64, align: () => 4 };
/** A word's bits, exact: sigval. */
export const wordBits: FieldType<bigint> = {
  size: (abi) => abi.wordSize,
  align: (abi) => abi.wordSize,
  read: (v, o, abi) => (abi.wordSize === 8 ? v.getBigUint64(o, true) : BigInt(v.getUint32(o, true))),
  write: (v, o, x, abi) =>
    abi.wordSize === 8
      ? v.setBigUint64(o, BigInt.asUintN(64, x), true)
      : v.setUint32(o, Number(BigInt.asUintN(32, x)), true),
};
/** 64 flag bits, exact: signal sets. */
export const bits64: FieldType<bigint> = {
  size: () => 8,
  align: (abi) => abi.wordSize,
  read: (v, o) => v.getBigUint64(o, true),
  write: (v, o, x) => v.setBigUint64(o, BigInt.asUintN(64, x), true),
};
/** 64 bits that mean nothing to us, exact, aligned as a 64-bit integer. */
export const exact64: FieldType<bigint> = { ...bits64, align: (abi) => abi.align64 };
/** The same in a packed structure. */
export const packedExact64: FieldType<bigint> = { ...bits64, align: () => 4 };
/** C long. */
export const long: FieldType<number> = {
  size: (abi) => abi.wordSize,
  align: (abi) => abi.wordSize,
  read: (v, o, abi) => (abi.wordSize === 8 ? readI64(v, o) : v.getInt32(o, true)),
  write: (v, o, x, abi) => (abi.wordSize === 8 ? writeI64(v, o, x) : v.setInt32(o, x, true)),
};
/** C unsigned long, size_t, pointers. */
export const ulong: FieldType<number> = {
  size: (abi) => abi.wordSize,
  align: (abi) => abi.wordSize,
  read: (v, o, abi) => (abi.wordSize === 8 ? readU64(v, o) : v.getUint32(o, true)),
  write: (v, o, x, abi) => (abi.wordSize === 8 ? writeI64(v, o, x) : v.setUint32(o, x, true)),
};

/** char[n]: a binary string, NUL-padded. */
export function chars(count: number): FieldType<string> {
  return {
    size: () => count,
    align: () => 1,
    read: (v, o) => {
      let text = '';
      for (let i = 0; i < count; i++) {
        const byte = v.getUint8(o + i);
        if (byte === 0) break;
        text += String.fromCharCode(byte);
      }
      return text;
    },
    write: (v, o, x) => {
      for (let i = 0; i < count; i++) v.setUint8(o + i, i < x.length ? x.charCodeAt(i) : 0);
    },
  };
}

/** type[n]. */
export function array<T>(type: FieldType<T>, count: number): FieldType<T[]> {
  return {
    size: (abi) => type.size(abi) * count,
    align: (abi) => type.align(abi),
    read: (v, o, abi) => Array.from({ length: count }, (_, i) => type.read(v, o + i * type.size(abi), abi)),
    write: (v, o, x, abi) => {
      for (const [i, e] of x.entries()) type.write(v, o + i * type.size(abi), e, abi);
    },
  };
}

type Fields = Readonly<Record<string, FieldType<never>>>;
/** The TypeScript value of a structure. */
export type StructValue<F> = {
  [K in keyof F]: F[K] extends FieldType<infer T> ? T : never;
};

/** A C structure; offsets follow C's rules for the ABI at hand. */
export interface Struct<F> extends FieldType<StructValue<F>> {
  readonly name: string;
  /** Size and field offsets for an ABI. */
  layout(abi: StructAbi): {
    readonly size: number;
    readonly align: number;
    readonly offsets: Record<keyof F, number>;
  };
}

/** Every structure declared, for the test that compares layouts with the C compiler's. */
export const STRUCTS: {
  readonly name: string;
  layout(abi: StructAbi): { size: number; offsets: Record<string, number> };
}[] = [];

/** Declare a C structure. Fields are laid out in order, each aligned by its type. */
export function struct<F extends { readonly [K in keyof F]: FieldType<never> | FieldType<unknown> }>(
  name: string,
  fields: F,
): Struct<F> {
  type Layout = {
    size: number;
    align: number;
    offsets: Record<keyof F, number>;
  };
  const entries = Object.entries(fields as unknown as Fields) as unknown as [keyof F & string, FieldType<unknown>][];
  const cache = new Map<number, Layout>();
  const layout = (abi: StructAbi): Layout => {
    const key = abi.wordSize * 16 + abi.align64;
    let found = cache.get(key);
    if (found === undefined) {
      let offset = 0;
      let align = 1;
      const offsets = {} as Record<keyof F, number>;
      for (const [field, type] of entries) {
        const a = type.align(abi);
        offset = Math.ceil(offset / a) * a;
        offsets[field] = offset;
        offset += type.size(abi);
        align = Math.max(align, a);
      }
      found = { size: Math.ceil(offset / align) * align, align, offsets };
      cache.set(key, found);
    }
    return found;
  };
  const declared: Struct<F> = {
    name,
    layout,
    size: (abi) => layout(abi).size,
    align: (abi) => layout(abi).align,
    read(view, base, abi) {
      const { offsets } = layout(abi);
      const value: Record<string, unknown> = {};
      for (const [field, type] of entries) value[field] = type.read(view, base + offsets[field], abi);
      return value as StructValue<F>;
    },
    write(view, base, value, abi) {
      const { offsets } = layout(abi);
      for (const [field, type] of entries) type.write(view, base + offsets[field], value[field], abi);
    },
  };
  STRUCTS.push(declared as unknown as (typeof STRUCTS)[number]);
  return declared;
}
