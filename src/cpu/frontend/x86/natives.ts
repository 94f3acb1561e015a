import type { Native } from '../../ir/native.ts';
import { eflagsOf } from './natives/flags.ts';
import { moveNatives } from './natives/moves.ts';
import { stringNatives } from './natives/strings.ts';
import { x87Natives } from './natives/x87.ts';

/** This guest's natives: see NativeBuilder. The number of one is its place. */
export const natives: readonly Native[] = [...x87Natives, ...stringNatives, ...moveNatives, eflagsOf];

/** In place of a helper's number: the native does all. */
export const NO_HELPER = 0xffff;

const numbers = new Map(natives.map((native, number) => [native, number]));

export const nativeNumber = (native: Native): number => {
  const number = numbers.get(native);
  if (number === undefined) throw new Error('a native that is not in the table');
  return number;
};
