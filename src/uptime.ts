/** Milliseconds since the host process started; performance.now costs a start as much as half the kernel. */
export const uptimeMs = (): number => process.uptime() * 1000;
