import { IMPORTS } from '../../src/cpu/backend/interpreter/emitter.ts';
import { generateInterpreter, type InterpreterKind } from '../../src/interpreter-bytes.ts';

/** A guest's natives over a memory of their own, without a processor: nothing that they might call does anything. */
export const nativesAlone = (kind: InterpreterKind) => {
  const memory = new WebAssembly.Memory({ initial: 65536, maximum: 65536, shared: true });
  const nothing = (): number => 0;
  const imports = { m: memory, t: new WebAssembly.Table({ element: 'anyfunc', initial: 1 }) };
  const calls = Object.fromEntries(IMPORTS.map((name) => [name, nothing]));
  const module = new WebAssembly.Module(generateInterpreter(kind));
  const { exports } = new WebAssembly.Instance(module, { e: { ...imports, ...calls } });
  return {
    run: exports.native as (state: number, number: number, aux: number) => number,
    view: new DataView(memory.buffer),
    u8: new Uint8Array(memory.buffer),
  };
};
