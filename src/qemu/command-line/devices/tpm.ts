import { DomainXmlError } from '../../../errors.ts'
import type { Domain } from '../../domain-xml/model/domain.ts'
import type { EmulatedTpm } from '../../domain-xml/model/devices/tpm.ts'
import { device, keyValues } from '../arguments.ts'
import type { CommandLineOptions } from '../options.ts'
import type { Wiring } from '../buses/wiring.ts'

/** The name of the connection to its emulator. */
export const TPM_CHARDEV = 'chrtpm'

/** The emulated TPM of a domain, for which an emulator must run before QEMU starts; `undefined` when it has none. */
export function emulatedTpm({ tpms }: Domain): EmulatedTpm | undefined {
  const [tpm] = tpms
  return tpm?.backend.type === 'emulator' ? tpm.backend : undefined
}

/** The TPM: QEMU's end of the connection to its emulator, then the device. */
export function tpmArguments(wiring: Wiring, { tpmFd }: CommandLineOptions): readonly string[] {
  const [tpm, second] = wiring.domain.tpms
  if (tpm === undefined) return []
  if (second !== undefined)
    throw new DomainXmlError('XML_INVALID', `${second.place}: a machine has only one TPM`)
  const id = wiring.idOf(tpm, 'tpm0')
  const tpmdev = `tpm-${id}`
  const { backend } = tpm
  // ARM's has no ISA bus.
  const driver = wiring.chipset === 'virt' ? `${tpm.model}-device` : tpm.model
  if (backend.type === 'passthrough')
    return [
      ...['-tpmdev', `passthrough,${keyValues({ id: tpmdev, path: backend.path })}`],
      ...device({ driver, tpmdev, id }),
    ]
  const socket =
    backend.type === 'external' ? { path: backend.path } : { fd: tpmFd ?? UNCONNECTED_FD }
  return [
    ...['-chardev', `socket,${keyValues({ id: TPM_CHARDEV, ...socket })}`],
    ...['-tpmdev', `emulator,${keyValues({ id: tpmdev, chardev: TPM_CHARDEV })}`],
    ...device({ driver, tpmdev, id }),
  ]
}

/** For a command line that nobody runs. */
const UNCONNECTED_FD = -1
