import { StasisError } from '../../errors.ts'
import { attribute, child } from '../../qemu/domain-xml/access.ts'
import { aliasOf } from '../../qemu/domain-xml/live/aliases.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { RunState } from '../../qmp/replies.ts'
import { readLiveXml } from '../catalogue/domain-xml.ts'
import { AGENT_CHANNEL } from '../machine/agent.ts'
import { openQuery } from '../machine/monitor.ts'
import type { RuntimePaths } from '../store/runtime-paths.ts'
import { namedDevices } from './devices.ts'

/** The observed state of the machine of a running domain. Two of them show the changes. */
export interface MachineLook {
  readonly runState: RunState
  /** The guest's memory without what its balloon holds; `undefined`: it has no balloon. */
  readonly memoryBytes: number | undefined
  /** By the alias of the disk. */
  readonly drives: ReadonlyMap<string, DriveLook>
  /** Whether an agent in the guest holds its channel open; `undefined`: there is no channel. */
  readonly agentConnected: boolean | undefined
}

/** The observed state of a drive. */
export interface DriveLook {
  /** `undefined`: it has no tray. */
  readonly trayOpen: boolean | undefined
  /** The last request to its file failed, so QEMU has stopped the guest. */
  readonly failed: boolean
  readonly path: string | undefined
}

/** Looks at the machine of a running domain. @throws QemuError, DomainError DOMAIN_BUSY, StorageError */
export async function lookAtMachine(
  paths: RuntimePaths,
  signal: AbortSignal | undefined,
): Promise<MachineLook> {
  const agentPort = agentPortIn(await readLiveXml(paths))
  await using monitor = await openQuery(paths, signal)
  const { status } = await monitor.execute('query-status', {}, { signal })
  return {
    runState: status,
    memoryBytes: await balloonOf(monitor, signal),
    drives: await drivesOf(monitor, signal),
    agentConnected: agentPort === undefined ? undefined : await isOpen(monitor, agentPort, signal),
  }
}

/** The name of the agent's character device in QEMU. */
function agentPortIn(xml: string): string | undefined {
  const channel = namedDevices(xml, 'channel').find(
    (one) => attribute(child(one, 'target'), 'name') === AGENT_CHANNEL,
  )
  const alias = channel && aliasOf(channel)
  return alias === undefined ? undefined : `char${alias}`
}

async function isOpen(
  monitor: QmpConnection,
  port: string,
  signal: AbortSignal | undefined,
): Promise<boolean | undefined> {
  const devices = await monitor.execute('query-chardev', {}, { signal })
  return devices.find(({ label }) => label === port)?.['frontend-open']
}

async function balloonOf(
  monitor: QmpConnection,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  try {
    return (await monitor.execute('query-balloon', {}, { signal })).actual
  } catch (error) {
    if (StasisError.is(error, 'QEMU_REFUSED')) return undefined
    throw error
  }
}

async function drivesOf(
  monitor: QmpConnection,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, DriveLook>> {
  const devices = await monitor.execute('query-block', {}, { signal })
  const drives = devices.flatMap((device) => {
    // An id, or the place of a device without one in the tree of objects.
    const alias = /^\/machine\/peripheral\/([^/]+)/.exec(device.qdev ?? '')?.[1] ?? device.qdev
    if (alias === undefined) return []
    const { tray_open: trayOpen, 'io-status': status } = device
    const failed = status !== undefined && status !== 'ok'
    return [[alias, { trayOpen, failed, path: device.inserted?.file }] as const]
  })
  return new Map(drives)
}
