import { QemuError } from '../../../errors.ts'
import type { CpuFeature } from '../../domain-xml/model/board/cpu.ts'
import { type CommandLineOptions, versionText } from '../options.ts'

/**
 * libvirt's feature names for which QEMU has another one (libvirt 11.3 src/qemu/qemu_capabilities.c). The second is a misspelling that QEMU has had
 * since 4.2 (target/i386/cpu.c, `FEAT_VMX_EPT_VPID_CAPS`). All others differ only in `_`, for which QEMU has `-`.
 */
const QEMU_NAMES: Readonly<Record<string, string>> = {
  pclmuldq: 'pclmulqdq',
  'vmx-invvpid-single-context-noglobals': 'vmx-invept-single-context-noglobals',
}

/**
 * Features that no QEMU has, or has any longer. libvirt finds them in the host's processor, so they are in the cookies of real images, and libvirt leaves
 * them out of the command line (libvirt 11.3 src/qemu/qemu_capabilities.c; `pconfig` and `cvt16` are not in QEMU 7.2 to 11.1 either).
 */
const WITHOUT_QEMU_NAME: ReadonlySet<string> = new Set([
  'cmt',
  'mbm_total',
  'mbm_local',
  'osxsave',
  'ospke',
  'vmx-ept-uc',
  'vmx-ept-wb',
  'vmx-invvpid-single-context',
  'pconfig',
  'cvt16',
])

/** QEMU's name for a feature of a processor; `undefined` when no QEMU has it. */
export function qemuFeatureName(name: string): string | undefined {
  return WITHOUT_QEMU_NAME.has(name) ? undefined : (QEMU_NAMES[name] ?? name.replaceAll('_', '-'))
}

/**
 * The features as parts of `-cpu`. A feature that this QEMU does not have is off anyway, so switching it off is left out, as libvirt does.
 *
 * @throws QemuError QEMU_LACKS_FEATURE when the guest needs a feature that this QEMU does not have
 */
export function featureParts(
  features: readonly CpuFeature[],
  { cpuProperties, qemuVersion }: CommandLineOptions,
): readonly string[] {
  const lacking: string[] = []
  const parts = features.flatMap(({ name, policy }) => {
    const qemuName = qemuFeatureName(name)
    if (policy === 'optional' || qemuName === undefined) return []
    const on = policy === 'force' || policy === 'require'
    if (cpuProperties === undefined || cpuProperties.has(qemuName))
      return [`${qemuName}=${on ? 'on' : 'off'}`]
    if (on) lacking.push(qemuName)
    return []
  })
  if (lacking.length === 0) return parts
  throw new QemuError(
    'QEMU_LACKS_FEATURE',
    `QEMU ${versionText(qemuVersion)} does not have these features of the guest's processor: ${lacking.join(', ')}`,
    { hint: 'Use the QEMU version that the guest ran with, or a newer one' },
  )
}
