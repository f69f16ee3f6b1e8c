import { QemuError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import { type Secret, secretKey } from '../../domain-xml/model/secret.ts'
import type { SevPlatform } from '../../probe/probed-qemu.ts'
import { object } from '../arguments.ts'
import type { CommandLineOptions } from '../options.ts'

const ID = 'lsec0'

/** The property of the machine for a guest whose memory is encrypted. */
export function launchSecurityOf({ launchSecurity }: Domain): string | undefined {
  return launchSecurity === undefined ? undefined : ID
}

/** The object that encrypts the guest's memory. The owner's certificate and session are in files that QEMU inherits. */
export function launchSecurityArguments(
  { launchSecurity }: Domain,
  { sev, secretFiles }: CommandLineOptions,
): readonly string[] {
  if (launchSecurity === undefined) return []
  const { type, snp } = launchSecurity
  const file = (secret: Secret | undefined): string | undefined =>
    secret === undefined ? undefined : (secretFiles?.get(secretKey(secret)) ?? '/dev/null')
  return object({
    'qom-type': `${type}-guest`,
    id: ID,
    cbitpos: launchSecurity.cbitPosition ?? sev?.cbitPosition,
    'reduced-phys-bits': launchSecurity.reducedPhysBits ?? sev?.reducedPhysBits,
    policy: launchSecurity.policy,
    'dh-cert-file': file(launchSecurity.dhCert),
    'session-file': file(launchSecurity.session),
    'kernel-hashes': launchSecurity.kernelHashes,
    'guest-visible-workarounds': snp.guestVisibleWorkarounds,
    'id-block': snp.idBlock,
    'id-auth': snp.idAuth,
    'host-data': snp.hostData,
    'author-key-enabled': snp.authorKey,
    'vcek-disabled': snp.vcek === undefined ? undefined : !snp.vcek,
  })
}

/** The texts that QEMU reads from files. */
export function launchSecretsOf({
  launchSecurity,
}: Pick<Domain, 'launchSecurity'>): readonly Secret[] {
  return [launchSecurity?.dhCert, launchSecurity?.session].filter((one) => one !== undefined)
}

/**
 * Checks that the place of the encryption bit is known, from the XML or from the host: QEMU takes no other than the host's.
 * @throws QemuError `QEMU_LACKS_FEATURE`
 */
export function requireSevPlatform(
  { launchSecurity }: Domain,
  platform: SevPlatform | undefined,
): void {
  if (launchSecurity === undefined || platform !== undefined) return
  const { cbitPosition, reducedPhysBits } = launchSecurity
  if (cbitPosition !== undefined && reducedPhysBits !== undefined) return
  throw new QemuError(
    'QEMU_LACKS_FEATURE',
    'The guest wants memory that AMD SEV encrypts, and this QEMU on this host does not offer that',
    {
      operation: 'start',
      hint: 'SEV needs a processor that has it, KVM, and access to /dev/sev. Start the guest on such a host',
    },
  )
}
