import type { MigrationFeatures } from '../../../migration/features.ts'
import type { QmpConnection } from '../../../qmp/connection.ts'
import type { MachineWriter } from '../../../transfer/convert/machine-writer.ts'
import type { IntakeFigures, IntakeSpace } from '../../../transfer/live/intake.ts'
import type { ReceivedMachine } from '../../../transfer/live/live-receiver.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import type { OnProgress, SaveProgress } from '../../progress/progress.ts'
import type { SaveSettings } from '../../save/save-options.ts'
import type { RuntimeRecord } from '../../store/runtime-record.ts'
import type { LiveGuest } from './live-guest.ts'
import type { LiveWayName } from '../live-way-name.ts'
import type { SnapshotGuard } from '../snapshot/snapshot-guard.ts'

/**
 * Why a way cannot be used:
 * - `QEMU_LACKS_IT`: this QEMU does not have it.
 * - `QEMU_REFUSES_IT`: QEMU refuses it for this guest, in its own words.
 * - `CANNOT_BE_CANCELLED`: this QEMU freezes the guest for ever if the save is cancelled or fails, and we may not free it from outside.
 * - `NO_PRIVILEGE`: the host does not permit QEMU's user to do it.
 * - `MEMORY_IN_FILE`: the memory of the guest is a file on a disk.
 * - `NOT_MAPPED`: the guest was not restored by map.
 * - `TOO_MUCH_CHANGED`: the guest has changed more of its memory than may be copied while it is stopped.
 * - `IMAGE_IN_USE`: another process is changing the file that has the memory of the guest.
 * - `VHOST_USER`, `SHARED_MEMORY`, `HOST_DEVICE`: another process, or a device of the host, writes to the memory of the guest.
 * - `TOO_LITTLE_MEMORY`: the host has too little free memory for it.
 * - `LOSES_WRITES`: this QEMU, without KVM, may not send pages that the guest wrote meanwhile.
 * - `MULTIFD_ASKED`: parallel channels were asked for.
 */
export type LiveObstacleCode =
  | 'QEMU_LACKS_IT'
  | 'QEMU_REFUSES_IT'
  | 'CANNOT_BE_CANCELLED'
  | 'NO_PRIVILEGE'
  | 'MEMORY_IN_FILE'
  | 'NOT_MAPPED'
  | 'TOO_MUCH_CHANGED'
  | 'IMAGE_IN_USE'
  | 'VHOST_USER'
  | 'SHARED_MEMORY'
  | 'HOST_DEVICE'
  | 'TOO_LITTLE_MEMORY'
  | 'LOSES_WRITES'
  | 'MULTIFD_ASKED'

/** Why a way cannot be used; `reason` is for people and completes a sentence. */
export interface LiveObstacle {
  readonly way: LiveWayName
  readonly code: LiveObstacleCode
  readonly reason: string
}

/** The chosen way, and why none of those before it was chosen. */
export interface LiveChoice {
  readonly way: LiveWayName
  /** Completes a sentence: why this way. */
  readonly reason: string
  readonly obstacles: readonly LiveObstacle[]
}

/**
 * Work while the guest is stopped, at the instant of the image. The guest waits for it. `stopped`: `stop` has been sent to QEMU, and the guest is stopped once this
 * settles. QEMU executes commands in order, so those to its monitor need not wait for that.
 */
export type AtStop = (stopped?: Promise<unknown>) => Promise<void>

/** A guest of which a way takes the memory of one moment. */
export interface LiveCapture {
  readonly held: HeldDomain
  readonly record: RuntimeRecord
  /** The size of the guest's memory in its domain XML. */
  readonly memoryBytes: number
  readonly control: QmpConnection
  readonly features: MigrationFeatures
  readonly settings: SaveSettings
  /** Whether the processors of the guest run. */
  readonly running: boolean
  /** The image, for messages. */
  readonly path: string
  /** Where the machine goes. The way begins it and adds its pages; the caller publishes and disposes it. */
  readonly writer: MachineWriter
  /** Space for what QEMU sends faster than it can be written. */
  readonly space: IntakeSpace
  /** Whatever becomes of this process, the guest continues. */
  readonly guard: SnapshotGuard
  /** After this time `precopy` stops the guest, in milliseconds. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly report: OnProgress<SaveProgress>
  readonly atStop?: AtStop | undefined
  /** Runs just before the stop; for `precopy`, before anything is sent. */
  readonly beforeStop?: (() => Promise<void>) | undefined
  /** Runs when the guest continues. It never rejects. */
  readonly onContinue?: (() => Promise<void>) | undefined
}

/** The memory of one moment, in the writer. The guest continues. */
export interface Captured {
  readonly way: LiveWayName
  readonly machine: ReceivedMachine
  /** From QEMU's event STOP to its event RESUME; 0 if the guest was not running. */
  readonly pauseMs: number
  /** The moment of the image, by QEMU's clock, in milliseconds since 1970; `undefined` if the guest was not running. */
  readonly stopAtMs: number | undefined
  /** From the beginning until the last byte was received. */
  readonly transferMs: number
  readonly intake?: IntakeFigures | undefined
  /** What was not as good as it can be, one sentence each. */
  readonly warnings?: readonly string[] | undefined
  readonly precopy?: PrecopyFigures | undefined
}

/** What `precopy` cost. */
export interface PrecopyFigures {
  /** The guest wrote faster than QEMU sent, so it was stopped at the time limit. */
  readonly isForced: boolean
  /** What was left to send when it was stopped at the time limit, by QEMU's estimate. */
  readonly restBytes: number | undefined
  /** How often QEMU collected the pages that the guest had written. */
  readonly rounds: number
  /** All pages with content that QEMU sent. What exceeds the memory in use came several times; the image has each page once. */
  readonly sentBytes: number
}

/** A way to take the memory of one moment. */
export interface LiveWay {
  /** Completes a sentence: why it is chosen. */
  readonly why: string
  /** Why it cannot be used for this guest; empty if it can. Nothing stays changed. */
  readonly obstacles: (guest: LiveGuest) => Promise<readonly LiveObstacle[]>
  readonly capture: (capture: LiveCapture) => Promise<Captured>
}
