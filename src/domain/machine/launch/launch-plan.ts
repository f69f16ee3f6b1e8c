import type { Cpu } from '../../../qemu/domain-xml/model/board/cpu.ts'
import type { Domain } from '../../../qemu/domain-xml/model/domain.ts'
import type { SystemUser } from '../../../qemu/process/system-user.ts'
import type { Emulator } from '../emulator.ts'
import type { LaunchNeeds } from './launch-needs.ts'

/** The machine to launch. */
export interface LaunchPlan {
  readonly domain: Domain
  /** The XML that it is launched from, for `live.xml`. */
  readonly xml: string
  readonly emulator: Emulator
  /** Its needs for receiving a saved machine; `undefined`: it starts from its reset state. */
  readonly incoming?: LaunchNeeds | undefined
  readonly cpuOverride?: Cpu | undefined
  /** See `RestorePlan`. */
  readonly spareUserNetworks?: number | undefined
  /** Arguments that replace those for the domain, and their original working directory. */
  readonly recorded?: { readonly argv: readonly string[]; readonly cwd: string } | undefined
  /** The user that QEMU changes to once its machine is complete; `undefined`: it keeps ours. Not for recorded arguments. */
  readonly user?: SystemUser | undefined
  readonly signal?: AbortSignal | undefined
  /** Whether an existing UEFI variable store is made anew from its template. */
  readonly resetNvram?: boolean | undefined
  /** Called with faults that do not prevent the start. */
  readonly onWarning?: ((text: string) => void) | undefined
}
