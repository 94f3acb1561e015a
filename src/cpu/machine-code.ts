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

let natives: Natives | null | undefined;

/**
 * Call with the natives at hand. The flag is on for that long only: functions that name them are parsed again
 * when they are called after V8 has dropped their bytecode.
 */
const withNatives = <T>(call: (natives: Natives) => T): T | null => {
  if (natives === null) return null;
  const v8 = process.getBuiltinModule('node:v8');
  v8.setFlagsFromString('--allow-natives-syntax');
  try {
    natives ??= {
      isOptimised: new Function('func', 'return %IsTurboFanFunction(func)') as Natives['isOptimised'],
      optimise: new Function('func', '%WasmTierUpFunction(func)') as Natives['optimise'],
      serialize: new Function('module', 'return %SerializeWasmModule(module)') as Natives['serialize'],
      deserialize: new Function(
        'code',
        'bytes',
        'return %DeserializeWasmModule(code, bytes)',
      ) as Natives['deserialize'],
    };
    return call(natives);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // a V8 without them
    natives = null;
    return null;
  } finally {
    v8.setFlagsFromString('--no-allow-natives-syntax');
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
  countOptimised(exports) === 0 ? null : withNatives(({ serialize }) => new Uint8Array(serialize(module)));

/** Have V8 optimise all functions of an instance now, which can take long. */
export const optimise = (exports: Readonly<Record<string, unknown>>): void => {
  withNatives((natives) => {
    for (const func of Object.values(exports)) if (!natives.isOptimised(func)) natives.optimise(func);
  });
};

/** The module of these bytes with its machine code from earlier, or null where V8 does not take that. */
export const moduleOf = (bytes: Uint8Array<ArrayBuffer>, code: Uint8Array<ArrayBuffer>): WebAssembly.Module | null =>
  withNatives(({ deserialize }) => {
    const buffer = code.buffer.slice(code.byteOffset, code.byteOffset + code.length);
    return deserialize(buffer, bytes) ?? null;
  });
