import { Buffer } from 'node:buffer'
import { SECTION } from './stream-constants.ts'

/** A device as the stream describes it: the name and version of its state. */
export interface DescribedDevice {
  readonly name: string
  readonly instance: number
  /** Version of its state's layout (`vmstate` version). */
  readonly version: number
}

/**
 * The devices named in a stream's own description. That description follows the end mark as JSON (QEMU migration/savevm.c,
 * `qemu_savevm_state_complete_precopy_non_iterable`; since 2.2). Returns an empty list when the stream has none, or one that this cannot read.
 */
export function describedDevices(tail: Uint8Array): readonly DescribedDevice[] {
  const bytes = Buffer.from(tail.buffer, tail.byteOffset, tail.length)
  if (bytes.length < 6 || bytes[1] !== SECTION.DESCRIPTION) return []
  try {
    const text = bytes.toString('utf8', 6, 6 + bytes.readUInt32BE(2))
    const description = JSON.parse(text) as { devices?: unknown }
    return Array.isArray(description.devices) ? description.devices.flatMap(readDevice) : []
  } catch {
    return []
  }
}

function readDevice(device: unknown): readonly DescribedDevice[] {
  const { name, instance_id: instance, version } = device as Record<string, unknown>
  if (typeof name !== 'string') return []
  return [{ name, instance: asNumber(instance), version: asNumber(version) }]
}

function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
