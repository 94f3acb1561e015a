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
  ASKS_FLAGS: 8,
  /** The pc of the page that a look for flags ended at, as it cannot be read; 0: it ended for another reason. */
  NO_PAGE: 9,
} as const;
/** What the decoder of instructions that are bytes has found, as words: see Read. */
export const READ = 0x140;
export const Read = {
  /** First word of the key. */
  KEY: 0,
  FORM: 1,
  /** Registers, as they are in keys: ModRM.reg; ModRM.rm, base or that of the opcode; index; of VEX. */
  REG: 2,
  BASE: 3,
  INDEX: 4,
  VVVV: 5,
  /** REX or VEX has been there. */
  REX: 6,
  /** ModRM.rm is a memory operand. */
  MEMORY: 7,
  NEXT: 8,
  /** Where the opcode, the ModRM byte, the displacement and the immediate are; 0 if there is none. */
  OPCODE_AT: 9,
  MODRM_AT: 10,
  DISP_AT: 11,
  IMM_AT: 12,
} as const;
/** What comes of a look for flags that are read before they are set; ASK: it was too long a way, or not in memory. */
export const Look = { NO: 0, READS: 1, ASK: 2 } as const;
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
export const INTERNALS_END = 0xc000;
/** Which operations of records are fused with those of the records behind them: see pairTable. */
export const PAIRS = 0xc000;
/** A byte for each 2^CHUNK_SHIFT words of the file: 1 = templates that begin there are in memory. */
export const PRESENT = 0xf000;
export const CHUNK_SHIFT = 10;
