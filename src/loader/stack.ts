import { PAGE_SIZE } from '../cpu/memory/layout.ts';
import type { AddressSpace } from '../cpu/memory/types.ts';
import { type AuxEntry, type AuxInput, auxEntries } from './auxv.ts';

/** What goes onto a new program's stack. Strings are byte strings. */
export interface StackInput {
  readonly is64: boolean;
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  readonly execfn: string;
  readonly platform: string;
  /** 16 bytes for AT_RANDOM. */
  readonly random: Uint8Array;
  readonly aux: Omit<AuxInput, 'random' | 'execfn' | 'platform'>;
}

/** A stack as execve leaves it. */
export interface InitialStack {
  readonly sp: number;
  readonly auxv: Uint8Array;
  /** [start, end) of the argument and environment strings, for /proc/self/cmdline and environ. */
  readonly args: readonly [number, number];
  readonly env: readonly [number, number];
}

const byteLength = (strings: readonly string[]): number => strings.reduce((sum, s) => sum + s.length + 1, 0);

/** Bytes that {@link writeStack} will need, at most. */
export function stackBytes(input: StackInput): number {
  const pointers = (input.argv.length + input.envp.length + 64) * 8;
  return (
    byteLength(input.argv) +
    byteLength(input.envp) +
    input.execfn.length +
    input.platform.length +
    pointers +
    256 +
    PAGE_SIZE
  );
}

/**
 * Write the initial stack below `top`, as Linux lays it out: strings on top, then platform and random
 * bytes, then auxiliary vector, envp, argv and argc with sp aligned to 16. Where Linux leaves a gap of random size,
 * ours is such that strings alone are in the last page: behind it nothing is mapped, so that accesses to the frames
 * of a program that calls not deeply would not be plain (see checks of page pairs).
 */
export function writeStack(space: AddressSpace, top: number, input: StackInput): InitialStack {
  const { u8, view } = space;
  const strings = (at: number, list: readonly string[]): void => {
    // byte by byte an environment takes a start half a millisecond
    if (list.length > 0) u8.set(Buffer.from(`${list.join('\0')}\0`, 'latin1'), at);
  };
  const execfn = top - 8 - (input.execfn.length + 1);
  strings(execfn, [input.execfn]);
  const envEnd = execfn;
  const envStart = envEnd - byteLength(input.envp);
  const argStart = envStart - byteLength(input.argv);
  const addresses = { argv: [] as number[], envp: [] as number[] };
  let at = argStart;
  for (const list of ['argv', 'envp'] as const) {
    strings(at, input[list]);
    for (const text of input[list]) {
      addresses[list].push(at);
      at += text.length + 1;
    }
  }
  const start = Math.min(argStart, top - PAGE_SIZE);
  let low = start - (start % 16);
  let platform = 0;
  if (input.platform !== '') {
    low -= input.platform.length + 1;
    platform = low;
    strings(platform, [input.platform]);
  }
  const random = low - 16;
  u8.set(input.random.subarray(0, 16), random);

  const entries = auxEntries({ ...input.aux, random, execfn, platform });
  const word = input.is64 ? 8 : 4;
  const vectors = entries.length * 2 + input.argv.length + input.envp.length + 3;
  const unaligned = random - vectors * word;
  const sp = unaligned - (unaligned % 16);
  let to = sp;
  const put = (value: number): void => {
    if (input.is64) view.setBigUint64(to, BigInt(value), true);
    else view.setUint32(to, value, true);
    to += word;
  };
  put(input.argv.length);
  for (const address of addresses.argv) put(address);
  put(0);
  for (const address of addresses.envp) put(address);
  put(0);
  const auxStart = to;
  for (const [type, value] of entries satisfies AuxEntry[]) {
    put(type);
    put(value);
  }
  return { sp, auxv: u8.slice(auxStart, to), args: [argStart, envStart], env: [envStart, envEnd] };
}
