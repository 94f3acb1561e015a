/** The front ends, with all their instructions: see guests.ts for what is needed of a guest before any is translated. */
import { createAarch64 } from './cpu/frontend/aarch64/frontend.ts';
import { createArm } from './cpu/frontend/arm/frontend.ts';
import { natives as arm } from './cpu/frontend/arm/natives.ts';
import type { FrontEnd, Processor } from './cpu/frontend/frontend.ts';
import { createI386, createX86_64 } from './cpu/frontend/x86/frontend.ts';
import { natives as x86 } from './cpu/frontend/x86/natives.ts';
import type { Native } from './cpu/ir/native.ts';

const create: Readonly<Record<string, (processor?: Processor) => FrontEnd>> = {
  aarch64: createAarch64,
  arm: createArm,
  x86_64: createX86_64,
  i386: createI386,
};
const ofWorkers = new Map<string, FrontEnd>();

/** The front end of a guest's name. */
export const createFrontEnd = (guest: string, processor?: Processor): FrontEnd => {
  const front = create[guest]?.(processor);
  if (front === undefined) throw new Error(`no guest ${guest}`);
  return front;
};

/** The natives that {@link FrontEnd.natives} names. */
export const nativesOf = (name: string | undefined): readonly Native[] =>
  name === 'x86' ? x86 : name === 'arm' ? arm : [];

/** The same for a worker thread, which needs its helpers. */
export const frontEndOf = (guest: string): FrontEnd => {
  const front = ofWorkers.get(guest) ?? createFrontEnd(guest);
  ofWorkers.set(guest, front);
  return front;
};
