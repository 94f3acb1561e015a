/** The front ends as worker threads need them: for their helpers. */
import { createAarch64 } from './cpu/frontend/aarch64/frontend.ts';
import { createArm } from './cpu/frontend/arm/frontend.ts';
import type { FrontEnd } from './cpu/frontend/frontend.ts';

const create: Readonly<Record<string, () => FrontEnd>> = { aarch64: createAarch64, arm: createArm };
const frontEnds = new Map<string, FrontEnd>();

/** The front end of a name. */
export const frontEndOf = (guest: string): FrontEnd => {
  const known = frontEnds.get(guest) ?? create[guest]?.();
  if (known === undefined) throw new Error(`no guest ${guest}`);
  frontEnds.set(guest, known);
  return known;
};
