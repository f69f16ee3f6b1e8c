import { ImageError } from '../../errors.ts'
import type { ProcessorWords } from '../cookie/processor-cookie.ts'

/** The features that a processor had and another one lacks, by name where it is known. */
export function missingFeatures(had: ProcessorWords, has: ProcessorWords): readonly string[] {
  return [...had].flatMap(([place, bits]) => {
    const missing = (bits & ~(has.get(place) ?? 0)) >>> 0
    return Array.from({ length: 32 }, (_, bit) => bit)
      .filter((bit) => (missing >>> bit) % 2 === 1)
      .map((bit) => NAMES[place]?.[bit] || `bit ${bit} of CPUID ${place}`)
  })
}

/** The error for a guest whose processor has features that this host, or its QEMU, lacks. */
export function lacksFeatures(path: string, missing: readonly string[]): ImageError {
  return new ImageError(
    'IMAGE_INCOMPATIBLE',
    `The guest in ${path} has found features in its processor that this host lacks: ${missing.join(', ')}`,
    {
      path,
      hint: 'It fails at the first instruction that is missing. Restore it on a host with a processor and a QEMU that are at least as new, or under KVM if it ran under KVM; --force restores it all the same',
    },
  )
}

/** The bits of the most usual words, from 0, by QEMU's names (target/i386/cpu.c); empty: reserved, or without a name there. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  '1:EDX': words(
    'fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - ds acpi mmx fxsr sse sse2 ss ht tm ia64 pbe',
  ),
  '1:ECX': words(
    'pni pclmulqdq dtes64 monitor ds-cpl vmx smx est tm2 ssse3 cid - fma cx16 xtpr pdcm - pcid dca sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave - avx f16c rdrand hypervisor',
  ),
  '7.0:EBX': words(
    'fsgsbase tsc-adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm - - mpx - avx512f avx512dq rdseed adx smap avx512ifma pcommit clflushopt clwb intel-pt avx512pf avx512er avx512cd sha-ni avx512bw avx512vl',
  ),
  '80000001:ECX': words(
    'lahf-lm cmp-legacy svm extapic cr8legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 tce - nodeid-msr - tbm topoext perfctr-core perfctr-nb',
  ),
}

function words(text: string): readonly string[] {
  return text.split(' ').map((name) => (name === '-' ? '' : name))
}
