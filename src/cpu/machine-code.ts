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

const run = (compiled: vm.Script): Natives => compiled.runInThisContext() as Natives;

/** Compile with the flag on, which holds for all of the host process and is part of what V8 knows kept code by. */
const compile = (): Natives | null => {
  // loading it takes longer than all the rest
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString('--allow-natives-syntax');
  try {
    script = new vm.Script(SOURCE, { filename: FILENAME });
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
    : underStartFlags(() => withNatives(({ serialize }) => new Uint8Array(serialize(module))));

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
      const buffer = code.buffer.slice(code.byteOffset, code.byteOffset + code.length);
      return deserialize(buffer, bytes) ?? null;
    }),
  );
