import type { Program } from '../program.ts';
import type { GuestArch } from '../sysroot.ts';
import { BUSYBOX } from './busybox.ts';
import { CHILDREN } from './children.ts';
import { TOOLS, toolchain } from './tools.ts';

/** Every program that is compared with the oracle. */
export const programsOf = (guest: GuestArch): readonly Program[] =>
  [...BUSYBOX, ...TOOLS, ...toolchain(guest), ...CHILDREN].filter(({ name }) => guest.only?.test(name) ?? true);
