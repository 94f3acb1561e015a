/** Entry of the worker threads, a bundle of its own. What few of them need is loaded when they do. */
import { createRequire } from 'node:module';
import path from 'node:path';
import type { FrontEnd } from './cpu/frontend/frontend.ts';
import { Worker, workerStart } from './cpu/workers/worker.ts';

/** Set by the build, which bundles the translator beside this file. */
declare const TSQEMU_BUILD: number | undefined;

const frontEndOf = (guest: string): FrontEnd => {
  const file = path.join(import.meta.dirname, typeof TSQEMU_BUILD === 'undefined' ? 'front-ends.ts' : 'translator.cjs');
  const { frontEndOf: find } = createRequire(file)(file) as typeof import('./front-ends.ts');
  return find(guest);
};

new Worker(workerStart(), frontEndOf).loop();
