/** Milliseconds since the host process started; performance.now costs a start as much as half the kernel. */
export const uptimeMs = (): number => process.uptime() * 1000;

/** Milliseconds of processor time that the host process has used, in user and system mode, with all its threads. */
export const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
