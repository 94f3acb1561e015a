/** The translator, in the command line's distribution a file of its own. */
export * from './cpu/translation.ts';
export * from './front-ends.ts';
export * from './log.ts';
