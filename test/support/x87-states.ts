import type { FrontEnd } from '../../src/cpu/frontend/frontend.ts';
import type { HelperContext } from '../../src/cpu/frontend/helper.ts';
import { createX86_64 } from '../../src/cpu/frontend/x86/frontend.ts';
import { x87Offset } from '../../src/cpu/frontend/x86/registers.ts';
import { CPU_STATES, State } from '../../src/cpu/memory/layout.ts';
import { nativesAlone } from './natives.ts';

/** The x87 and what it exchanges with rows. */
const PART: number = x87Offset(8) - State.SYSREGS;
/** CPU states: one for a native, one for the helper that does the same. */
export const [A, B]: readonly [number, number] = [CPU_STATES, CPU_STATES + 0x2000];

interface X87States extends ReturnType<typeof nativesAlone> {
  readonly frontEnd: FrontEnd;
  readonly context: HelperContext;
  /** The x87 of a state, to be compared. */
  bytesOf(state: number): string;
}

/** x86's natives by themselves, and what its helpers want. */
export const x87States = (addressType: 'i32' | 'i64'): X87States => {
  const alone = nativesAlone({ addressType, natives: 'x86' });
  const { view, u8 } = alone;
  return {
    ...alone,
    frontEnd: createX86_64(),
    context: { view, u8 } as unknown as HelperContext,
    bytesOf: (state) => Buffer.from(u8.slice(state + State.SYSREGS, state + State.SYSREGS + PART)).toString('hex'),
  };
};
