import type { Program } from '../program.ts';
import { BUSYBOX } from './busybox.ts';
import { CHILDREN } from './children.ts';
import { TOOLS } from './tools.ts';

/** Every program that is compared with the oracle. */
export const PROGRAMS: readonly Program[] = [...BUSYBOX, ...TOOLS, ...CHILDREN];
