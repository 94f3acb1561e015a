/** FNV-1a over 32-bit words from index `from` on, in two lanes: tells a file that is damaged, not one that is forged. */
export const checksum = (words: Uint32Array, from: number): number => {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (let i = from; i + 1 < words.length; i += 2) {
    a = Math.imul(a ^ (words[i] as number), 0x01000193);
    b = Math.imul(b ^ (words[i + 1] as number), 0x01000193);
  }
  if ((words.length - from) % 2 === 1) a = Math.imul(a ^ (words.at(-1) as number), 0x01000193);
  return (a ^ ((b << 15) | (b >>> 17))) >>> 0;
};
