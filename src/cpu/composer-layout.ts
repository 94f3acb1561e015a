/** Where things lie in memory 1 of the composer's module (byte offsets): the file of templates, and below it what is the module's. */
export const FILE = 0x1_0000;
/** Values of what the template found last leaves open. */
export const VARS = 0;
/** What is told of a block, as words: see Told. */
export const TOLD = 0x100;
export const Told = {
  READS_FLAGS: 0,
  CALL_TARGET: 1,
  RETURNS_TO: 2,
  LENGTH: 3,
  LINKS: 4,
  INTERNALS: 5,
  CONSTANTS: 6,
  /** There was too little room for the block, or in the table. */
  ROOM: 7,
} as const;
/** Places that are looked at for flags that are read, a word each. */
export const LOOKED_AT = 0x200;
export const MOST_LOOKED_AT = 128;
/**
 * Links (record, pc, kind) …, constants (record, where the file has their length and bytes) … and internal jumps (record,
 * record) …; records by their index in the block. Told has the lengths in bytes.
 */
export const LINKS = 0x400;
export const CONSTANTS = 0x2000;
export const INTERNALS = 0x4000;
