/** The part of elfy that the loader uses; the package brings no types. */
declare module 'elfy' {
  /** What elfy reads from the ELF header; enumerations it does not know come back undefined. */
  export interface Header {
    readonly class: '32' | '64';
    readonly endian: 'lsb' | 'msb';
    readonly type: string | undefined;
    readonly machine: string | undefined;
    readonly flags: number;
    readonly phentsize: number;
    readonly phnum: number;
  }
  /** One program header; 64-bit fields lose precision above 2^53. */
  export interface Program {
    readonly type: string | undefined;
    readonly flags: Readonly<Record<string, boolean>>;
  }
  export interface Parser {
    parseHeader(buffer: Buffer): Header;
    parsePrograms(buffer: Buffer, header: Header & { phoff: number }): Program[];
  }
  const elfy: { Parser: new () => Parser };
  export default elfy;
}
