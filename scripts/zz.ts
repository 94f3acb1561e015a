import { createX86 } from '../src/cpu/frontend/x86/frontend.ts';
import { printBlock } from '../src/cpu/ir/print.ts';
import * as enc from '../src/cpu/backend/interpreter/encode.ts';
console.log(Object.keys(enc));
const f = createX86(32); f.exact = true;
const code = new DataView(new ArrayBuffer(4096)); new Uint8Array(code.buffer).set([0xc4,0xe3,0x79,0x1d,0xe6,0x71,0x0f,0x49,0xcf,0xc4,0xe2,0x4d,0x47,0xc9,0xeb,0x00]);
const b = f.liftBlock(code as never, 0, -1, 4096);
console.log(printBlock(b));
