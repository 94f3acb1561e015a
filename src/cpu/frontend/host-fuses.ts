let fused: boolean | null = null;

/** Whether f64x2.relaxed_madd rounds once on this host: (1 + 2^-52) × (1 − 2^-52) − 1 is −2^-104 only then. */
export function hostFuses(): boolean {
  fused ??= probe();
  return fused;
}

function probe(): boolean {
  const f64 = (x: number): number[] => [...new Uint8Array(new Float64Array([x]).buffer)];
  const splat = (x: number): number[] => [0x44, ...f64(x), 0xfd, 0x14];
  const body = [
    0, ...splat(1 + 2 ** -52), ...splat(1 - 2 ** -52), ...splat(-1),
    0xfd, 0x87, 0x02, // f64x2.relaxed_madd
    0xfd, 0x21, 0, // f64x2.extract_lane 0
    0x0b,
  ]; // biome-ignore format: wasm bytes
  const section = (id: number, ...bytes: number[]): number[] => [id, bytes.length, ...bytes];
  const module = new Uint8Array([
    0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, 1, 0x60, 0, 1, 0x7c),
    ...section(3, 1, 0),
    ...section(7, 1, 1, 0x66, 0, 0),
    ...section(10, 1, body.length, ...body),
  ]); // biome-ignore format: wasm bytes
  if (!WebAssembly.validate(module)) return false;
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(module)).exports as { f: () => number };
  return f() === -(2 ** -104);
}
