/** e_machine values (elf(5), <linux/elf-em.h>) that a message may have to name. */
export const MACHINES: Readonly<Record<number, string>> = {
  2: 'SPARC',
  3: 'Intel 80386',
  4: 'Motorola 68000',
  8: 'MIPS',
  15: 'PA-RISC',
  20: 'PowerPC',
  21: 'PowerPC64',
  22: 'S/390',
  40: 'ARM',
  42: 'SuperH',
  43: 'SPARC v9',
  50: 'IA-64',
  62: 'x86-64',
  94: 'Xtensa',
  183: 'AArch64',
  189: 'MicroBlaze',
  243: 'RISC-V',
  258: 'LoongArch',
};

export const EM_386 = 3;
export const EM_ARM = 40;
export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;
