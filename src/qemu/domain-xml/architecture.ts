/** The architectures of guests that are supported, as in `<os><type arch=…>`. */
export const ARCHITECTURES = ['x86_64', 'i686', 'aarch64'] as const

export type Architecture = (typeof ARCHITECTURES)[number]

/** Whether guests of that architecture are supported. */
export function isSupported(name: string): name is Architecture {
  return ARCHITECTURES.some((one) => one === name)
}

/** QEMU's own choice of a processor (hw/i386/pc.c and hw/arm/virt.c, 7.2 to 10.0), which is libvirt's. ARM's has 32 bits. */
export const USUAL_PROCESSORS: Readonly<Record<Architecture, string>> = {
  x86_64: 'qemu64',
  i686: 'qemu64',
  aarch64: 'cortex-a15',
}
