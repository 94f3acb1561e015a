import { EINVAL, ENXIO } from '../errno.ts';
import { SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET } from './types.ts';

/** What lseek(2) needs to know of an open file. */
export interface Seekable {
  position: number;
  size(): number;
}

/** lseek(2) of a regular file without known holes, which is all data with one hole at its end, as the manual page allows. */
export function seekBytes(file: Seekable, offset: number, whence: number): number {
  let base = 0;
  if (whence === SEEK_CUR) base = file.position;
  else if (whence === SEEK_END) base = file.size();
  else if (whence === SEEK_DATA || whence === SEEK_HOLE) {
    const size = file.size();
    if (offset < 0 || offset >= size) return -ENXIO;
    file.position = whence === SEEK_DATA ? offset : size;
    return file.position;
  } else if (whence !== SEEK_SET) return -EINVAL;
  const target = base + offset;
  if (target < 0) return -EINVAL;
  file.position = target;
  return target;
}
