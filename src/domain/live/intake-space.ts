import { hostMemory } from '../../qemu/host-facts.ts'
import type { IntakeSpace } from '../../transfer/live/intake.ts'
import { freeSpace, mostSpace } from '../save/save-space.ts'

const MIB = 2 ** 20

/** The most memory of ours for what QEMU sends faster than it is written. */
const MOST_IN_MEMORY = 512 * MIB

/** The least: QEMU's own buffer and a few pages. */
const LEAST_IN_MEMORY = 16 * MIB

/** Headers of records, and the state of devices. */
const EXTRA = 64 * MIB

/**
 * The space for a stream of a running guest: memory, at most a quarter of what is available, then a temporary file beside the image, as long as all
 * memory in use. `directory`: where that file is; no file for an image that goes into a pipe or a device.
 */
export async function intakeSpace(
  guest: { readonly pid: number; readonly memoryBytes: number },
  directory: string | undefined,
): Promise<IntakeSpace> {
  const needed = (await mostSpace(guest.pid, guest.memoryBytes)) * 1.01 + EXTRA
  const { availableBytes } = await hostMemory()
  const fitting = Math.min(needed, MOST_IN_MEMORY, availableBytes / 4)
  const memoryBytes = wholeMib(Math.max(fitting, LEAST_IN_MEMORY))
  const free = directory === undefined ? 0 : ((await freeSpace(directory)) ?? 0)
  // The image itself needs the other half.
  const spoolBytes = wholeMib(Math.min(Math.max(0, needed - memoryBytes), free / 2))
  if (directory === undefined || spoolBytes === 0) return { memoryBytes }
  return { memoryBytes, spool: { directory, bytes: spoolBytes } }
}

function wholeMib(bytes: number): number {
  return Math.floor(bytes / MIB) * MIB
}
