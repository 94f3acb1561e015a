import vm from 'node:vm';
import { underStartFlags } from './garbage.ts';

/**
 * V8's optimised machine code of a wasm module as bytes, and back. V8 has this behind runtime functions that
 * JavaScript can name only while a flag allows it; where it is not to be had, code is compiled again.
 *
 * What comes back is checked by V8 (version, flags, processor features); that the bytes are those which were
 * written, and by us, is for the caller to make sure of.
 */
interface Natives {
  isOptimised(func: unknown): boolean;
  optimise(func: unknown): void;
  serialize(module: WebAssembly.Module): ArrayBuffer;
  deserialize(code: ArrayBuffer, bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module | undefined;
}

/** Functions in parentheses are compiled at once: called later, they need no flag. */
const SOURCE = `({
isOptimised: (function (func) { return %IsTurboFanFunction(func); }),
optimise: (function (func) { %WasmTierUpFunction(func); }),
serialize: (function (module) { return %SerializeWasmModule(module); }),
deserialize: (function (code, bytes) { return %DeserializeWasmModule(code, bytes); }),
})`;
const FILENAME = 'tsqemu-user natives';

/** Undefined: not asked for yet; null: a V8 without them. */
let natives: Natives | null | undefined;
let script: vm.Script | null = null;
let compilations = 0;

const run = (compiled: vm.Script): Natives => compiled.runInThisContext() as Natives;

/** Compile with the flag on, which holds for all of the host process and is part of what V8 knows kept code by. */
const compile = (): Natives | null => {
  // loading it takes longer than all the rest
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString('--allow-natives-syntax');
  try {
    // under another name each time: of scripts with the same name V8 gives back what it has, also without the functions' code
    script = new vm.Script(SOURCE, { filename: `${FILENAME} ${++compilations}` });
    return run(script);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  } finally {
    v8.setFlagsFromString('--no-allow-natives-syntax');
  }
};

/** Use the natives' bytecode of an earlier run, which needs no flag; without effect if V8 does not take it. */
export const useNatives = (cachedData: Buffer): void => {
  try {
    natives = run(new vm.Script(SOURCE, { filename: FILENAME, cachedData }));
  } catch (error) {
    // of another V8: compiled from the source, which takes the flag
    if (!(error instanceof SyntaxError)) throw error;
  }
};

/** Their bytecode, if this run had to compile them. */
export const nativesCode = (): Buffer | null => underStartFlags(() => script?.createCachedData() ?? null);

const withNatives = <T>(call: (natives: Natives) => T): T | null => {
  if (natives === undefined) natives = compile();
  if (natives === null) return null;
  try {
    return call(natives);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // V8 had dropped the bytecode of what was not called for long
    natives = compile();
    return natives && call(natives);
  }
};

/** How many of an instance's exports, functions all, V8 has optimised. */
export const countOptimised = (exports: Readonly<Record<string, unknown>>): number =>
  withNatives(({ isOptimised }) => Object.values(exports).reduce<number>((n, f) => (isOptimised(f) ? n + 1 : n), 0)) ??
  0;

/** Versions of V8 that know this flag, off by default; what others do with hints is theirs. */
const HINTS = process.versions.v8.startsWith('13.') ? 'experimental-wasm-branch-hinting' : null;

/** Compile a module whose branch hints V8 heeds, which it reads when it decodes the module. */
export const compileModule = (bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module => {
  if (HINTS === null) return new WebAssembly.Module(bytes);
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString(`--${HINTS}`);
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    v8.setFlagsFromString(`--no-${HINTS}`);
  }
};

/** (module (func (export "f"))) */
const EMPTY: readonly number[] = [
  ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 4, 1, 0x60, 0, 0],
  ...[3, 2, 1, 0],
  ...[7, 5, 1, 1, 0x66, 0, 0],
  ...[10, 4, 1, 2, 0, 0x0b],
];
/** A custom section without a name: of modules with the same bytes V8 keeps one. */
const OTHERWISE: readonly number[] = [0, 1, 0];
/** Bytes at the beginning of machine code that V8 knows its own by. */
const HEAD = 32;

/** Where the head of machine code tells whether the flag for hints was on, and what it holds with it and without. */
let hintBytes: readonly { readonly at: number; readonly on: number; readonly off: number }[] | null = null;

const findHintBytes = ({ optimise, serialize }: Natives): NonNullable<typeof hintBytes> => {
  if (HINTS === null) return [];
  const modules = [
    new WebAssembly.Module(Uint8Array.from(EMPTY)),
    compileModule(Uint8Array.from([...EMPTY, ...OTHERWISE])),
  ];
  const [without, heeded] = modules.map((module) => {
    optimise(new WebAssembly.Instance(module).exports.f);
    return new Uint8Array(serialize(module));
  }) as [Uint8Array, Uint8Array];
  const bytes = Array.from({ length: HEAD }, (_, at) => ({
    at,
    on: heeded[at] as number,
    off: without[at] as number,
  }));
  return bytes.filter(({ on, off }) => on !== off);
};

/**
 * Have the head of machine code say that the flag for hints was off, as it will be when the code is wanted again: to set
 * it costs more than all else about that. What the features that were on when it was compiled have to do with it V8
 * would ask for the functions that are compiled later, which do without hints.
 */
const withoutFlag = (natives: Natives, code: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  hintBytes ??= findHintBytes(natives);
  for (const { at, on, off } of hintBytes) if (code[at] === on) code[at] = off;
  return code;
};

/**
 * Machine code of those functions of a module that V8 has optimised; null where there is none. `exports` are
 * those of an instance.
 */
export const machineCode = (
  module: WebAssembly.Module,
  exports: Readonly<Record<string, unknown>>,
): Uint8Array<ArrayBuffer> | null =>
  // V8 ends the process when it is asked for the code of a module that has none
  countOptimised(exports) === 0
    ? null
    : underStartFlags(() => withNatives((natives) => withoutFlag(natives, new Uint8Array(natives.serialize(module)))));

/** Have V8 optimise all functions of an instance now, which can take long. */
export const optimise = (exports: Readonly<Record<string, unknown>>): void => {
  withNatives((natives) => {
    for (const func of Object.values(exports)) if (!natives.isOptimised(func)) natives.optimise(func);
  });
};

/** The module of these bytes with its machine code from earlier, or null where V8 does not take that. */
export const moduleOf = (bytes: Uint8Array<ArrayBuffer>, code: Uint8Array<ArrayBuffer>): WebAssembly.Module | null =>
  underStartFlags(() =>
    withNatives(({ deserialize }) => {
      const isWhole = code.length === code.buffer.byteLength;
      const buffer = isWhole ? code.buffer : code.buffer.slice(code.byteOffset, code.byteOffset + code.length);
      return deserialize(buffer, bytes) ?? null;
    }),
  );
