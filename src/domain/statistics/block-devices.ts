import type { QmpConnection } from '../../qmp/connection.ts'
import type { NamedDisk } from './named-devices.ts'

/** QEMU qapi/block-core.json, `BlockDeviceStats`: counted since QEMU started. */
export interface BlockCounters {
  readonly rd_operations: number
  readonly rd_bytes: number
  readonly rd_total_time_ns: number
  readonly wr_operations: number
  readonly wr_bytes: number
  readonly wr_total_time_ns: number
  readonly flush_operations: number
  readonly flush_total_time_ns: number
  readonly wr_highest_offset: number
}

/** QEMU's report about the medium in a drive. */
export interface Medium {
  readonly capacityBytes: number
  /** Space that it takes on the host; `undefined` if QEMU does not know. */
  readonly actualBytes: number | undefined
}

/** QEMU's report about a disk. */
export interface LiveDisk {
  readonly counters: BlockCounters | undefined
  readonly medium: Medium | undefined
}

interface Described {
  readonly qdev?: string
  readonly inserted?: {
    readonly file: string
    readonly image: {
      readonly filename: string
      readonly 'virtual-size': number
      readonly 'actual-size'?: number
    }
  }
  readonly stats?: BlockCounters
}

/** Asks QEMU about its disks. The result has one entry for each of `disks`. */
export async function liveDisks(
  monitor: QmpConnection,
  disks: readonly NamedDisk[],
  signal: AbortSignal | undefined,
): Promise<readonly LiveDisk[]> {
  const described = (await monitor.executeAny('query-block', {}, { signal })) as Described[]
  const counted = (await monitor.executeAny('query-blockstats', {}, { signal })) as Described[]
  return disks.map((disk) => {
    const found = described.find((one) => isOf(one, disk))
    const image = found?.inserted?.image
    return {
      counters: counted.find(({ qdev }) => qdev !== undefined && qdev === found?.qdev)?.stats,
      medium: image && {
        capacityBytes: image['virtual-size'],
        actualBytes: image['actual-size'],
      },
    }
  })
}

/** QEMU names a device by its id, or by its place in the tree of objects. A QEMU that Stasis did not start has names of its own: then the file decides. */
function isOf({ qdev, inserted }: Described, { alias, source }: NamedDisk): boolean {
  if (alias !== undefined && qdev?.split('/').includes(alias) === true) return true
  return source !== undefined && inserted?.file === source
}
