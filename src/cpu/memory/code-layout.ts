import { BYTECODE, BYTECODE_SIZE, CODE_CONTROL } from './layout.ts';

/**
 * What the code cache and the composer's wasm module both read and write of the cold tier's translations, in guest
 * memory: words at CODE_CONTROL, arenas behind them, the table of blocks, and headers of blocks.
 */
export const Control = {
  /** Wasm offset of the table of blocks, 32 − log2 of its entries, entries − 1, entries in use, and how many may be. */
  TABLE: 0,
  SHIFT: 1,
  MASK: 2,
  COUNT: 3,
  ROOM: 4,
  /** What a block's header counts down from. */
  HOT_AFTER: 5,
  /** Not 0: where calls go and return to is looked at for flags that are read (see Facts.readsFlagsAt). */
  LOOKS_AHEAD: 6,
  /** Not 0: floating point is exact, and templates of the fast mode are for nobody. */
  EXACT: 7,
} as const;

/** Arenas by their numbers: wasm offsets of the next record and of the chunk's end, and how many blocks there are. */
export const ARENAS: number = CODE_CONTROL + 0x40;
export const ARENA_SIZE = 16;
export const Arena = { NEXT: 0, END: 1, BLOCKS: 2 } as const;
export const MAX_ARENAS = 256;

/** Table entries: pc, and what it is | record / 16. What it is: the block's flags kind + 1 (-1 = any), or a mark. */
export const ENTRY = 8;
export const WHAT_SHIFT = 22;
export const RECORD_MASK: number = (1 << WHAT_SHIFT) - 1;
/** Above all flags kinds. */
export const Mark = {
  /** A call goes there. */
  FUNCTION: 512,
  /** A call returns there. */
  RETURN_SITE: 513,
  /** A region begins there, compiled or at hand: CodeCache wants to know of blocks. */
  REGION: 514,
  /** Of a record: a copy of the block there that never enters a region and is never counted. */
  SLOW: 515,
} as const;
/** Multiplicative hashing (Knuth, TAOCP 6.4). */
export const HASH = 0x9e37_79b1;

/**
 * What entries of the table to gather, words at CODE_ENTRIES: how many blocks were found up to now; the arena; what headers
 * of the blocks are to count down from (0: as they are); how many chunks the arena has, then wasm offsets of the beginning
 * and the end of each. Those of pcs in the arena's pages are wanted which are marks, but of regions, or have their records
 * in its chunks.
 */
export const Gather = { BLOCKS: 0, ARENA: 1, HOT_AFTER: 2, CHUNKS: 3, SIZE: 4 } as const;

/** The first table, which has its place for ever. */
export const FIRST_TABLE: number = BYTECODE;
export const FIRST_ENTRIES = 2048;
/** Where chunks of records may lie. */
export const CHUNKS: number = FIRST_TABLE + FIRST_ENTRIES * ENTRY;
export const CHUNKS_END: number = BYTECODE + BYTECODE_SIZE;

/**
 * The header before a block's first record, byte offsets from that: executions until it is hot, pc, flags kind (a byte) |
 * READS_FLAGS | ASKS_FLAGS | bytes of guest code << LENGTH_SHIFT, table slot once it enters a region. A stub's: NEVER, pc and
 * flags kind of its target, the record to link.
 */
export const HEADER = 16;
export const Header = { COUNT: -16, PC: -12, KIND: -8, SLOT: -4 } as const;
export const READS_FLAGS = 0x100;
/** It does more with them than to keep some. */
export const ASKS_FLAGS = 0x200;
export const LENGTH_SHIFT = 16;
/** No block has more bytes: 64 instructions, or an IT block's rest more; of x86's, which have 15 bytes at most. */
export const MOST_BYTES = 288;
export const MOST_BYTES_X86 = 1024;
export const NEVER = 0x7fff_ffff;
/** Instead of a flags kind: a block that is not known to the table and never gets hot. */
export const SINGLE = -2;
/** Of a stub, header and record. */
export const STUB = 32;
