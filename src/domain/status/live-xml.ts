import { CancelledError, StasisError } from '../../errors.ts'
import { formatDomainXml } from '../../qemu/domain-xml/format.ts'
import { nameDevices } from '../../qemu/domain-xml/live/aliases.ts'
import {
  type CharacterSide,
  showCharacterSides,
  showListenAddresses,
  showTapDevices,
} from '../../qemu/domain-xml/live/host-sides.ts'
import { parseDomainXml } from '../../qemu/domain-xml/parse.ts'
import { tapDevicesOf } from '../../qemu/process/tap-devices.ts'
import { openQuery } from '../machine/monitor.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import type { RuntimeRecord } from '../store/runtime-record.ts'

/**
 * The XML that a domain runs from, with the parts that exist only while it runs. A QEMU that Stasis did not start has its own names for its devices, which are left out. If QEMU does
 * not answer, terminals and sockets are missing, and the rest is shown.
 */
export async function liveXml(
  xml: string,
  running: {
    readonly record: RuntimeRecord
    readonly paths: RuntimePaths
    readonly signal?: AbortSignal | undefined
  },
): Promise<string> {
  const { record, paths, signal } = running
  const document = parseDomainXml(xml)
  const { root } = document
  root.setAttribute('id', String(record.pid))
  if (record.attached === undefined) nameDevices(root)
  showListenAddresses(root)
  showTapDevices(root, await tapDevicesOf(record.pid))
  showCharacterSides(root, await characterSides(paths, signal))
  return formatDomainXml(document)
}

async function characterSides(
  paths: RuntimePaths,
  signal: AbortSignal | undefined,
): Promise<readonly CharacterSide[]> {
  try {
    await using monitor = await openQuery(paths, signal)
    return await monitor.execute('query-chardev', {}, { signal })
  } catch (error) {
    if (error instanceof StasisError && !(error instanceof CancelledError)) return []
    throw error
  }
}
