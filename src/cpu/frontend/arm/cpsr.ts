import { State } from '../../memory/layout.ts';
import { compareBits, readNzcv, writeNzcv } from './flags.ts';
import { BIG_ENDIAN, Sys } from './registers.ts';

const MODE_USER = 0x10;
const T = 0x20;
const E = 0x200;

/** CPSR (Arm ARM G8.2.33) as the kernel sees it; T is bit 0 of the pc. */
export const readCpsr = (view: DataView, state: number): number => {
  const word = (offset: number): number => view.getUint32(state + offset, true);
  const mask = word(Sys.GE);
  const ge = (mask & 1) | ((mask >>> 7) & 2) | ((mask >>> 14) & 4) | ((mask >>> 21) & 8);
  const it = word(Sys.IT);
  const bits = (readNzcv(view, state) << 28) | (word(Sys.Q) << 27) | ((it & 3) << 25) | (ge << 16) | ((it & 0xfc) << 8);
  const e = it & BIG_ENDIAN ? E : 0;
  return (bits | e | MODE_USER | (word(State.PC) & 1 ? T : 0)) >>> 0;
};

/** Everything but T: NZCV, Q, GE, E and ITSTATE. */
export const writeCpsr = (view: DataView, state: number, cpsr: number): void => {
  writeNzcv(view, state, cpsr >>> 28);
  view.setUint32(state + Sys.Q, (cpsr >>> 27) & 1, true);
  let mask = 0;
  for (let n = 0; n < 4; n++) if ((cpsr >>> (16 + n)) & 1) mask |= 0xff << (8 * n);
  view.setUint32(state + Sys.GE, mask >>> 0, true);
  const it = cpsr & T ? ((cpsr >>> 25) & 3) | ((cpsr >>> 8) & 0xfc) : 0;
  view.setUint32(state + Sys.IT, it | (cpsr & E ? BIG_ENDIAN : 0), true);
};

/** Everything of FPSCR that is no condition flag and exists: AHP, DN, FZ, RMode, FZ16; QC, IDC, IXC … IOC. */
export const FPSCR_MODES = 0x07c8_0000;
export const FPSCR_STICKY = 0x0800_009f;

/** FPSCR (Arm ARM G8.2.56). */
export const readFpscr = (view: DataView, state: number): number => {
  const word = (offset: number): number => view.getUint32(state + offset, true);
  const float = (offset: number): number => view.getFloat64(state + offset, true);
  const nzcv = word(Sys.FP_KIND) === 0 ? word(Sys.FP_BITS) : compareBits(float(Sys.FP_A), float(Sys.FP_B));
  return ((nzcv << 28) | word(Sys.FPCR) | word(Sys.FPSR)) >>> 0;
};

export const writeFpscr = (view: DataView, state: number, value: number): void => {
  const put = (offset: number, v: number): void => view.setUint32(state + offset, v >>> 0, true);
  put(Sys.FPCR, value & FPSCR_MODES);
  put(Sys.FPSR, value & FPSCR_STICKY);
  put(Sys.FP_KIND, 0);
  put(Sys.FP_BITS, value >>> 28);
};
